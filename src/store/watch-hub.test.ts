import { describe, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { MemoryMedium } from './memory/memory-medium.ts';
import { prefixRange, type StoreEvent } from './store.ts';
import { WatchHub } from './watch-hub.ts';

const all = prefixRange('');

function fixture() {
  const medium = new MemoryMedium();
  const hub = new WatchHub(medium);
  let reads = 0;
  const history = medium.history.bind(medium);
  medium.history = (range, from) => {
    reads += 1;
    return history(range, from);
  };
  const write = (...keys: string[]) => {
    const revision = medium.revision + 1;
    const events = keys.map((key): StoreEvent => {
      const previous = medium.get(key);
      const entry = { key, value: '', createRevision: revision, modRevision: revision, version: 1 };
      return previous ? { type: 'put', entry, previous } : { type: 'put', entry };
    });
    hub.publish(medium.write(events));
  };
  const watch = (range = all, from = 1) => {
    const stop = new AbortController();
    const iterator = hub.watch(range, from, stop.signal);
    return {
      stop,
      iterator,
      async next() {
        const { value, done } = await iterator.next();
        if (done || !value) return 'end';
        return value.kind === 'compacted' ? `compacted ${value.compactedTo}` : value.revision;
      },
    };
  };
  return { medium, hub, write, watch, reads: () => reads };
}

describe('the watch hub', () => {
  test('one that has caught up is handed batches without reading history', async () => {
    const { write, watch, reads } = fixture();
    const { next } = watch();
    const waiting = next();
    write('a');
    write('b');
    expect([await waiting, await next()]).toEqual([1, 2]);
    expect(reads()).toBe(0);
  });

  test('one that falls behind goes on from history, and back to live', async () => {
    const { write, watch, reads } = fixture();
    const { next } = watch();
    const waiting = next();
    for (let index = 0; index < 5000; index += 1) write('a');
    expect(await waiting).toBe(1);
    for (let revision = 2; revision <= 5000; revision += 1) expect(await next()).toBe(revision);
    const before = reads();
    const live = next();
    await new Promise((resolve) => setImmediate(resolve));
    write('a');
    expect(await live).toBe(5001);
    expect([before > 0, reads() - before]).toEqual([true, 0]);
  });

  test('one that fell behind what history is left hears compacted after what it had queued', async () => {
    const { medium, write, watch } = fixture();
    const { next } = watch();
    const waiting = next();
    for (let index = 0; index < 3000; index += 1) write('a');
    medium.forget(2500);
    expect(await waiting).toBe(1);
    for (let revision = 2; revision <= 1000; revision += 1) expect(await next()).toBe(revision);
    expect([await next(), await next()]).toEqual(['compacted 2500', 'end']);
  });

  test('one whose range is quiet is not bothered by compaction, however far behind its last event is', async () => {
    const { medium, write, watch } = fixture();
    const { next } = watch(prefixRange('mine/'));
    const first = next();
    write('mine/a');
    expect(await first).toBe(1);
    const second = next();
    for (let index = 0; index < 3000; index += 1) write('other');
    medium.forget(3000);
    write('mine/b');
    expect(await second).toBe(3002);
  });

  test('others have their turn while one reads a long history without a match', async () => {
    const { medium, write, watch } = fixture();
    write('other');
    medium.history = (_, from) => ({ batches: [], upTo: from - 1 });
    const { next, stop } = watch();
    const waiting = next();
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await waiting).toBe('end');
  });

  test('a transaction larger than the queue is one batch', async () => {
    const { write, watch } = fixture();
    const { iterator } = watch();
    const waiting = iterator.next();
    write(...Array.from({ length: 3000 }, (_, index) => `k${index}`));
    const { value } = await waiting;
    expect(value?.kind === 'events' && value.events.length).toBe(3000);
  });

  test('nothing is left of a watch that was aborted, returned from, or closed', async () => {
    const { hub, write, watch } = fixture();
    const [aborted, returned, closed] = [watch(), watch(), watch()];
    const waiting = [aborted.next(), returned.next(), closed.next()];
    expect(hub.size).toBe(3);
    aborted.stop.abort();
    expect(await waiting[0]).toBe('end');
    expect(hub.size).toBe(2);
    write('a');
    await waiting[1];
    await returned.iterator.return();
    expect(hub.size).toBe(1);
    await waiting[2];
    const last = closed.next();
    hub.close(new Failure('unavailable', 'The store is closed: open it again.'));
    await expect(last).rejects.toMatchObject({ code: 'unavailable' });
    expect(hub.size).toBe(0);
  });
});
