import { expect, test } from 'vitest';
import { Answers } from './answers.ts';

const bytes = (n: number) => async () => new Uint8Array(n);

function counting() {
  let runs = 0;
  const run = async () => {
    runs += 1;
    return Uint8Array.of(runs);
  };
  return { run, runs: () => runs };
}

test('an id runs once per key, also when it failed', async () => {
  const answers = new Answers(() => 0);
  const { run, runs } = counting();
  expect(await answers.once('a', '1', run)).toEqual(await answers.once('a', '1', run));
  await answers.once('b', '1', run);
  expect(runs()).toBe(2);
  const fails = () => Promise.reject(new Error('no'));
  await expect(answers.once('a', '2', fails)).rejects.toThrow('no');
  await expect(answers.once('a', '2', run)).rejects.toThrow('no');
  expect(runs()).toBe(2);
});

test('answers are forgotten after five minutes, or with their key', async () => {
  let now = 0;
  const answers = new Answers(() => now);
  const { run, runs } = counting();
  await answers.once('a', '1', run);
  now = 4 * 60_000;
  answers.sweep();
  await answers.once('a', '1', run);
  expect(runs()).toBe(1);
  now = 6 * 60_000;
  answers.sweep();
  await answers.once('a', '1', run);
  expect(runs()).toBe(2);
  answers.forget('a');
  await answers.once('a', '1', run);
  expect(runs()).toBe(3);
});

test('what is kept is bounded, by number and by bytes; the oldest goes first', async () => {
  const answers = new Answers(() => 0);
  const { run, runs } = counting();
  await answers.once('a', 'first', run);
  for (let n = 0; n < 999; n++) await answers.once('a', `${n}`, bytes(0));
  await answers.once('a', 'first', run);
  expect(runs()).toBe(1);
  await answers.once('a', 'one more', bytes(0));
  await answers.once('a', 'first', run);
  expect(runs()).toBe(2);
  for (let n = 0; n < 17; n++) await answers.once('a', `big ${n}`, bytes(64 * 1024));
  await answers.once('a', 'first', run);
  expect(runs()).toBe(3);
});

test('too many at once are refused; those under way are joined all the same', async () => {
  const answers = new Answers(() => 0);
  const gate = Promise.withResolvers<Uint8Array>();
  for (let n = 0; n < 1024; n++) void answers.once('a', `${n}`, () => gate.promise);
  expect(() => answers.once('a', 'more', bytes(0))).toThrow('wait for answers');
  const joined = answers.once('a', '5', bytes(0));
  gate.resolve(Uint8Array.of(7));
  expect(await joined).toEqual(Uint8Array.of(7));
  await answers.once('a', 'more', bytes(0));
});

test('what may run again is not kept, and joined while it runs', async () => {
  const answers = new Answers(() => 0);
  const { run, runs } = counting();
  const [one, other] = [answers.once('a', '1', run, false), answers.once('a', '1', run, false)];
  expect(await one).toEqual(await other);
  expect(runs()).toBe(1);
  await answers.once('a', '1', run, false);
  expect(runs()).toBe(2);
});
