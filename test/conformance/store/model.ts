/** Random histories against the simplest thing that could be a store. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFailure } from '../../../src/domain/domain.ts';
import type { Condition, Entry, KeyRange, StoreEvent, TransactionResult, Write } from '../../../src/store/store.ts';
import { type MakeStore, take } from './fixture.ts';

/** In UTF-8 order: an index is a rank. */
const keys = ['a', 'a/', 'a/b', 'b', '\u{FFFD}', '😀'] as const;
const all: KeyRange = { start: '', end: '\u{10FFFF}' };

type Action =
  | { readonly kind: 'transact'; readonly conditions: readonly Condition[]; readonly writes: readonly Write[] }
  | { readonly kind: 'compact'; readonly back: number };

class Model {
  readonly entries = new Map<string, Entry>();
  readonly batches: { revision: number; events: StoreEvent[] }[] = [];
  revision: number;
  compactedTo: number;

  constructor(base: number) {
    this.revision = base;
    this.compactedTo = base + 1;
  }

  inRange(range: KeyRange): Entry[] {
    return keys.flatMap((key) => (inside(range, key) ? (this.entries.get(key) ?? []) : []));
  }

  transact(conditions: readonly Condition[], writes: readonly Write[]): TransactionResult | 'invalid' {
    const puts = writes.flatMap((write) => (write.op === 'put' ? [write.key] : []));
    const clash = writes.some((write) => write.op === 'delete-range' && puts.some((key) => inside(write.range, key)));
    if (clash) return 'invalid';
    const { revision } = this;
    if (!conditions.every((condition) => this.holds(condition))) {
      const about = [...new Set(conditions.map(({ key }) => key))];
      return { succeeded: false, revision, current: about.flatMap((key) => this.entries.get(key) ?? []) };
    }
    const events = writes.flatMap((write) => this.apply(write));
    if (events.length > 0) {
      this.revision += 1;
      this.batches.push({ revision: this.revision, events });
    }
    return { succeeded: true, revision: this.revision, current: [] };
  }

  private holds(condition: Condition): boolean {
    const entry = this.entries.get(condition.key);
    if (condition.is === 'unchanged') return (entry?.modRevision ?? 0) === condition.since;
    return (condition.is === 'present') === (entry !== undefined);
  }

  private apply(write: Write): StoreEvent[] {
    const revision = this.revision + 1;
    if (write.op !== 'put') {
      const gone = write.op === 'delete' ? [this.entries.get(write.key)] : this.inRange(write.range);
      return gone.flatMap((previous) => {
        if (previous === undefined || !this.entries.delete(previous.key)) return [];
        return [{ type: 'delete', key: previous.key, revision, previous }];
      });
    }
    const previous = this.entries.get(write.key);
    const entry: Entry = {
      key: write.key,
      value: write.value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
    };
    this.entries.set(write.key, entry);
    return [previous ? { type: 'put', entry, previous } : { type: 'put', entry }];
  }
}

function inside(range: KeyRange, key: string): boolean {
  const [start, end, at] = [range.start, range.end, key].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  return start.compare(at) <= 0 && at.compare(end) < 0;
}

const key = fc.constantFrom(...keys);
const range = fc.record({ start: fc.constantFrom('', ...keys), end: fc.constantFrom(...keys, '\u{10FFFF}') });
/** `since` counts from the base; what was written last is likely among so few. */
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ key, is: fc.constantFrom('absent', 'present') }) as fc.Arbitrary<Condition>,
  fc.record({ key, is: fc.constant('unchanged' as const), since: fc.nat(12) }),
);
const single = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('put' as const), key, value: fc.string({ maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
);
const writes: fc.Arbitrary<Write[]> = fc
  .tuple(
    fc.uniqueArray(single, { maxLength: 4, selector: (write) => write.key }),
    fc.option(fc.record({ op: fc.constant('delete-range' as const), range }), { freq: 5, nil: undefined }),
  )
  .map(([singles, removal]) => (removal ? [...singles, removal] : singles));
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      conditions: fc.array(condition, { maxLength: 2 }),
      writes,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(3) }) },
);
/** Those of an inner array are asked for at once. */
const history = fc.array(fc.array(action, { minLength: 1, maxLength: 5 }), { maxLength: 8 });

export function model(makeStore: MakeStore): void {
  test('any history is that of the model: results, ranges, and what is watched live and afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(history, range, fc.nat(4), (groups, cut, limit) => follow(makeStore, groups, cut, limit)),
      { numRuns: 60 },
    );
  }, 60_000);
}

async function follow(makeStore: MakeStore, groups: Action[][], cut: KeyRange, limit: number): Promise<void> {
  await using subject = await makeStore();
  const { store } = subject;
  const base = await store.revision();
  const model = new Model(base);
  const stop = new AbortController();
  const live: { revision: number; events: readonly StoreEvent[] }[] = [];
  const watching = (async () => {
    for await (const item of store.watch(all, base + 1, stop.signal)) {
      if (item.kind === 'events') live.push({ revision: item.revision, events: item.events });
    }
  })();
  const caughtUp = async () => {
    while (live.length < model.batches.length) await new Promise((resolve) => setImmediate(resolve));
  };
  // Where the order is not ours to foretell, one at a time; where watches are served apart from writes, a compaction may
  // come before one that is behind.
  for (const group of subject.ordered === false ? groups.flat().map((action) => [action]) : groups) {
    if (subject.ordered === false && group[0]?.kind === 'compact') await caughtUp();
    await Promise.all(group.map((action) => act(store, model, base, action)));
    const expected = model.inRange(cut);
    const found = await store.range(cut, { limit });
    expect(found.entries).toEqual(limit === 0 ? expected : expected.slice(0, limit));
    expect(found.more).toBe(limit > 0 && expected.length > limit);
    expect(found.revision).toBe(model.revision);
  }
  const kept = model.batches.filter((batch) => batch.revision >= model.compactedTo);
  const replayed = kept.length === 0 ? [] : await take(store, all, model.compactedTo, kept.length);
  // What a key held before may be forgotten once it is compacted.
  expect(replayed.map((item) => item.kind === 'events' && withoutPrevious(item))).toEqual(kept.map(withoutPrevious));
  const inCut = kept.flatMap((batch) => {
    const events = batch.events.filter((event) => inside(cut, event.type === 'put' ? event.entry.key : event.key));
    return events.length > 0 ? [{ ...batch, events }] : [];
  });
  const replayedCut = inCut.length === 0 ? [] : await take(store, cut, model.compactedTo, inCut.length);
  expect(replayedCut.map((item) => item.kind === 'events' && withoutPrevious(item))).toEqual(
    inCut.map(withoutPrevious),
  );
  await caughtUp();
  stop.abort();
  await watching;
  expect(live).toEqual(model.batches);
}

/** Starts the action and foretells its result at once: calls take effect in the order they were made. */
async function act(store: Awaited<ReturnType<MakeStore>>['store'], model: Model, base: number, action: Action) {
  if (action.kind === 'compact') {
    const revision = Math.max(base, model.revision - action.back);
    model.compactedTo = Math.max(model.compactedTo, revision);
    return store.compact(revision);
  }
  const conditions = action.conditions.map((condition) =>
    condition.is === 'unchanged' && condition.since > 0 ? { ...condition, since: base + condition.since } : condition,
  );
  const expected = model.transact(conditions, action.writes);
  const result = await store.transact(conditions, action.writes).catch((error: unknown) => {
    if (isFailure(error, 'invalid')) return 'invalid' as const;
    throw error;
  });
  expect(result).toEqual(expected);
}

function withoutPrevious(batch: { readonly revision: number; readonly events: readonly StoreEvent[] }) {
  return { revision: batch.revision, events: batch.events.map((event) => ({ ...event, previous: undefined })) };
}
