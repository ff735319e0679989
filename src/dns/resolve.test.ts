import { describe, expect, test } from 'vitest';
import { buildAnswer, composeAnswer } from './message/answer.ts';
import { readQuestion } from './message/question.ts';
import { resolve } from './resolve.ts';
import { type Asked, type Decoded, decode, numbers, query, type TypeName } from './testing/messages.ts';
import { fakeZone } from './testing/zone.ts';

const client = { address: '10.42.0.6', server: '10.42.0.2' };

function ask(name: string, type: TypeName, asked: Asked & { limit?: number; turn?: number } = {}): Decoded | string {
  const message = query(name, type, asked);
  const question = readQuestion(message);
  if (question?.kind !== 'question') throw new Error('a mistake');
  const resolved = resolve(fakeZone(), client, question);
  if (typeof resolved === 'string') return resolved;
  const answer = buildAnswer(message, question, resolved, asked.limit ?? 512);
  const bytes = composeAnswer(answer, 0xabcd, asked.turn ?? 0);
  expect(bytes.length).toBeLessThanOrEqual(asked.limit ?? 512);
  return decode(bytes);
}

const dataOf = (decoded: Decoded | string) =>
  typeof decoded === 'string' ? decoded : decoded.answers.map(({ data }) => data);

describe('answers from the zone', () => {
  test('an address, with the letters of the question as they were', () => {
    expect(ask('WeB', 'A')).toEqual({
      ...{ id: 0xabcd, rcode: 0, authoritative: true, truncated: false, recursion: 'desired available' },
      question: 'WeB',
      answers: [{ name: 'WeB', type: numbers.A, ttl: 1, data: '10.42.0.5' }],
      authority: [],
    });
  });

  test('AAAA where there is one', () => {
    expect(dataOf(ask('six', 'AAAA'))).toEqual(['fd000000000000000000000000000005']);
    expect(dataOf(ask('web', 'ANY'))).toEqual(['10.42.0.5']);
  });

  test.each<[string, TypeName, number, string]>([
    ['web', 'AAAA', 0, 'web'],
    ['web.app.trama.test', 'TXT', 0, 'trama.test'],
    ['app.trama.test', 'A', 0, 'trama.test'],
    ['trama.test', 'A', 0, 'trama.test'],
    ['nobody.trama.test', 'A', 3, 'trama.test'],
    ['x.nobody.Trama.test', 'AAAA', 3, 'Trama.test'],
    ['9.0.42.10.in-addr.arpa', 'PTR', 3, '0.42.10.in-addr.arpa'],
    ['5.0.42.10.in-addr.arpa', 'A', 0, '0.42.10.in-addr.arpa'],
  ])('%s %s is not there (rcode %i), and that may be kept for a second', (name, type, rcode, owner) => {
    expect(ask(name, type, { edns: 1232 })).toMatchObject({
      ...{ rcode, answers: [], opt: { size: 1232, dnssec: false } },
      authority: [{ name: owner, type: numbers.SOA, ttl: 1, data: 'trama.test 1' }],
    });
  });

  test('the zone has a start of authority', () => {
    expect(dataOf(ask('trama.test', 'SOA'))).toEqual(['trama.test 1']);
  });

  test('names of an address, the fullest first, whoever has the turn', () => {
    for (const turn of [0, 1]) {
      const names = dataOf(ask('5.0.42.10.in-addr.arpa', 'PTR', { turn }));
      expect(names).toEqual(['web.app.trama.test', 'web']);
    }
  });

  test.each(['example.com', 'xtrama.test', 'test', '', '5.2.0.192.in-addr.arpa', '42.10.in-addr.arpa'])(
    '%j is passed on',
    (name) => expect(ask(name, 'PTR')).toBe('pass on'),
  );

  test('a dot inside a label makes no name of the zone', () => {
    const message = query('nobody-trama.test', 'A');
    message[message.indexOf('-')] = 0x2e;
    const question = readQuestion(message);
    if (question?.kind !== 'question') throw new Error('a mistake');
    expect(resolve(fakeZone(), client, question)).toBe('pass on');
  });

  test('whole zones and other classes are refused', () => {
    expect(ask('trama.test', 'AXFR')).toBe('refused');
    expect(ask('version.bind', 'TXT', { class: 3 })).toBe('refused');
  });

  test('addresses take turns', () => {
    const firsts = [0, 1, 2, 3].map((turn) => dataOf(ask('db', 'A', { turn })));
    expect(firsts).toEqual([
      ['10.42.0.7', '10.42.0.8', '10.42.0.9'],
      ['10.42.0.8', '10.42.0.9', '10.42.0.7'],
      ['10.42.0.9', '10.42.0.7', '10.42.0.8'],
      ['10.42.0.7', '10.42.0.8', '10.42.0.9'],
    ]);
  });

  test('of too many as many as fit, in turns, and it is said', () => {
    // Header and question are 22 bytes, a record 16, an OPT 11.
    const [small, large, all] = [{}, { edns: 1232, limit: 1232 }, { limit: 0xffff }].map((asked) =>
      ask('many', 'A', asked),
    );
    expect(small).toMatchObject({ truncated: true, answers: { length: 30 } });
    expect(large).toMatchObject({ truncated: true, answers: { length: 74 } });
    expect(all).toMatchObject({ truncated: false, answers: { length: 100 } });
    const wrapped = dataOf(ask('many', 'A', { turn: 90 }));
    expect(wrapped).toHaveLength(30);
    expect([wrapped[0], wrapped[9], wrapped[10]]).toEqual(['10.42.1.90', '10.42.1.99', '10.42.1.0']);
  });
});
