/** Steps that failed, and when they are tried again: after 1, 2, 4 … 30 seconds. */
import type { Clock } from '../platform/platform.ts';
import type { KernelObject } from './objects.ts';
import type { FailedStep } from './steps.ts';
import type { DeltaTracker } from './tracker.ts';

const firstWaitMs = 1000;
const longestWaitMs = 30_000;

interface Entry extends FailedStep {
  readonly attempts: number;
  readonly desired: KernelObject | undefined;
}

export class Failures {
  readonly #clock: Clock;
  readonly #retry: () => void;
  readonly #entries = new Map<string, Entry>();
  #timer: AbortController | undefined;

  /** @param retry starts a pass; nobody waits for it. */
  constructor(clock: Clock, retry: () => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  failed(key: string, step: FailedStep, desired: KernelObject | undefined): void {
    const attempts = (this.#entries.get(key)?.attempts ?? 0) + 1;
    this.#entries.set(key, { ...step, attempts, desired });
    this.#schedule(Math.min(firstWaitMs * 2 ** (attempts - 1), longestWaitMs));
  }

  passed(key: string): void {
    this.#entries.delete(key);
  }

  of(key: string): FailedStep | undefined {
    const entry = this.#entries.get(key);
    return entry && { step: entry.step, message: entry.message };
  }

  /** Whether the next try of what is desired now comes by itself. */
  waits(key: string, desired: KernelObject | undefined): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.desired === desired;
  }

  /** Those that still matter; the others are forgotten. */
  all(tracker: DeltaTracker): FailedStep[] {
    for (const key of this.#entries.keys()) if (!tracker.pending().has(key)) this.#entries.delete(key);
    return [...this.#entries.values()].map(({ step, message }) => ({ step, message }));
  }

  /** A try could not even begin. */
  again(): void {
    this.#schedule(longestWaitMs);
  }

  /** One timer: the earliest wish counts, since a pass tries everything. */
  #schedule(ms: number): void {
    if (this.#timer !== undefined) return;
    const timer = new AbortController();
    this.#timer = timer;
    this.#clock.sleep(ms, timer.signal).then(
      () => {
        this.#timer = undefined;
        this.#retry();
      },
      () => {},
    );
  }

  /** No more tries by itself. */
  stop(): void {
    this.#timer?.abort();
    this.#timer = undefined;
  }
}
