/**
 * Changes by compare-and-set: look, decide, write on condition that what was looked at is still so; otherwise look again.
 * Any number of servers may change the same records at once.
 */
import { Failure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { Condition, Store, Write } from '../store/store.ts';

export interface Plan<T> {
  readonly conditions: readonly Condition[];
  /** Empty: nothing to change, the result holds already. */
  readonly writes: readonly Write[];
  readonly result: T;
}

export interface Changed<T> {
  readonly result: T;
  /** Of the write; 0 when there was nothing to write. */
  readonly revision: number;
}

const attempts = 40;

/**
 * @param subject what others may be changing too, for the sentence.
 * @param plan called for every attempt; must look anew each time. What it throws ends the change.
 * @throws Failure `overloaded` after 40 attempts.
 */
export async function change<T>(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  subject: string,
  plan: () => Promise<Plan<T>>,
): Promise<Changed<T>> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { conditions, writes, result } = await plan();
    if (writes.length === 0) return { result, revision: 0 };
    const { succeeded, revision } = await store.transact(conditions, writes);
    if (succeeded) return { result, revision };
    // Others won; the more often, the longer the wait, which nobody notices and which ends a crowd.
    if (attempt > 2) await clock.sleep(attempt);
  }
  throw new Failure('overloaded', `${subject}: too many are changing this at once, try again`);
}

/** Work on one subject one at a time within this server, so that its own requests do not race one another in vain. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(subject: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(subject);
    const mine = (async () => {
      await before?.catch(() => {});
      return work();
    })();
    this.#last.set(subject, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(subject) === mine) this.#last.delete(subject);
    }
  }
}
