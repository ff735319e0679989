/** Reading and writing records. What the store holds was written by a server: its shape is trusted. */
import type { NodeRecord, TokenRecord } from '../domain/domain.ts';
import type { Condition, Entry, KeyRange, Store, Write } from '../store/store.ts';

/**
 * That a node is silent. `suspect`: one server hears nothing of it; others may object. `down`: nobody does. `evicting`: what it had
 * is being given away. `evicted`: nothing is its own any more.
 */
export interface NodeHealth {
  readonly state: 'suspect' | 'down' | 'evicting' | 'evicted';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** What is known of why, a sentence. */
  readonly reason: string;
}

/** What is kept of a node besides what agents hear of it. */
export interface StoredNode extends NodeRecord {
  /** Absent: it is heard. */
  readonly health?: NodeHealth;
  /** e.g. `Docker 20.10.24`. */
  readonly engine: string;
  /** Trama's on that host. */
  readonly version: string;
}

export interface StoredToken extends TokenRecord {
  /** When its last use was spent; absent while there are some left. */
  readonly spentAt?: number;
}

/** A record with the key and revision it was read at, so that a write can depend on them. */
export interface Found<T> {
  readonly key: string;
  readonly value: T;
  readonly revision: number;
}

export async function read<T>(store: Store, key: string): Promise<Found<T> | undefined> {
  const entry = await store.get(key);
  return entry && found<T>(entry);
}

export async function readAll<T>(store: Store, range: KeyRange): Promise<Found<T>[]> {
  return (await store.range(range)).entries.map((entry) => found<T>(entry));
}

const found = <T>(entry: Entry): Found<T> => ({
  key: entry.key,
  value: JSON.parse(entry.value) as T,
  revision: entry.modRevision,
});

export const put = (key: string, record: unknown): Write => ({ op: 'put', key, value: JSON.stringify(record) });
export const remove = (key: string): Write => ({ op: 'delete', key });
export const removeRange = (range: KeyRange): Write => ({ op: 'delete-range', range });

export const absent = (key: string): Condition => ({ key, is: 'absent' });
export const present = (key: string): Condition => ({ key, is: 'present' });
export const unchanged = (record: Found<unknown>): Condition => ({
  key: record.key,
  is: 'unchanged',
  since: record.revision,
});
/** As it was when looked at: unchanged if it was there, absent if not. */
export const asSeen = (key: string, record: Found<unknown> | undefined): Condition =>
  record ? unchanged(record) : absent(key);

/** Its peers are to have nothing to do with it. */
export const isLost = (health: NodeHealth | undefined): boolean => health !== undefined && health.state !== 'suspect';
