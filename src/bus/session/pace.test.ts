import { expect, test } from 'vitest';
import { inFlightLimit, type Mark, Pace } from './pace.ts';

const piece = 64 * 1024;

/** Pings are counted, and answered by the test. */
function paced(answered = true) {
  const pings = { count: 0 };
  const pace = new Pace(() => {
    pings.count += 1;
  }, answered);
  let sent = 0;
  const send = async (size: number, mark: Mark = { at: 0 }) => {
    await pace.before(size, mark);
    sent += size;
    pace.after();
  };
  return { pace, pings, send, sent: () => sent };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('no more is on its way than the limit, and a pong lets on what came before its ping', async () => {
  const { pace, pings, send, sent } = paced();
  const all = Array.from({ length: 40 }, () => send(piece));
  await settle();
  expect(sent()).toBeLessThanOrEqual(inFlightLimit);
  expect(sent()).toBeGreaterThan(inFlightLimit - piece - 1);
  expect(pings.count).toBe(1);
  const before = sent();
  await settle();
  expect(sent()).toBe(before);
  pace.pong();
  await settle();
  expect(sent()).toBeGreaterThan(before);
  expect(sent()).toBeLessThanOrEqual(before + inFlightLimit);
  expect(pings.count).toBe(2);
  for (let round = 0; round < 40 && sent() < 40 * piece; round += 1) {
    pace.pong();
    await settle();
  }
  await Promise.all(all);
});

test('small pieces of a stream wait for its earlier ones while much is in flight; a stream that is silent does not', async () => {
  const { pace, send, sent } = paced();
  const [bulk, keys] = [{ at: 0 }, { at: 0 }];
  await send(piece, bulk);
  await send(piece, bulk);
  const held = send(100, bulk);
  await settle();
  expect(sent()).toBe(2 * piece);
  await send(10, keys);
  expect(sent()).toBe(2 * piece + 10);
  pace.pong();
  pace.pong();
  await held;
});

test('many large writers do not keep one another, nor small ones them, from their turn', async () => {
  const { pace, send } = paced();
  const done: string[] = [];
  const writers = ['a', 'b', 'c'].map(async (name) => {
    const mark = { at: 0 };
    for (let n = 0; n < 30; n += 1) {
      await send(name === 'b' ? 40 * 1024 : piece, mark);
      done.push(name);
    }
  });
  for (let round = 0; round < 500 && done.length < 90; round += 1) {
    pace.pong();
    await settle();
  }
  await Promise.all(writers);
  const firstHalf = done.slice(0, 45);
  for (const name of ['a', 'b', 'c']) expect(firstHalf.filter((each) => each === name).length).toBeGreaterThan(10);
});

test('a peer that does not answer pings is asked once, and nobody waits for it', async () => {
  const { pings, send, sent } = paced(false);
  for (let n = 0; n < 40; n += 1) await send(piece);
  expect(sent()).toBe(40 * piece);
  expect(pings.count).toBe(1);
});

test('a pong for a ping of before counts no more than what was sent before that', async () => {
  const { pace, send, sent } = paced();
  pace.ping();
  const all = Promise.all(Array.from({ length: 12 }, () => send(piece)));
  await settle();
  const before = sent();
  pace.pong();
  await settle();
  expect(sent()).toBe(before);
  pace.close();
  await all;
});

test('at the end of the session nobody waits', async () => {
  const { pace, send } = paced();
  const all = Promise.all(Array.from({ length: 30 }, () => send(piece)));
  await settle();
  pace.close();
  await all;
});
