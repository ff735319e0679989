/** Another try of what failed, by name: the more in a row failed, the later the next. */
import type { Clock } from '../platform/platform.ts';

const firstMs = 2000;
const lastMs = 60_000;

/** Disposing of it ends the waiting. */
export class Retries implements Disposable {
  readonly #clock: Clock;
  readonly #again: (name: string) => void;
  /** Names for which another try is on its way. */
  readonly #waiting = new Set<string>();
  /** Tries in a row that failed. */
  readonly #failed = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(clock: Clock, again: (name: string) => void) {
    this.#clock = clock;
    this.#again = again;
  }

  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  /** What failed before says nothing of the next try. */
  forget(name: string): void {
    this.#failed.delete(name);
  }

  soon(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.add(name);
    const failed = this.#failed.get(name) ?? 0;
    this.#failed.set(name, failed + 1);
    void this.#clock
      .sleep(Math.min(firstMs * 2 ** failed, lastMs), this.#stop.signal)
      .then(() => {
        this.#waiting.delete(name);
        this.#again(name);
      })
      .catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
