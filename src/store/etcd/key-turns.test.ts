import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Write } from '../store.ts';
import { KeyTurns } from './key-turns.ts';

const put = (key: string): Write => ({ op: 'put', key, value: '' });
const range: Write = { op: 'delete-range', range: { start: 'a', end: 'b' } };

/** Work that is held until it is let go, and what has begun. */
function scene() {
  const turns = new KeyTurns();
  const begun: string[] = [];
  const holds = new Map<string, PromiseWithResolvers<void>>();
  const ask = (name: string, writes: readonly Write[], conditions: readonly string[] = []) => {
    const hold = Promise.withResolvers<void>();
    holds.set(name, hold);
    return turns.take(
      conditions.map((key) => ({ key, is: 'present' })),
      writes,
      () => {
        begun.push(name);
        return hold.promise;
      },
    );
  };
  const end = async (name: string) => {
    holds.get(name)?.resolve();
    await turn();
  };
  return { turns, begun, ask, end, holds };
}

test('what touches the same key waits for its turn, also by a condition; the rest does not', async () => {
  const { begun, ask, end } = scene();
  void ask('first', [put('a'), put('b')]);
  void ask('second', [put('b')]);
  void ask('third', [put('c')], ['b']);
  void ask('other', [put('d')]);
  await turn();
  expect(begun).toEqual(['first', 'other']);
  await end('first');
  expect(begun).toEqual(['first', 'other', 'second']);
  await end('second');
  expect(begun).toEqual(['first', 'other', 'second', 'third']);
});

test('a range waits for all before it, and all after it for the range', async () => {
  const { begun, ask, end } = scene();
  void ask('before', [put('x')]);
  void ask('range', [range]);
  void ask('after', [put('y')]);
  await turn();
  expect(begun).toEqual(['before']);
  await end('before');
  expect(begun).toEqual(['before', 'range']);
  await end('range');
  expect(begun).toEqual(['before', 'range', 'after']);
});

test('one that fails lets the next go on', async () => {
  const { begun, ask, holds } = scene();
  const failing = ask('failing', [put('a')]);
  void ask('next', [put('a')]);
  await turn();
  holds.get('failing')?.reject(new Error('no'));
  await expect(failing).rejects.toThrow('no');
  await turn();
  expect(begun).toEqual(['failing', 'next']);
});

test('64 at once, more in the order they came; beyond 10,000 it is overloaded; settled when all are done', async () => {
  const { turns, begun, ask, end, holds } = scene();
  const all = Array.from({ length: 10_000 }, (_, index) => ask(`${index}`, [put(`k${index}`)]));
  await turn();
  expect(begun).toHaveLength(64);
  await end('5');
  expect(begun.slice(64)).toEqual(['64']);
  all.push(ask('last', [put('more')]));
  await expect(ask('too many', [put('z')])).rejects.toMatchObject({ code: 'overloaded' });
  const settled = turns.settled();
  for (const { resolve } of holds.values()) resolve();
  await settled;
  await Promise.all(all);
  expect(begun.length).toBeGreaterThanOrEqual(10_000);
});
