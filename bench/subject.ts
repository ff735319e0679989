import type { Report } from './report.ts';

/** Where a subject puts what must be gone afterwards, and whom it tells what it does. */
export interface Bench {
  readonly resources: AsyncDisposableStack;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** A step, in a few words. */
  say(step: string): void;
}

/** @throws when it could not measure; a target that is not reached is a result like any other. */
export type Subject = (bench: Bench) => Promise<Report>;
