/**
 * The store: the one place of truth. A port shaped after etcd v3, so that memory, SQLite and etcd fit
 * with no change above it. Keys are `/`-separated text, ordered by their UTF-8 bytes; values are text (JSON).
 *
 * Every successful write gets a revision, one for the whole transaction; revisions grow by at least one
 * and are never reused, also across restarts.
 *
 * Any method throws Failure('unavailable') when the store is closed or lost. For `transact` that leaves open whether
 * it was applied (the answer may be what was lost): read before trying again, and let conditions protect the retry.
 */

/**
 * What one transaction may hold, the smaller of what any implementation takes (etcd: `--max-txn-ops` 128,
 * `--max-request-bytes` 1.5 MiB with its envelope). Beyond it: Failure('invalid'). A `delete-range` is one operation.
 */
export const transactionLimits = {
  /** Conditions, and separately writes. */
  operations: 128,
  /** UTF-8 bytes of all keys and values together. */
  bytes: 1024 * 1024,
} as const;

/** Bounds of a lease's time to live in milliseconds; the upper one is what a timer can hold, 24 days. */
export const leaseTtlLimits = { minimum: 1000, maximum: 2_147_483_647 } as const;

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

/**
 * All conditions of a transaction must hold at once. `absent` is etcd's `create_revision == 0`; `unchanged` since
 * revision 0 means absent too. Keys are well-formed text without NUL, neither empty nor beyond U+10FFFE.
 */
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

/**
 * `previous` is what the key held before; absent on creation. In etcd it is absent too once its revision has been
 * compacted, so nothing may depend on it for more than a shortcut.
 */
export type StoreEvent =
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number; readonly previous?: Entry };

/**
 * What a watch yields. All events of one revision come in one batch, in the order of the transaction's writes (of one
 * `delete-range`: in key order), revisions in order, none twice. A revision without an event in the range yields nothing.
 * `compacted`: history from the asked revision on is gone (what is left begins at `compactedTo` or later); take a
 * snapshot (`range`) and watch from its revision + 1. It is the watch's last item, and a slow reader's risk too.
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

export interface RangeOptions {
  /** 0 or absent: all. */
  readonly limit?: number;
  /** Values come as '': they are not read, and do not travel. */
  readonly keysOnly?: boolean;
}

export interface RangeResult {
  readonly revision: number;
  readonly entries: Entry[];
  /** The limit cut it. */
  readonly more: boolean;
}

export interface Store extends AsyncDisposable {
  get(key: string): Promise<Entry | undefined>;

  /** Entries in key order, as of one revision. */
  range(range: KeyRange, options?: RangeOptions): Promise<RangeResult>;

  /**
   * Applies all writes as one revision if every condition holds; otherwise nothing. A key is written at most once
   * per transaction: a put excludes another put or delete of its key. A put without a lease takes the key off its lease.
   * Writes that change nothing (deleting what is absent) take no revision. Calls that touch the same key are applied in
   * the order they were made; nothing of one that failed is kept. Resolved means durable (for stores that are): it
   * survives SIGKILL.
   * @throws Failure('not-found') for an unknown lease if the conditions hold, Failure('invalid') beyond
   * `transactionLimits` or for a malformed key, Failure('exhausted') when the disk is full, Failure('overloaded') when
   * too many transactions wait.
   */
  transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<TransactionResult>;

  /**
   * Events in `range` from `fromRevision` on (inclusive; current revision + 1 for "from now on", later ones wait for
   * theirs, 0 is 1). A slow reader holds up nobody. Ends, without an error, when `signal` aborts.
   * @throws Failure('unavailable') when the store is lost: watch again from the last revision + 1.
   */
  watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchItem>;

  /**
   * A lease not renewed for `ttlMs` ends: its keys are deleted in one revision. Never early; late by the time a commit
   * takes, and after a restart of the store by a full time to live anew (etcd does so on a change of leader).
   * @param ttlMs within `leaseTtlLimits`; etcd rounds up to seconds.
   */
  grantLease(ttlMs: number): Promise<Lease>;

  /**
   * Forgets history before `revision`; current values stay. No error when that is forgotten already.
   * @throws Failure('invalid') for a revision that is yet to come.
   */
  compact(revision: number): Promise<void>;

  /** The current revision: 0 in a store never written. */
  revision(): Promise<number>;
}

/** All keys that begin with `prefix`. Counts up the last code point, since UTF-8 orders text by code points. */
export function prefixRange(prefix: string): KeyRange {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const next = (last.codePointAt(0) ?? 0) + 1;
    // Surrogates (U+D800…U+DFFF) are no characters.
    if (next <= 0x10ffff) {
      return { start: prefix, end: points.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next) };
    }
  }
  return { start: prefix, end: '\u{10FFFF}' };
}
