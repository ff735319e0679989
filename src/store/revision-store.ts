/** The store's logic, the same over every medium. */
import { Failure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import { GroupCommit } from './group-commit.ts';
import { LeaseTimers } from './lease-timers.ts';
import type { Batch, HeldLease, Medium } from './medium.ts';
import {
  type Condition,
  type Entry,
  type KeyRange,
  type Lease,
  type LeaseId,
  leaseTtlLimits,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreEvent,
  type TransactionResult,
  type WatchItem,
  type Write,
} from './store.ts';
import { checkTransaction, decide } from './transaction.ts';
import { WatchHub } from './watch-hub.ts';

export interface RevisionStoreOptions {
  readonly clock: Clock;
  /** How many revisions of history are kept for watches without anybody calling `compact`. Default 10,000. */
  readonly keepRevisions?: number;
  /** Told of each commit how many transactions it made durable. */
  onCommit?(transactions: number): void;
}

interface Written {
  readonly result: TransactionResult;
  readonly batch?: Batch;
}

export class RevisionStore implements Store {
  readonly #medium: Medium;
  readonly #commits: GroupCommit;
  readonly #hub: WatchHub;
  readonly #timers: LeaseTimers;
  readonly #keep: number;
  #closed = false;

  constructor(medium: Medium, options: RevisionStoreOptions) {
    this.#medium = medium;
    this.#keep = options.keepRevisions ?? 10_000;
    this.#commits = new GroupCommit(
      (work) =>
        medium.atomically(() => {
          work();
          this.#forgetOld();
        }),
      (transactions) => options.onCommit?.(transactions),
    );
    this.#hub = new WatchHub(medium);
    this.#timers = new LeaseTimers(options.clock, (id) => this.#revoke(id));
    for (const lease of medium.leases()) this.#timers.start(lease);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    return this.#medium.get(key);
  }

  async range(range: KeyRange, { limit = 0, keysOnly }: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    const entries = this.#medium.range(range, limit === 0 ? 0 : limit + 1, keysOnly);
    const more = limit > 0 && entries.length > limit;
    if (more) entries.pop();
    return { revision: this.#medium.revision, entries, more };
  }

  async transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(conditions, writes);
    const { result } = await this.#commits.submit<Written>(
      () => {
        const decision = decide(this.#medium, conditions, writes);
        return decision.succeeded
          ? () => this.#write(decision.events)
          : () => ({ result: { ...decision, revision: this.#medium.revision } });
      },
      ({ batch }) => batch && this.#hub.publish(batch),
    );
    return result;
  }

  watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchItem> {
    return this.#hub.watch(range, fromRevision, signal);
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.#checkOpen();
    if (!(ttlMs >= leaseTtlLimits.minimum && ttlMs <= leaseTtlLimits.maximum)) {
      const bounds = `${leaseTtlLimits.minimum} to ${leaseTtlLimits.maximum} ms`;
      throw new Failure('invalid', `A lease of ${ttlMs} ms is refused: it can live ${bounds}.`);
    }
    const lease = await this.#commits.submit<HeldLease>(
      () => () => this.#medium.grant(Math.ceil(ttlMs)),
      (granted) => this.#timers.start(granted),
    );
    return {
      ...lease,
      renew: async () => {
        this.#checkOpen();
        this.#timers.renew(lease.id);
      },
      revoke: async () => {
        this.#checkOpen();
        await this.#revoke(lease.id);
      },
    };
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    await this.#commits.submit(() => {
      if (revision > this.#medium.revision) {
        const message = `History before revision ${revision} cannot be forgotten: the store is at ${this.#medium.revision}.`;
        throw new Failure('invalid', message);
      }
      return () => {
        if (revision > this.#medium.compactedTo) this.#medium.forget(revision);
      };
    });
  }

  async revision(): Promise<number> {
    this.#checkOpen();
    return this.#medium.revision;
  }

  /** What was submitted before is committed first. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#commits.flush();
    this.#timers.stop();
    this.#hub.close(closed());
    this.#medium.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw closed();
  }

  #write(events: readonly StoreEvent[]): Written {
    if (events.length === 0) return { result: { succeeded: true, revision: this.#medium.revision, current: [] } };
    const batch = this.#medium.write(events);
    return { result: { succeeded: true, revision: batch.revision, current: [] }, batch };
  }

  async #revoke(id: LeaseId): Promise<void> {
    await this.#commits.submit<Written | undefined>(
      () => {
        if (!this.#medium.hasLease(id)) return () => undefined;
        const revision = this.#medium.revision + 1;
        const events = this.#medium
          .leased(id)
          .map((previous): StoreEvent => ({ type: 'delete', key: previous.key, revision, previous }));
        return () => {
          this.#medium.release(id);
          return this.#write(events);
        };
      },
      (written) => {
        this.#timers.cancel(id);
        if (written?.batch) this.#hub.publish(written.batch);
      },
    );
  }

  /** In steps of a hundredth, so that most commits have nothing to forget. */
  #forgetOld(): void {
    const oldest = this.#medium.revision - this.#keep + 1;
    if (oldest - this.#medium.compactedTo > this.#keep / 100) this.#medium.forget(oldest);
  }
}

function closed(): Failure {
  return new Failure('unavailable', 'The store is closed: open it again.');
}
