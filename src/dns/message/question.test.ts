import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { query, wireName, words } from '../testing/messages.ts';
import { readQuestion } from './question.ts';

const formatError = { kind: 'mistake', rcode: 1 };
const header = (flags: number, ...counts: number[]) => words(7, flags, ...counts);

describe('what a message asks', () => {
  test('name in lower case, type, class, EDNS', () => {
    const message = query('Web.App', 'AAAA', { edns: 4096, dnssec: true });
    const question = readQuestion(message);
    expect(question).toEqual({
      ...{ kind: 'question', name: 'web.app', type: 28, class: 1, end: 25 },
      edns: { size: 4096, dnssec: true, at: 28 },
    });
    expect(message.readUInt16BE(28)).toBe(4096);
  });

  test('the root, and a name of 255 bytes', () => {
    expect(readQuestion(query('', 'A'))).toMatchObject({ name: '', end: 17 });
    const long = [63, 63, 63, 61].map((length) => 'a'.repeat(length)).join('.');
    expect(wireName(long)).toHaveLength(255);
    expect(readQuestion(query(long, 'A'))).toMatchObject({ name: long });
    expect(readQuestion(query(`${long}a`, 'A'))).toEqual(formatError);
  });

  test('bytes that could be taken for others are escaped', () => {
    const name = Buffer.concat([Buffer.of(5), Buffer.from('a.B\\ '), Buffer.of(1, 0xc4, 0)]);
    expect(readQuestion(Buffer.concat([header(0, 1, 0, 0, 0), name, words(1, 1)]))).toMatchObject({
      name: 'a\\046b\\092\\032.\\196',
    });
  });

  test('silence for fragments of a header and for answers', () => {
    expect(readQuestion(query('web', 'A').subarray(0, 11))).toBeUndefined();
    expect(readQuestion(query('web', 'A', { flags: 0x8180 }))).toBeUndefined();
  });

  test.each([
    ['no question', Buffer.concat([header(0, 0, 0, 0, 0)]), 1],
    [
      'two questions',
      Buffer.concat([header(0, 2, 0, 0, 0), wireName('a'), words(1, 1), wireName('b'), words(1, 1)]),
      1,
    ],
    ['a cut name', query('web', 'A').subarray(0, 14), 1],
    ['no class', query('web', 'A').subarray(0, 19), 1],
    ['a pointer to itself', Buffer.concat([header(0, 1, 0, 0, 0), Buffer.of(0xc0, 12), words(1, 1)]), 1],
    ['a label of 64 bytes', Buffer.concat([header(0, 1, 0, 0, 0), Buffer.of(64), Buffer.alloc(80)]), 1],
    ['a record that is not there', Buffer.concat([header(0, 1, 0, 0, 1), wireName('a'), words(1, 1)]), 1],
    ['data that is not there', Buffer.concat([query('a', 'A', { edns: 512 }).subarray(0, -2), words(9)]), 1],
    ['two OPTs', twoOpts(), 1],
    [
      'an OPT of a name',
      Buffer.concat([header(0, 1, 0, 0, 1), wireName('a'), words(1, 1), wireName('a'), words(41, 512, 0, 0, 0)]),
      1,
    ],
    [
      'an OPT among the answers',
      Buffer.concat([header(0, 1, 1, 0, 0), query('a', 'A', { edns: 512 }).subarray(12)]),
      1,
    ],
    ['a later EDNS', query('web', 'A', { edns: 512, ednsVersion: 1 }), 16],
    ['an update', query('web', 'A', { flags: 0x2800 }), 4],
    ['a notification', query('web', 'A', { flags: 0x2400 }), 4],
  ])('%s is a mistake', (_, message, rcode) => {
    expect(readQuestion(message)).toEqual({ kind: 'mistake', rcode });
  });

  test('other records are walked over, also those with pointers', () => {
    const additional = Buffer.concat([Buffer.of(0xc0, 12), words(250, 1, 0, 0, 3), Buffer.from('abc')]);
    const opt = query('a', 'A', { edns: 900 }).subarray(19);
    const message = Buffer.concat([header(0, 1, 0, 0, 2), wireName('a'), words(1, 1), additional, opt]);
    expect(readQuestion(message)).toMatchObject({ name: 'a', edns: { size: 900 } });
  });

  test('never throws, whatever the bytes', () => {
    const mutated = fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 }), fc.nat(60)).map(([at, byte, cut]) => {
      const message = query('web.app.trama.test', 'A', { edns: 1232 });
      message[at % message.length] = byte;
      return message.subarray(0, Math.max(2, message.length - (cut % 40)));
    });
    const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, anything), (message) => {
        const question = readQuestion(message);
        if (question?.kind === 'question') expect(question.end).toBeLessThanOrEqual(message.length);
      }),
      { numRuns: 3000 },
    );
  });
});

function twoOpts(): Buffer {
  const one = query('a', 'A', { edns: 512 });
  const both = Buffer.concat([one, one.subarray(19)]);
  both.writeUInt16BE(2, 10);
  return both;
}
