/**
 * The store on an etcd of any number of members, from version 3.4 on. See docs/adr/0002-store-after-etcd.md for what of
 * etcd each operation is.
 */
import { Failure, isFailure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import { compareKeys } from '../keys.ts';
import {
  type Condition,
  type Entry,
  type KeyRange,
  type Lease,
  leaseTtlLimits,
  type RangeOptions,
  type RangeResult,
  type Store,
  type TransactionResult,
  type WatchItem,
  type Write,
} from '../store.ts';
import { checkTransaction, unknownLease } from '../transaction.ts';
import { watchSpan } from './etcd-watch.ts';
import { GatheredReads } from './gathered-reads.ts';
import type { MemberAddress, TlsOptions } from './grpc.ts';
import { KeyTurns } from './key-turns.ts';
import { Members } from './members.ts';
import {
  calls,
  compactRequest,
  type Look,
  leaseGrantAnswer,
  leaseGrantRequest,
  leaseKeepAliveAnswer,
  leaseRequest,
  leaseText,
  looksAnswer,
  looksRequest,
  rangeAnswer,
  rangeRequest,
  type Span,
  txnAnswer,
  txnRequest,
} from './messages.ts';

export interface EtcdStoreOptions {
  /** The first is asked until it fails: several servers spread when each has another one there. */
  readonly hosts: readonly MemberAddress[];
  /** Put before every key, taken off again; lets several clusters share an etcd. Not empty. */
  readonly prefix: string;
  /** Absent: in the clear. */
  readonly tls?: TlsOptions;
  readonly user?: { readonly name: string; readonly password: string };
  readonly clock: Clock;
  /** After which a call fails as `unavailable`, and a watch that could not go on; in milliseconds. Default 5000. */
  readonly deadlineMs?: number;
  /** Entries in one answer; more of a range come in several, as of one revision. Default 5000. */
  readonly pageEntries?: number;
}

/** Reads of a range that compactions of what they read may break off, before that is a failure. */
const wholeReads = 5;

/** @throws Failure('unavailable') when no member answers in time, Failure('denied') when it does not let us in. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const store = new EtcdStore(options);
  try {
    await store.revision();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

class EtcdStore implements Store {
  readonly #members: Members;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #pageEntries: number;
  readonly #prefix: string;
  readonly #turns = new KeyTurns();
  readonly #reads = new GatheredReads((keys) => this.#looks(keys));
  readonly #closing = new AbortController();

  constructor(options: EtcdStoreOptions) {
    this.#deadlineMs = options.deadlineMs ?? 5000;
    this.#pageEntries = options.pageEntries ?? 5000;
    this.#members = new Members({ ...options, deadlineMs: this.#deadlineMs });
    this.#clock = options.clock;
    this.#prefix = options.prefix;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    return this.#reads.get(key);
  }

  async range(range: KeyRange, { limit, keysOnly = false }: RangeOptions = {}): Promise<RangeResult> {
    const span = this.#span(range);
    // etcd takes an empty end for a single key, and one before the start for nothing.
    if (span === undefined) return { revision: await this.revision(), entries: [], more: false };
    return limit ? this.#look(span, { limit, keysOnly }) : this.#whole(span, keysOnly);
  }

  async transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(conditions, writes);
    const real = writes.filter((write) => write.op !== 'delete-range' || this.#span(write.range) !== undefined);
    const request = txnRequest(conditions, real, this.#prefixed, leaseNumber);
    const asked = performance.now();
    const answer = await this.#turns.take(conditions, real, async () => {
      // Whoever asked has given up; a store that does not answer must not have them all wait for one another.
      if (performance.now() - asked > this.#deadlineMs) throw this.#tooLate();
      return this.#members.write(calls.txn, request);
    });
    return txnAnswer(answer, this.#bare);
  }

  async *watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncGenerator<WatchItem, void, void> {
    this.#checkOpen();
    const span = this.#span(range);
    const either = AbortSignal.any([signal, this.#closing.signal]);
    if (span === undefined) await ended(either);
    else {
      const options = {
        members: this.#members,
        clock: this.#clock,
        deadlineMs: this.#deadlineMs,
        bare: this.#bare,
      };
      yield* watchSpan(options, span, fromRevision, either);
    }
    if (either.aborted && !signal.aborted) throw closed();
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.#checkOpen();
    if (!(ttlMs >= leaseTtlLimits.minimum && ttlMs <= leaseTtlLimits.maximum)) {
      const bounds = `${leaseTtlLimits.minimum} to ${leaseTtlLimits.maximum} ms`;
      throw new Failure('invalid', `A lease of ${ttlMs} ms is refused: it can live ${bounds}.`);
    }
    // Made twice when an answer is lost: one that nobody knows ends by itself.
    const granted = await this.#members.read(calls.leaseGrant, leaseGrantRequest(Math.ceil(ttlMs / 1000)));
    const { id, ttlSeconds } = leaseGrantAnswer(granted);
    return {
      id: leaseText(id),
      ttlMs: ttlSeconds * 1000,
      renew: async () => {
        this.#checkOpen();
        const answer = await this.#members.read(calls.leaseKeepAlive, leaseRequest(id));
        if (leaseKeepAliveAnswer(answer) <= 0) throw unknownLease(leaseText(id));
      },
      revoke: async () => {
        this.#checkOpen();
        try {
          await this.#members.read(calls.leaseRevoke, leaseRequest(id));
        } catch (error) {
          if (!isFailure(error, 'not-found')) throw error;
        }
      },
    };
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (revision > (await this.revision())) {
      throw new Failure('invalid', `History before revision ${revision} cannot be forgotten: it is yet to come.`);
    }
    // What is at the revision that etcd is told stays, but for a deletion (see etcd-watch.ts).
    if (revision <= 1) return;
    try {
      await this.#members.read(calls.compact, compactRequest(revision - 1));
    } catch (error) {
      if (!(isFailure(error) && `${(error.cause as Error | undefined)?.message}`.includes('has been compacted')))
        throw error;
    }
  }

  async revision(): Promise<number> {
    // Any key will do: the header of each answer has it.
    return (await this.#look({ key: this.#prefix })).revision;
  }

  /** What was asked before is done first. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#turns.settled();
    this.#members.close();
  }

  async #looks(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const [first = ''] = keys;
    if (keys.length === 1) return [(await this.#look({ key: this.#prefixed(first) })).entries[0]];
    this.#checkOpen();
    return looksAnswer(await this.#members.read(calls.txn, looksRequest(keys.map(this.#prefixed))), this.#bare);
  }

  async #look(span: Span, look?: Look): Promise<RangeResult> {
    this.#checkOpen();
    return rangeAnswer(await this.#members.read(calls.range, rangeRequest(span, look)), this.#bare);
  }

  /**
   * All of it, by pages, each of which has its own time: 50,000 entries at once take a busy etcd longer than any call may. @throws Failure
   * `conflict` when etcd is compacted faster than it is read
   */
  async #whole(span: Required<Span>, keysOnly: boolean): Promise<RangeResult> {
    const limit = this.#pageEntries;
    for (let read = 1; ; read += 1) {
      try {
        const { revision, entries, more } = await this.#look(span, { limit, keysOnly });
        for (let further = more; further; ) {
          const after = `${this.#prefixed(entries.at(-1)?.key ?? '')}\0`;
          const page = await this.#look({ key: after, end: span.end }, { limit, revision, keysOnly });
          entries.push(...page.entries);
          further = page.more;
        }
        return { revision, entries, more: false };
      } catch (error) {
        if (read === wholeReads || !isFailure(error, 'conflict')) throw error;
      }
    }
  }

  readonly #prefixed = (key: string): string => this.#prefix + key;
  readonly #bare = (key: string): string => key.slice(this.#prefix.length);

  /** @returns undefined when nothing can be in it. */
  #span({ start, end }: KeyRange): Required<Span> | undefined {
    return compareKeys(start, end) < 0 ? { key: this.#prefixed(start), end: this.#prefixed(end) } : undefined;
  }

  #tooLate(): Failure {
    const { where } = this.#members;
    const message = `The store (etcd at ${where}) is too slow: nothing was written within ${this.#deadlineMs} ms, try again.`;
    return new Failure('unavailable', message);
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw closed();
  }
}

/** @throws Failure('not-found') for what was never the id of a lease. */
function leaseNumber(id: string): bigint {
  if (!/^[0-9a-f]{1,16}$/.test(id)) throw unknownLease(id);
  return BigInt(`0x${id}`);
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function closed(): Failure {
  return new Failure('unavailable', 'The store is closed: open it again.');
}
