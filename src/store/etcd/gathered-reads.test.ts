import { expect, test } from 'vitest';
import type { Entry } from '../store.ts';
import { GatheredReads } from './gathered-reads.ts';

function scene() {
  const looks: (readonly string[])[] = [];
  let failing = false;
  const reads = new GatheredReads(async (keys) => {
    looks.push(keys);
    if (failing) throw new Error('gone');
    return keys.map((key) => (key.startsWith('absent') ? undefined : ({ key } as Entry)));
  });
  const get = async (key: string) => (await reads.get(key))?.key;
  return { get, looks, fail: () => (failing = true) };
}

test('what is asked for in one turn is one look, each key once; what is asked for later is another', async () => {
  const { get, looks } = scene();
  expect(await Promise.all([get('a'), get('absent'), get('b'), get('a')])).toEqual(['a', undefined, 'b', 'a']);
  expect(await get('a')).toBe('a');
  expect(looks).toEqual([['a', 'absent', 'b'], ['a']]);
});

test('no look is at more than a hundred keys', async () => {
  const { get, looks } = scene();
  const keys = Array.from({ length: 250 }, (_, index) => `k${index}`);
  expect(await Promise.all(keys.map(get))).toEqual(keys);
  expect(looks.map(({ length }) => length)).toEqual([100, 100, 50]);
});

test('a look that fails is a failure of each that asked, and of no other', async () => {
  const { get, looks, fail } = scene();
  expect(await get('a')).toBe('a');
  fail();
  const said = await Promise.allSettled([get('a'), get('b')]);
  expect(said.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(looks).toHaveLength(2);
});
