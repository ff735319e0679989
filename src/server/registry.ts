/**
 * The servers that are there. Each has a record in the store under a lease that it keeps, so that agents hear of it, and of its end a
 * few seconds after it died; one of them has the keeper's key, under its own lease, and does what is to be done once.
 */
import { isFailure, type ServerRecord } from '../domain/domain.ts';
import type { Log, SteadyClock } from '../platform/platform.ts';
import type { Entry, Lease, LeaseId, Store, StoreEvent, Write } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, keeperKey, serverKey, splitKey } from './keys.ts';
import { absent } from './records.ts';

/** How long a dead server is listed. Milliseconds; etcd counts whole seconds. */
const leaseMs = 5000;
const renewMs = 1000;
/** A store that has not answered for so long is as good as lost. */
const patienceMs = 2500;
/** For so long a server that has begun leaves the house to those who know more. */
const newMs = 15_000;
/** A server that ends waits no longer for a store to forget it. */
const farewellMs = 1000;

export interface RegistryOptions {
  readonly store: Store;
  readonly clock: SteadyClock;
  readonly log: Log;
  /** Of this server, which is asked for once it listens. */
  self(): ServerRecord;
  /** Nobody is told of it: it has no address that others could reach. */
  readonly unlisted?: boolean;
}

export class Registry implements Follower {
  readonly #options: RegistryOptions;
  readonly #servers = new Map<string, ServerRecord>();
  /** Under which each is listed. */
  readonly #leases = new Map<string, LeaseId | undefined>();
  /** Under which lease the keeper's key is. */
  #keeper: string | undefined;
  #lease: Lease | undefined;
  /** Its own record is in the store, under the lease. */
  #entered = false;
  /** When the store answered last, by `elapsed`. */
  #answered: number;
  readonly #startedAt: number;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#answered = options.clock.elapsed();
    this.#startedAt = this.#answered;
  }

  /** By which this server is listed; undefined when it is not. */
  get id(): string | undefined {
    return this.#options.unlisted ? undefined : this.#options.self().id;
  }

  /** This one too, be it listed yet or not. */
  servers(): readonly ServerRecord[] {
    const { unlisted } = this.#options;
    const self = this.#options.self();
    const listed = [...this.#servers.values()];
    return unlisted || this.#servers.has(self.id) ? listed : [self, ...listed];
  }

  /** By its id, the server that does what is to be done once; undefined when there is none, or it is not listed. */
  get keeper(): string | undefined {
    if (this.#keeper === undefined) return undefined;
    for (const [id, lease] of this.#leases) if (lease === this.#keeper) return id;
    return undefined;
  }

  /** Whether the store has answered lately. */
  get able(): boolean {
    return this.#options.clock.elapsed() - this.#answered < patienceMs;
  }

  /** Whether it is this server that does what is to be done once. A former one may believe it for a moment: conditions protect the rest. */
  get isKeeper(): boolean {
    return this.able && this.#keeper !== undefined && this.#keeper === this.#lease?.id;
  }

  async load(): Promise<number> {
    const { store } = this.#options;
    const { entries, revision } = await store.range(allOf('servers'));
    this.#servers.clear();
    this.#leases.clear();
    for (const entry of entries) this.#learn(entry);
    const keeper = await store.get(keeperKey);
    this.#keeper = keeper && (JSON.parse(keeper.value) as string);
    return revision;
  }

  events(_revision: number, events: readonly StoreEvent[]): void {
    for (const event of events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      if (key === keeperKey)
        this.#keeper = event.type === 'put' ? (JSON.parse(event.entry.value) as string) : undefined;
      const place = splitKey(key);
      if (place?.collection !== 'servers') continue;
      if (event.type === 'put') this.#learn(event.entry);
      else {
        this.#servers.delete(place.rest);
        this.#leases.delete(place.rest);
      }
      // Whoever had this address before has ended, and its lease with it.
      if (event.type === 'delete' && place.rest === this.id) this.#entered = false;
    }
  }

  #learn({ value, lease }: Entry): void {
    const server = JSON.parse(value) as ServerRecord;
    this.#servers.set(server.id, server);
    this.#leases.set(server.id, lease);
  }

  /** Keeps this server listed until the signal aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#renew();
        this.#answered = clock.elapsed();
        await this.#enter();
      } catch (error) {
        if (!signal.aborted) log.debug('the store does not hear yet that this server is there', { error });
      }
      await clock.sleep(renewMs, signal).catch(() => {});
    }
    const late = clock.sleep(farewellMs);
    await Promise.race([this.#lease?.revoke().catch(() => {}), late]);
  }

  async #renew(): Promise<void> {
    try {
      await this.#lease?.renew();
    } catch (error) {
      if (!isFailure(error, 'not-found')) throw error;
      this.#lease = undefined;
    }
    if (this.#lease !== undefined) return;
    this.#lease = await this.#options.store.grantLease(leaseMs);
    this.#entered = false;
  }

  async #enter(): Promise<void> {
    const { store, unlisted } = this.#options;
    const self = this.#options.self();
    const lease = this.#lease?.id;
    if (lease === undefined) return;
    if (!this.#entered) {
      this.#entered = true;
      try {
        if (!unlisted) await store.transact([], [leased(serverKey(self.id), self, lease)]);
      } catch (error) {
        this.#entered = false;
        throw error;
      }
    }
    if (this.#keeper !== undefined || this.#isNewAmongOthers()) return;
    await store.transact([absent(keeperKey)], [leased(keeperKey, lease, lease)]);
  }

  /** It has heard of hardly anybody, and others who have may be the next. */
  #isNewAmongOthers(): boolean {
    const { clock, self } = this.#options;
    const isYoung = clock.elapsed() - this.#startedAt < newMs;
    return isYoung && [...this.#servers.keys()].some((id) => id !== self().id);
  }
}

const leased = (key: string, value: unknown, lease: LeaseId): Write => ({
  ...{ op: 'put', key, lease },
  value: JSON.stringify(value),
});
