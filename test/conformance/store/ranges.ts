import { describe, expect, test } from 'vitest';
import { prefixRange } from '../../../src/store/store.ts';
import { keysIn, type MakeStore, putAll } from './fixture.ts';

/** In the order of their UTF-8 bytes; JavaScript's `<` would put the emoji before U+E000 and U+FFFD. */
const ordered = ['A', 'a', 'a/', 'a/b', 'a0', 'b', 'é', '\u{D7FF}', '\u{E000}', '\u{FFFD}', '\u{10000}', '😀', '😀/x'];

export function ranges(makeStore: MakeStore): void {
  describe('ranges', () => {
    test('entries come in the order of their UTF-8 bytes', async () => {
      await using subject = await makeStore();
      await putAll(subject.store, [...ordered].reverse());
      expect(await keysIn(subject.store, prefixRange(''))).toEqual(ordered);
      expect(await keysIn(subject.store, { start: '\u{E000}', end: '😀' })).toEqual([
        '\u{E000}',
        '\u{FFFD}',
        '\u{10000}',
      ]);
      expect(await keysIn(subject.store, { start: 'b', end: 'b' })).toEqual([]);
      expect(await keysIn(subject.store, { start: 'b', end: 'a' })).toEqual([]);
    });

    test('a limit cuts, and says so', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const revision = await putAll(store, ['a/1', 'a/2', 'a/3', 'b']);
      const two = await store.range(prefixRange('a/'), { limit: 2 });
      expect([two.entries.map((entry) => entry.key), two.more, two.revision]).toEqual([['a/1', 'a/2'], true, revision]);
      const three = await store.range(prefixRange('a/'), { limit: 3 });
      expect([three.entries.length, three.more]).toEqual([3, false]);
      const all = await store.range(prefixRange('a/'));
      expect([all.entries.length, all.more]).toEqual([3, false]);
    });

    test('of keys only, entries are whole but for their values', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      await putAll(store, ['a/1', 'a/2', 'a/3', 'b']);
      await putAll(store, ['a/2']);
      const whole = await store.range(prefixRange('a/'));
      const keys = { ...whole, entries: whole.entries.map((entry) => ({ ...entry, value: '' })) };
      expect(whole.entries.map(({ value }) => value)).not.toContain('');
      expect(await store.range(prefixRange('a/'), { keysOnly: true })).toEqual(keys);
      const two = await store.range(prefixRange('a/'), { limit: 2, keysOnly: true });
      expect(two).toEqual({ ...keys, entries: keys.entries.slice(0, 2), more: true });
      expect(await store.range(prefixRange('a/'))).toEqual(whole);
    });

    test.each([
      ['a/', ['a/', 'a/b']],
      ['a', ['a', 'a/', 'a/b', 'a0']],
      ['\u{D7FF}', ['\u{D7FF}']],
      ['\u{FFFD}', ['\u{FFFD}']],
      ['😀', ['😀', '😀/x']],
      ['zzz', []],
      ['', ordered],
    ])('prefix %j has %j', async (prefix, keys) => {
      await using subject = await makeStore();
      await putAll(subject.store, ordered);
      expect(await keysIn(subject.store, prefixRange(prefix))).toEqual(keys);
    });

    test('single keys that are asked for at once have each its own answer: what is there, whole, and nothing', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const there = Array.from({ length: 150 }, (_, index) => `key/${index}`);
      await putAll(store, there);
      const { entries } = await store.range(prefixRange('key/'));
      const whole = new Map(entries.map((entry) => [entry.key, entry]));
      const asked = [...there, 'key', ...there.toReversed(), 'key/150', ''];
      expect(await Promise.all(asked.map((key) => store.get(key)))).toEqual(asked.map((key) => whole.get(key)));
    });

    test('many keys, added and deleted out of order, stay in order', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const name = (index: number) => `k/${String(index).padStart(5, '0')}`;
      const numbers = Array.from({ length: 3000 }, (_, index) => (index * 1009) % 3000);
      await Promise.all(
        numbers.map((index) => store.transact([], [{ op: 'put', key: name(index), value: String(index) }])),
      );
      await Promise.all(
        numbers
          .filter((index) => index % 3 !== 0)
          .map((index) => store.transact([], [{ op: 'delete', key: name(index) }])),
      );
      const left = numbers.filter((index) => index % 3 === 0).sort((a, b) => a - b);
      expect(await keysIn(store, prefixRange('k/'))).toEqual(left.map(name));
      expect(await keysIn(store, { start: name(1499), end: name(1507) })).toEqual([1500, 1503, 1506].map(name));
    }, 20_000);
  });
}
