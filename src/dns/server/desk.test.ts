import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/platform.ts';
import type { QuestionOutcome } from '../dns.ts';
import { Forwarder, usualPatience } from '../forward/forwarder.ts';
import { decode, query } from '../testing/messages.ts';
import { fakeZone } from '../testing/zone.ts';
import { Clients } from './clients.ts';
import { Desk } from './desk.ts';

function desk() {
  const zone = fakeZone();
  const told: QuestionOutcome[] = [];
  const forwarder = new Forwarder({ clock: systemClock, patience: usualPatience });
  const made = new Desk({
    zone,
    clock: systemClock,
    forwarder,
    passedOn: { ofClient: 1, ofAll: 1 },
    isOwn: () => false,
    answered: (outcome, seconds) => void (seconds >= 0 && told.push(outcome)),
  });
  const clients = new Clients('10.42.0.2', systemClock, { perSecond: 1, burst: 1 });
  const ask = (message: Buffer, address = '10.42.0.6', transport: 'overUdp' | 'overTcp' = 'overUdp') => {
    const answers: Buffer[] = [];
    made[transport](clients.at(address), message, (answer) => answers.push(answer));
    return answers;
  };
  return { zone, ask, told };
}

const addresses = (answers: readonly Buffer[]) =>
  answers.flatMap((each) => decode(each).answers.map(({ data }) => data));

test('each answer is told as what it is, and no other', () => {
  const { ask, told } = desk();
  ask(query('db', 'A'));
  ask(query('db', 'A'));
  ask(query('db', 'A'), '10.42.0.6', 'overTcp');
  ask(query('elsewhere.example', 'A'));
  const status = query('db', 'A');
  status.writeUInt8(status.readUInt8(2) | 0x10, 2);
  ask(status);
  ask(Buffer.from('no question'));
  expect(told).toEqual(['answered', 'cached', 'answered', 'refused', 'malformed']);
});

describe('questions that were asked before', () => {
  test('are answered without looking, under the id of each, with addresses in turn', () => {
    const { zone, ask } = desk();
    const firsts = [1, 2, 3, 4].map((id) => {
      const answers = ask(query('db', 'A', { id }));
      expect(answers.map((each) => decode(each).id)).toEqual([id]);
      return addresses(answers)[0];
    });
    expect(new Set(firsts.slice(0, 3)).size).toBe(3);
    expect(firsts[3]).toBe(firsts[0]);
    expect(zone.found).toEqual(['db']);
  });

  test('but not of other clients, other letters, other sizes, or an earlier version', () => {
    const { zone, ask } = desk();
    ask(query('web', 'A'));
    ask(query('web', 'A'), '10.42.0.9');
    ask(query('WEB', 'A'));
    ask(query('web', 'A', { edns: 1232 }));
    expect(zone.found).toHaveLength(4);
    zone.names.set('web', ['10.42.0.77']);
    zone.version += 1;
    expect(addresses(ask(query('web', 'A')))).toEqual(['10.42.0.77']);
    zone.names.delete('web');
    zone.version += 1;
    expect(ask(query('web', 'A')).map((each) => decode(each).rcode)).toEqual([5]);
  });

  test('those who ask once do not all get the same first address', () => {
    const { ask } = desk();
    const firsts = ['10.42.0.20', '10.42.0.21', '10.42.0.22'].map((each) => addresses(ask(query('db', 'A'), each))[0]);
    expect(new Set(firsts).size).toBe(3);
  });

  test('more of them than are kept are answered, too', () => {
    const { ask } = desk();
    for (let i = 0; i < 5000; i++) expect(ask(query(`no${i}.trama.test`, 'A'))).toHaveLength(1);
  });
});

describe('questions of a client that is not known yet', () => {
  const rcodes = (answers: readonly Buffer[]) => answers.map((each) => decode(each).rcode);

  test.each(['overUdp', 'overTcp'] as const)('%s: wait until it is, if they would be passed on', async (transport) => {
    const { zone, ask } = desk();
    const { promise, resolve } = Promise.withResolvers<void>();
    zone.unknown = promise;
    expect(addresses(ask(query('web', 'A'), '10.42.0.6', transport))).toEqual(['10.42.0.5']);
    const answers = ask(query('store', 'A'), '10.42.0.6', transport);
    await new Promise(setImmediate);
    expect(answers).toEqual([]);
    zone.names.set('store', ['10.42.0.8']);
    zone.version += 1;
    resolve();
    await expect.poll(() => addresses(answers)).toEqual(['10.42.0.8']);
    expect(addresses(ask(query('store', 'A', { id: 9 }), '10.42.0.6', transport))).toEqual(['10.42.0.8']);
  });

  test('wait once, and no more of them than may be passed on', async () => {
    const { zone, ask } = desk();
    zone.unknown = new Promise((resolve) => setTimeout(resolve, 20));
    const [first, second] = [ask(query('nobody', 'A')), ask(query('nothing', 'A'))];
    expect([rcodes(first), rcodes(second)]).toEqual([[], [5]]);
    await expect.poll(() => rcodes(first)).toEqual([5]);
    expect(rcodes(ask(query('web', 'A')))).toEqual([0]);
  });
});

describe('whatever the bytes', () => {
  const valid = fc
    .tuple(
      fc.constantFrom('web', 'db', 'many', 'nobody.trama.test', '5.0.42.10.in-addr.arpa', 'example.com'),
      fc.boolean(),
    )
    .map(([name, edns]) => query(name, name.endsWith('arpa') ? 'PTR' : 'A', edns ? { edns: 4096 } : {}));
  const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 });
  const mutated = fc.tuple(valid, changes, fc.nat(10)).map(([message, changed, cut]) => {
    for (const [at, byte] of changed) message[at % message.length] = byte;
    return message.subarray(0, message.length - cut);
  });
  const anything = fc.uint8Array({ minLength: 2, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

  test.each([
    ['overUdp', 1232],
    ['overTcp', 65_535],
  ] as const)('%s: at most one answer, well formed, with the id, and never to an answer', (transport, most) => {
    const { ask } = desk();
    fc.assert(
      fc.property(fc.oneof(mutated, anything), (message) => {
        const before = message.toString('hex');
        const answers = ask(message, '10.42.0.6', transport);
        expect(message.toString('hex')).toBe(before);
        const answerable = message.length >= 12 && message.readUInt8(2) < 0x80;
        expect(answers.length).toBe(answerable ? 1 : 0);
        for (const answer of answers) {
          expect(decode(answer).id).toBe(message.readUInt16BE(0));
          expect(answer.length).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 4000 },
    );
  });
});
