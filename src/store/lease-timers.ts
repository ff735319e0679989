import { Failure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { HeldLease } from './medium.ts';
import type { LeaseId } from './store.ts';
import { unknownLease } from './transaction.ts';

/** How soon an expiry that the medium refused (a full disk) is tried again, in milliseconds. */
const retryMs = 1000;

/**
 * When leases end. Time is measured by sleeping, never by reading the clock, so a step of the wall clock expires
 * nothing. Renewals are not written down: after a restart each lease has its full time to live anew.
 */
export class LeaseTimers {
  readonly #clock: Clock;
  readonly #expire: (id: LeaseId) => Promise<void>;
  readonly #running = new Map<LeaseId, { readonly ttlMs: number; readonly timer: AbortController }>();
  readonly #stopped = new AbortController();

  /** @param expire deletes the lease and its keys. */
  constructor(clock: Clock, expire: (id: LeaseId) => Promise<void>) {
    this.#clock = clock;
    this.#expire = expire;
  }

  start({ id, ttlMs }: HeldLease): void {
    const timer = new AbortController();
    this.#running.set(id, { ttlMs, timer });
    this.#clock.sleep(ttlMs, timer.signal).then(
      () => this.#end(id),
      () => {},
    );
  }

  /** @throws Failure('not-found') when it has expired or was revoked. */
  renew(id: LeaseId): void {
    const lease = this.#running.get(id);
    if (lease === undefined) throw unknownLease(id);
    lease.timer.abort();
    this.start({ id, ttlMs: lease.ttlMs });
  }

  cancel(id: LeaseId): void {
    this.#running.get(id)?.timer.abort();
    this.#running.delete(id);
  }

  stop(): void {
    this.#stopped.abort();
    for (const id of [...this.#running.keys()]) this.cancel(id);
  }

  /** From here on the lease cannot be renewed, however long it takes to delete its keys. */
  async #end(id: LeaseId): Promise<void> {
    this.#running.delete(id);
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#expire(id);
        return;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        await this.#clock.sleep(retryMs, this.#stopped.signal).catch(() => {});
      }
    }
  }
}
