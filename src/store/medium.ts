/**
 * What the shared logic (conditions, revisions, watches, leases) asks of the medium that holds the data: memory or
 * SQLite. Everything is synchronous, so what runs between two turns of the event loop sees one state; nobody ever reads
 * a transaction that is not committed.
 */
import type { Entry, KeyRange, LeaseId, StoreEvent } from './store.ts';

/** All events of one revision. */
export interface Batch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** A piece of history: the batches that have an event in the range, cut to it, of all revisions up to `upTo`. */
export interface Piece {
  readonly batches: readonly Batch[];
  readonly upTo: number;
}

export interface HeldLease {
  readonly id: LeaseId;
  readonly ttlMs: number;
}

export interface Medium {
  /** Of the last write; 0 in a new store. */
  readonly revision: number;
  /** The oldest revision whose events are kept; 1 in a new store. */
  readonly compactedTo: number;

  get(key: string): Entry | undefined;
  /** In key order. `limit` 0: all. `keysOnly`: values are ''. */
  range(range: KeyRange, limit: number, keysOnly?: boolean): Entry[];
  /**
   * History from `from` on (at least `compactedTo`, at most `revision`), as much as is good to hold at once: `upTo` is
   * at least `from`, and less than `revision` if there is more.
   */
  history(range: KeyRange, from: number): Piece;
  leases(): HeldLease[];
  hasLease(id: LeaseId): boolean;
  /** Entries of a lease in key order. */
  leased(id: LeaseId): Entry[];

  /**
   * Runs `work`, whose calls of the methods below then hold all, durably, or (it or the medium threw) none.
   * @throws what `work` threw; a Failure when the medium failed.
   */
  atomically(work: () => void): void;
  /** Applies the events and remembers them as the history of the revision, `revision` + 1. */
  write(events: readonly StoreEvent[]): Batch;
  /** A lease with an id never given before. */
  grant(ttlMs: number): HeldLease;
  /** Forgets a lease; its entries are the caller's to delete. */
  release(id: LeaseId): void;
  /** Forgets history before `revision`. */
  forget(revision: number): void;

  close(): void;
}

/** Cuts a batch to a range. @returns undefined when nothing is left. */
export function cut(batch: Batch, holds: (key: string) => boolean): Batch | undefined {
  const events = batch.events.filter((event) => holds(keyOf(event)));
  if (events.length === 0) return undefined;
  return events.length === batch.events.length ? batch : { revision: batch.revision, events };
}

export function keyOf(event: StoreEvent): string {
  return event.type === 'put' ? event.entry.key : event.key;
}
