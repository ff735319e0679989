/**
 * What has been done for whom, so that a request that is asked again under its id, at whatever server, is not done twice: the change
 * that it makes writes a record of it in the same transaction, on condition that there is none. Whoever is asked again finds it.
 */
import { createHash } from 'node:crypto';
import { Failure, isFailure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { Condition, Entry, Lease, Store, Write } from '../store/store.ts';
import type { Call, Methods } from './context.ts';
import { requestKey } from './keys.ts';

/** A lease that would end sooner takes no more records: so long each stays at least. Nobody asks again after that. */
const reserveMs = 5 * 60_000;
/** How long a record stays at most. What one lease has taken goes at once, and each server hears of all of it: half a minute's. */
const keptMs = reserveMs + 30_000;

/** One request, over all its tries. */
export interface Once {
  /** By which an agent knows it. @param method that the agent is asked */
  idFor(method: string): string;
  /** What an earlier try has done. */
  done(): Promise<Done | undefined>;
  doneAmong(entries: readonly Entry[]): Done | undefined;
  /** For what is a part of it: nobody has finished it yet. */
  pending(): Condition;
  /** What belongs into the transaction that does it. */
  recording(result: unknown): Promise<{ readonly condition: Condition; readonly write: Write }>;
  /** The record could not be leased: the next has a new lease. */
  leaseLost(): void;
  /** It is not done any more, wherever it may still be on its way. Too late: it has been done. */
  withdraw(): Promise<void>;
}

interface Done {
  readonly result: unknown;
}

/** Instead of what was done. */
interface Withdrawn {
  readonly withdrawn: true;
}

/** @throws Failure `conflict` when it was withdrawn */
function read({ value }: Entry): Done {
  const record = JSON.parse(value) as Done | Withdrawn;
  if (!('withdrawn' in record)) return record;
  throw new Failure(
    'conflict',
    'who asked for this has gone before it was done, and it is not done any more: ask again',
  );
}

export class Requests {
  readonly #store: Store;
  readonly #clock: Clock;
  #lease: Promise<Lease> | undefined;
  #until: AbortController | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @returns undefined for a call that is asked only once: it has no id */
  of({ caller, id }: Call): Once | undefined {
    if (id === undefined) return undefined;
    const who = caller.kind === 'root' ? 'root' : caller.key;
    const name = createHash('sha256').update(`${who} ${id}`).digest('hex').slice(0, 32);
    const key = requestKey(name);
    return {
      idFor: (method) => `${name}/${method}`,
      done: async () => {
        const entry = await this.#store.get(key);
        return entry && read(entry);
      },
      doneAmong: (entries) => {
        const entry = entries.find((each) => each.key === key);
        return entry && read(entry);
      },
      pending: () => ({ key, is: 'absent' }),
      recording: async (result) => {
        const { id: lease } = await this.#leased();
        const value = JSON.stringify({ result } satisfies Done);
        return { condition: { key, is: 'absent' }, write: { op: 'put', key, value, lease } };
      },
      leaseLost: () => this.#drop(),
      withdraw: () => this.#withdraw(key),
    };
  }

  async #withdraw(key: string): Promise<void> {
    const value = JSON.stringify({ withdrawn: true } satisfies Withdrawn);
    for (let attempt = 1; ; attempt += 1) {
      const { id: lease } = await this.#leased();
      try {
        await this.#store.transact([{ key, is: 'absent' }], [{ op: 'put', key, value, lease }]);
        return;
      } catch (error) {
        // The lease has ended; the next is a new one.
        if (attempt > 2 || !isFailure(error, 'not-found')) throw error;
        this.#drop();
      }
    }
  }

  [Symbol.dispose](): void {
    this.#drop();
  }

  #leased(): Promise<Lease> {
    if (this.#lease !== undefined) return this.#lease;
    const until = new AbortController();
    this.#until = until;
    const lease = this.#store.grantLease(keptMs);
    this.#lease = lease;
    const old = () => {
      if (this.#lease === lease) this.#lease = undefined;
    };
    lease.then(() => this.#clock.sleep(keptMs - reserveMs, until.signal)).then(old, old);
    return lease;
  }

  #drop(): void {
    this.#lease = undefined;
    this.#until?.abort();
  }
}

/**
 * For what is made of several steps, of which one records it.
 * @param done called when an earlier try, or another one meanwhile, has done it
 * @throws what `work` throws, unless it has been done
 */
export async function unlessDone<T>(
  once: Once | undefined,
  work: () => Promise<T>,
  done: () => Promise<T>,
): Promise<T> {
  if (once === undefined) return work();
  if (await once.done()) return done();
  try {
    return await work();
  } catch (error) {
    if (!(isFailure(error, 'not-found') || isFailure(error, 'conflict')) || !(await once.done())) throw error;
    return done();
  }
}

/** Of the caller's own requests only: others' ids lead nowhere. */
export const requestMethods: Methods<'request.withdraw'> = {
  'request.withdraw': async ({ requests }, { request }, call) => {
    await requests.of({ ...call, id: request })?.withdraw();
    return {};
  },
};
