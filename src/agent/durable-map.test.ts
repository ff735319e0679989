import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DurableMap } from './durable-map.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'durable-map-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const never = (file: string) => {
  throw new Error(`damaged: ${file}`);
};

test('what was written is there after opening again', async () => {
  const map = await DurableMap.open<{ n: number }>(directory, never);
  await map.set('a/b', { n: 1 });
  await map.set('../climb', { n: 2 });
  await map.set('a/b', { n: 3 });
  await map.set('gone', { n: 4 });
  await map.delete('gone');
  const again = await DurableMap.open<{ n: number }>(directory, never);
  expect(new Map(again.entries())).toEqual(
    new Map([
      ['a/b', { n: 3 }],
      ['../climb', { n: 2 }],
    ]),
  );
});

test('the last of many writes of one key wins', async () => {
  const map = await DurableMap.open<number>(directory, never);
  await Promise.all(Array.from({ length: 50 }, (_, i) => map.set('k', i)));
  expect((await DurableMap.open<number>(directory, never)).get('k')).toBe(49);
});

test('who waits for all that is being written comes after those who wait for one', async () => {
  const map = await DurableMap.open<{ n: number }>(directory, never);
  const order: string[] = [];
  const set = map.set('a', { n: 1 }).then(() => order.push('set'));
  const both = map
    .set('b', { n: 1 })
    .then(() => map.get('b'))
    .then(() => order.push('b'));
  const all = map.written().then(() => order.push('all'));
  await Promise.all([set, both, all]);
  expect(order.at(-1)).toBe('all');
});

test('what could not be written is not there, unless it is another or gone by then', async () => {
  const map = await DurableMap.open<number | bigint>(directory, never);
  for (const key of ['refused', 'refused twice', 'changed', 'deleted']) await map.set(key, 1);
  // JSON has no such number.
  const refused = ['refused', 'refused twice', 'refused twice', 'changed', 'deleted', 'new', 'new'];
  const writing = Promise.allSettled(refused.map((key, i) => map.set(key, BigInt(i))));
  await Promise.all([map.set('changed', 3), map.delete('deleted')]);
  expect((await writing).map(({ status }) => status)).toEqual(Array(7).fill('rejected'));
  expect(Object.fromEntries(map.entries())).toEqual({ refused: 1, 'refused twice': 1, changed: 3 });
});

test('a damaged file is told of and left; the rest is read', async () => {
  const map = await DurableMap.open<number>(directory, never);
  await map.set('good', 1);
  await writeFile(join(directory, 'bad.json'), '{');
  const damaged: string[] = [];
  const again = await DurableMap.open<number>(directory, (file) => damaged.push(file));
  expect([...again.entries()]).toEqual([['good', 1]]);
  expect(damaged).toEqual([join(directory, 'bad.json')]);
  expect(await readdir(directory)).toContain('bad.json');
});

test('half-written files do not count', async () => {
  await writeFile(join(directory, 'k.json.1.1.tmp'), '1');
  expect((await DurableMap.open(directory, never)).size).toBe(0);
});
