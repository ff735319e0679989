/**
 * Changes by compare-and-set: look, decide, write on condition that what was looked at is still so; otherwise look again.
 * Any number of servers may change the same records at once.
 */
import { Failure, isFailure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { Condition, Store, Write } from '../store/store.ts';
import type { Once } from './requests.ts';

export interface Plan<T> {
  readonly conditions: readonly Condition[];
  /** Empty: nothing to change, the result holds already. */
  readonly writes: readonly Write[];
  /** That nothing is to change is recorded, too: a try that is late would find something, and undo what came since. */
  readonly recorded?: true;
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
 * @param once the request that asks for it, where doing it again would be another change: it is recorded with it
 * @throws Failure `overloaded` after 40 attempts.
 */
export async function change<T>(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  subject: string,
  plan: () => Promise<Plan<T>>,
  once?: Once,
): Promise<Changed<T>> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { conditions, writes, result, done, recorded } = await unlessPlanned(plan, once);
    const idle = writes.length === 0 && !(recorded && once !== undefined);
    if (done || idle) return { result, revision: 0 };
    const recording = await once?.recording(result);
    const outcome = await transact(store, conditions, writes, recording).catch((error: unknown) => {
      if (recording === undefined || !isFailure(error, 'not-found')) throw error;
      once?.leaseLost();
    });
    if (outcome?.succeeded) return { result, revision: outcome.revision };
    const earlier = once?.doneAmong(outcome?.current ?? []);
    if (earlier !== undefined) return { result: earlier.result as T, revision: 0 };
    // Others won; the more often, the longer the wait, which nobody notices and which ends a crowd.
    if (attempt > 2) await clock.sleep(attempt);
  }
  throw new Failure('overloaded', `${subject}: too many are changing this at once, try again`);
}

/** What was done by an earlier try often cannot be planned again: what is to be made is there already. */
async function unlessPlanned<T>(
  plan: () => Promise<Plan<T>>,
  once: Once | undefined,
): Promise<Plan<T> & { done?: true }> {
  try {
    return await plan();
  } catch (error) {
    // A store that is lost is not asked again: whoever waits shall hear of it in time.
    const earlier = isFailure(error, 'unavailable') ? undefined : await once?.done();
    if (earlier === undefined) throw error;
    return { conditions: [], writes: [], result: earlier.result as T, done: true };
  }
}

function transact(
  store: Store,
  conditions: readonly Condition[],
  writes: readonly Write[],
  recording: Awaited<ReturnType<Once['recording']>> | undefined,
) {
  if (recording === undefined) return store.transact(conditions, writes);
  return store.transact([...conditions, recording.condition], [...writes, recording.write]);
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
