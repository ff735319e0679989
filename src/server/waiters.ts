import type { StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { splitKey } from './keys.ts';

/** Whoever waits for something to happen to a workload. */
export class Waiters implements Follower {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves with the next event of the workload or its status after this call; dispose when it no longer matters. */
  next(workload: string): { readonly happened: Promise<void> } & Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(workload) ?? new Set();
    this.#waiting.set(workload, waiting.add(resolve));
    return {
      happened: promise,
      [Symbol.dispose]: () => {
        waiting.delete(resolve);
        if (waiting.size === 0 && this.#waiting.get(workload) === waiting) this.#waiting.delete(workload);
      },
    };
  }

  /** Something may have been missed: all look again. */
  begin(): void {
    for (const workload of this.#waiting.keys()) this.#wake(workload);
  }

  events(_revision: number, events: readonly StoreEvent[]): void {
    for (const event of events) {
      const place = splitKey(event.type === 'put' ? event.entry.key : event.key);
      if (place?.collection === 'workloads' || place?.collection === 'statuses') this.#wake(place.rest);
    }
  }

  #wake(workload: string): void {
    for (const wake of this.#waiting.get(workload) ?? []) wake();
  }
}
