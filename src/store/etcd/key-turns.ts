/**
 * Order for transactions that are under way together. etcd does what comes at the same time in any order; the port promises
 * that calls which touch the same key are applied in the order they were made. Others do not wait for each other.
 */
import { Failure } from '../../domain/domain.ts';
import type { Condition, Write } from '../store.ts';

/** Transactions at a member at once: more come no faster through its log. */
const atOnce = 64;
const waitingLimit = 10_000;

export class KeyTurns {
  /** For each key, the last that touches it. */
  readonly #last = new Map<string, Promise<void>>();
  /** The last that touches a range, for which all before are waited for, and it by all after. */
  #barrier: Promise<void> | undefined;
  readonly #underWay = new Set<Promise<void>>();
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** Runs `work` when what was asked before and touches the same is done. @throws Failure('overloaded') */
  async take<T>(conditions: readonly Condition[], writes: readonly Write[], work: () => Promise<T>): Promise<T> {
    if (this.#underWay.size >= waitingLimit) {
      throw new Failure('overloaded', `${waitingLimit} transactions wait for the store already: try again.`);
    }
    const keys = keysOf(conditions, writes);
    const before = keys === undefined ? [...this.#underWay] : this.#before(keys);
    const done = Promise.withResolvers<void>();
    this.#enter(keys, done.promise);
    try {
      await Promise.all(before);
      if (this.#running >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
      else this.#running += 1;
      return await work().finally(() => this.#handOn());
    } finally {
      done.resolve();
      this.#leave(keys, done.promise);
    }
  }

  /** Resolves when everything that was asked so far is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #before(keys: readonly string[]): Promise<void>[] {
    return [this.#barrier, ...keys.map((key) => this.#last.get(key))].filter((promise) => promise !== undefined);
  }

  #enter(keys: readonly string[] | undefined, mine: Promise<void>): void {
    this.#underWay.add(mine);
    if (keys === undefined) this.#barrier = mine;
    else for (const key of keys) this.#last.set(key, mine);
  }

  #leave(keys: readonly string[] | undefined, mine: Promise<void>): void {
    this.#underWay.delete(mine);
    if (this.#barrier === mine) this.#barrier = undefined;
    for (const key of keys ?? []) if (this.#last.get(key) === mine) this.#last.delete(key);
  }

  /** The place goes to the next in line, or is free. */
  #handOn(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

/** @returns undefined when it touches a range. */
function keysOf(conditions: readonly Condition[], writes: readonly Write[]): string[] | undefined {
  const keys = new Set(conditions.map(({ key }) => key));
  for (const write of writes) {
    if (write.op === 'delete-range') return undefined;
    keys.add(write.key);
  }
  return [...keys];
}
