/**
 * The store: the one place of truth. A port shaped after etcd v3, so that memory, SQLite and etcd fit
 * with no change above it. Keys are `/`-separated text, ordered by their UTF-8 bytes; values are text (JSON).
 *
 * Every successful write gets a revision, one for the whole transaction; revisions grow by at least one
 * and are never reused, also across restarts.
 */

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Revision that created the key (since it was last absent). */
  readonly createRevision: number;
  /** Revision that last wrote the key. */
  readonly modRevision: number;
  /** 1 on creation, plus 1 with every write. */
  readonly version: number;
  readonly lease?: LeaseId;
}

export type LeaseId = string;

/** A half-open range of keys: `start <= key < end`. */
export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

/** All conditions of a transaction must hold at once. `absent` is etcd's `create_revision == 0`. */
export type Condition =
  | { readonly key: string; readonly is: 'absent' }
  | { readonly key: string; readonly is: 'present' }
  | { readonly key: string; readonly is: 'unchanged'; readonly since: number /* modRevision */ };

export type Write =
  | { readonly op: 'put'; readonly key: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'delete-range'; readonly range: KeyRange };

export interface TransactionResult {
  readonly succeeded: boolean;
  /** The transaction's revision if it wrote, else the store's current one. */
  readonly revision: number;
  /** If a condition failed: the current entries of the conditions' keys that exist. */
  readonly current: readonly Entry[];
}

export type StoreEvent =
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number; readonly previous?: Entry };

/**
 * What a watch yields. All events of one revision come in one batch, revisions in order, none twice.
 * `compacted`: history from the asked revision on is gone; take a snapshot (`range`) and watch from its
 * revision + 1. It is the watch's last item.
 */
export type WatchItem =
  | { readonly kind: 'events'; readonly revision: number; readonly events: readonly StoreEvent[] }
  | { readonly kind: 'compacted'; readonly compactedTo: number };

export interface Lease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** Starts the time to live anew. @throws Failure('not-found') when it has expired: its keys are gone. */
  renew(): Promise<void>;
  /** Ends it and deletes its keys. No error when it is gone already. */
  revoke(): Promise<void>;
}

export interface Store extends AsyncDisposable {
  get(key: string): Promise<Entry | undefined>;

  /** Entries in key order, as of one revision. `limit` 0 or absent: all. `more` says that the limit cut it. */
  range(
    range: KeyRange,
    options?: { readonly limit?: number },
  ): Promise<{ revision: number; entries: Entry[]; more: boolean }>;

  /**
   * Applies all writes as one revision if every condition holds; otherwise nothing. A key is written at most once
   * per transaction. Resolved means durable (for stores that are): it survives SIGKILL.
   * @throws Failure('not-found') for an unknown lease, Failure('exhausted') when the disk is full.
   */
  transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<TransactionResult>;

  /**
   * Events in `range` from `fromRevision` on (inclusive; current revision + 1 for "from now on").
   * Ends when `signal` aborts. @throws Failure('unavailable') when the store is lost: watch again from the last revision + 1.
   */
  watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchItem>;

  /** @param ttlMs at least 1000; etcd rounds up to seconds. */
  grantLease(ttlMs: number): Promise<Lease>;

  /** Forgets history before `revision`; current values stay. */
  compact(revision: number): Promise<void>;

  /** The current revision: 0 in a store never written. */
  revision(): Promise<number>;
}

/** All keys that begin with `prefix`. */
export function prefixRange(prefix: string): KeyRange {
  if (prefix === '') return { start: '', end: '\u{10FFFF}' };
  const last = prefix.codePointAt(prefix.length - 1) ?? 0;
  return { start: prefix, end: prefix.slice(0, -1) + String.fromCodePoint(last + 1) };
}
