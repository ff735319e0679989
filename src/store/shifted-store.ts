/**
 * A store whose revisions are another's, moved by a constant: so that a cluster that goes on in another store, or from a
 * backup, goes on counting above every revision that anybody has heard of (docs/adr/0011-store-epochs.md).
 */
import type { Condition, Entry, Store, StoreEvent, WatchItem } from './store.ts';

/** Of an entry that is not of this numbering: matches no entry. */
const never = Number.MAX_SAFE_INTEGER;

/** @param by any integer. Disposing of the result disposes of the store. */
export function shiftedStore(store: Store, by: number): Store {
  if (by === 0) return store;
  const entry = (each: Entry): Entry => ({
    ...each,
    createRevision: each.createRevision + by,
    modRevision: each.modRevision + by,
  });
  const condition = (each: Condition): Condition => {
    if (each.is !== 'unchanged' || each.since === 0) return each;
    return { ...each, since: each.since > by ? each.since - by : never };
  };
  return {
    async get(key) {
      const found = await store.get(key);
      return found && entry(found);
    },
    async range(range, options) {
      const { revision, entries, more } = await store.range(range, options);
      return { revision: revision + by, entries: entries.map(entry), more };
    },
    async transact(conditions, writes) {
      const { succeeded, revision, current } = await store.transact(conditions.map(condition), writes);
      return { succeeded, revision: revision + by, current: current.map(entry) };
    },
    watch: (range, fromRevision, signal) => shiftedWatch(store.watch(range, Math.max(0, fromRevision - by), signal)),
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    compact: (revision) => store.compact(Math.max(0, revision - by)),
    revision: async () => (await store.revision()) + by,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };

  async function* shiftedWatch(items: AsyncIterable<WatchItem>): AsyncGenerator<WatchItem, void, void> {
    for await (const item of items) {
      if (item.kind === 'compacted') yield { ...item, compactedTo: item.compactedTo + by };
      else yield { ...item, revision: item.revision + by, events: item.events.map(shiftedEvent) };
    }
  }

  function shiftedEvent(event: StoreEvent): StoreEvent {
    const previous = event.previous && { previous: entry(event.previous) };
    if (event.type === 'put') return { type: 'put', entry: entry(event.entry), ...previous };
    return { type: 'delete', key: event.key, revision: event.revision + by, ...previous };
  }
}
