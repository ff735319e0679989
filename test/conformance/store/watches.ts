import { describe, expect, test } from 'vitest';
import { prefixRange, type WatchItem } from '../../../src/store/store.ts';
import { keysIn, lines, type MakeStore, put, putAll, take } from './fixture.ts';

const all = prefixRange('');

export function watches(makeStore: MakeStore): void {
  describe('watches', () => {
    test('from the past: each revision one batch, in order, with what was there before', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const base = await store.revision();
      await store.transact([], [put('b', '1'), put('a', '1')]);
      await store.transact([], [put('a', '2')]);
      await store.transact([], [{ op: 'delete-range', range: all }]);
      const items = await take(store, all, base + 1, 3);
      expect(lines(items, base)).toEqual(['1: +b +a', '2: +a', '3: -a -b']);
      const events = items.flatMap((item) => (item.kind === 'events' ? item.events : []));
      expect(events[0]).not.toHaveProperty('previous');
      expect(events[2]).toMatchObject({
        entry: { value: '2', version: 2, createRevision: base + 1, modRevision: base + 2 },
        previous: { key: 'a', value: '1', version: 1, modRevision: base + 1 },
      });
      expect(events[3]).toMatchObject({ type: 'delete', revision: base + 3, previous: { value: '2' } });
    });

    test('from now on: nothing of before, all that follows', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const base = await putAll(store, ['before']);
      const watching = take(store, all, base + 1, 2);
      await putAll(store, ['x', 'y']);
      expect(lines(await watching, base)).toEqual(['1: +x', '2: +y']);
    });

    test('from a revision yet to come: waits for it', async () => {
      await using subject = await makeStore();
      const base = await subject.store.revision();
      const watching = take(subject.store, all, base + 3, 1);
      await putAll(subject.store, ['x', 'y', 'z']);
      expect(lines(await watching, base)).toEqual(['3: +z']);
    });

    test('only what is in the range, also of a transaction that is partly in it', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const base = await store.revision();
      const live = take(store, prefixRange('a/'), base + 1, 2);
      await putAll(store, ['b', 'a']);
      await store.transact([], [put('a/1'), put('b/1'), put('a0')]);
      await putAll(store, ['c', 'a/2']);
      expect(lines(await live, base)).toEqual(['3: +a/1', '5: +a/2']);
      expect(lines(await take(store, prefixRange('a/'), base + 1, 2), base)).toEqual(['3: +a/1', '5: +a/2']);
    });

    test('between history and live nothing is lost and nothing comes twice', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const base = await store.revision();
      const writing = (async () => {
        for (let index = 0; index < 300; index += 1) await store.transact([], [put(`k${index % 7}`, String(index))]);
      })();
      const watchers = Array.from({ length: 5 }, async (_, index) => {
        while ((await store.revision()) < base + index * 40) await new Promise((resolve) => setImmediate(resolve));
        return take(store, all, base + 1, 300);
      });
      const expected = Array.from({ length: 300 }, (_, index) => base + index + 1);
      for (const items of await Promise.all(watchers)) {
        expect(items.map((item) => (item.kind === 'events' ? item.revision : -1))).toEqual(expected);
      }
      await writing;
    }, 20_000);

    test('a reader that stands still holds up no writer, and then hears all in order', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const base = await store.revision();
      const watching = store.watch(all, base + 1, new AbortController().signal)[Symbol.asyncIterator]();
      const first = watching.next();
      const count = 2500;
      await Promise.all(Array.from({ length: count }, (_, index) => store.transact([], [put('k', String(index))])));
      const values: string[] = [];
      for (let step = await first; !step.done; step = await watching.next()) {
        if (step.value.kind !== 'events') break;
        values.push(...step.value.events.map((event) => (event.type === 'put' ? event.entry.value : '')));
        if (values.length === count) break;
      }
      expect(values).toEqual(Array.from({ length: count }, (_, index) => String(index)));
      await watching.return?.();
    }, 20_000);

    endings(makeStore);
  });
}

function endings(makeStore: MakeStore): void {
  test('across a compaction: compacted, once, and a snapshot goes on from there', async () => {
    await using subject = await makeStore();
    const { store } = subject;
    const base = await store.revision();
    await putAll(store, ['a', 'b', 'a', 'c']);
    await store.compact(base + 3);
    const items: WatchItem[] = [];
    for await (const item of store.watch(all, base + 2, new AbortController().signal)) items.push(item);
    expect(items).toEqual([{ kind: 'compacted', compactedTo: expect.any(Number) }]);
    expect(lines(await take(store, all, base + 3, 2), base)).toEqual(['3: +a', '4: +c']);
    const snapshot = await store.range(all);
    expect(snapshot.entries.map((entry) => entry.key)).toEqual(['a', 'b', 'c']);
    const watching = take(store, all, snapshot.revision + 1, 1);
    await putAll(store, ['d']);
    expect(lines(await watching, base)).toEqual(['5: +d']);
  });

  test('a watch that has caught up lives through a compaction', async () => {
    await using subject = await makeStore();
    const { store } = subject;
    const base = await store.revision();
    const watching = store.watch(prefixRange('mine'), base + 1, new AbortController().signal)[Symbol.asyncIterator]();
    const first = watching.next();
    await putAll(store, ['mine1']);
    const heard = [(await first).value];
    const second = watching.next();
    await putAll(store, ['other', 'other']);
    await store.compact(await store.revision());
    await putAll(store, ['mine2']);
    heard.push((await second).value);
    await watching.return?.();
    expect(lines(heard, base)).toEqual(['1: +mine1', '4: +mine2']);
  });

  test('compaction keeps current values, goes only forward and not beyond now', async () => {
    await using subject = await makeStore();
    const { store } = subject;
    const revision = await putAll(store, ['a', 'b', 'a']);
    await store.compact(revision);
    await store.compact(revision - 1);
    await expect(store.compact(revision + 1)).rejects.toMatchObject({ code: 'invalid' });
    expect(await keysIn(store, all)).toEqual(['a', 'b']);
    expect((await store.get('a'))?.version).toBe(2);
    expect(await store.revision()).toBe(revision);
    expect(await putAll(store, ['c'])).toBe(revision + 1);
  });

  test('abort ends a watch that waits, one that has more to tell, and one not yet begun', async () => {
    await using subject = await makeStore();
    const { store } = subject;
    const base = await putAll(store, ['a', 'b', 'c']);
    const waiting = new AbortController();
    const idle = store.watch(all, base + 1, waiting.signal)[Symbol.asyncIterator]();
    const next = idle.next();
    setImmediate(() => waiting.abort());
    expect(await next).toEqual({ done: true, value: undefined });

    const busy = new AbortController();
    const heard: WatchItem[] = [];
    for await (const item of store.watch(all, base - 2, busy.signal)) {
      heard.push(item);
      busy.abort();
    }
    expect(heard).toHaveLength(1);

    const never = store.watch(all, base + 1, AbortSignal.abort())[Symbol.asyncIterator]();
    expect((await never.next()).done).toBe(true);
  });
}
