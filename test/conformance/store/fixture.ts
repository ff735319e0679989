import { expect } from 'vitest';
import { type FailureCode, isFailure } from '../../../src/domain/domain.ts';
import type { KeyRange, Store, StoreEvent, WatchItem, Write } from '../../../src/store/store.ts';

/** A store under test, empty, and its time. */
export interface Subject extends AsyncDisposable {
  readonly store: Store;
  elapse(ms: number): Promise<void>;
  /** False: of calls under way together only those that touch the same key are applied in the order they were made. */
  readonly ordered?: boolean;
}

export type MakeStore = () => Promise<Subject>;

export const put = (key: string, value = `value of ${key}`): Write => ({ op: 'put', key, value });

/** Puts one key after another. @returns the last revision. */
export async function putAll(store: Store, keys: readonly string[]): Promise<number> {
  let revision = 0;
  for (const key of keys) revision = (await store.transact([], [put(key)])).revision;
  return revision;
}

export async function keysIn(store: Store, range: KeyRange, limit = 0): Promise<string[]> {
  return (await store.range(range, { limit })).entries.map((entry) => entry.key);
}

/** Takes items until `count` have come or the watch ends, then stops watching. */
export async function take(store: Store, range: KeyRange, from: number, count: number): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  for await (const item of store.watch(range, from, new AbortController().signal)) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

/** Items as short lines: `3: +a +b -c`, `compacted 5`. Revisions count from `base`. */
export function lines(items: readonly WatchItem[], base = 0): string[] {
  return items.map((item) =>
    item.kind === 'compacted'
      ? `compacted ${item.compactedTo - base}`
      : `${item.revision - base}: ${item.events.map(line).join(' ')}`,
  );
}

function line(event: StoreEvent): string {
  return event.type === 'put' ? `+${event.entry.key}` : `-${event.key}`;
}

export async function expectFailure(promise: Promise<unknown>, code: FailureCode, message?: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isFailure(error, code), `should fail as ${code}, got ${String(error)}`).toBe(true);
  if (message) expect((error as Error).message).toMatch(message);
}
