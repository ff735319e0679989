import { setTimeout as delay } from 'node:timers/promises';

/** Time, injected so that tests can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when it aborts. Does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `work` after `ms`, unless what is returned is called before. Does not keep the process alive. As `sleep`, for what is nearly
   * always called off: an aborted sleep makes errors that nobody reads. Absent: `sleep` does.
   */
  after?(ms: number, work: () => void): () => void;
}

/** As `Clock.after`, by any clock. */
export function after(clock: Clock, ms: number, work: () => void): () => void {
  if (clock.after !== undefined) return clock.after(ms, work);
  const timer = new AbortController();
  clock.sleep(ms, timer.signal).then(work, () => {});
  return () => timer.abort();
}

/** One that also goes on evenly when somebody sets the time. */
export interface SteadyClock extends Clock {
  /** Milliseconds since some moment. */
  elapsed(): number;
}

/** Of a time that is over already nothing is left; Node would say so on stderr. */
const left = (ms: number): number => Math.max(0, ms);

export const systemClock: SteadyClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) => delay(left(ms), undefined, { ref: false, ...(signal ? { signal } : {}) }),
  after: (ms, work) => {
    const timer = setTimeout(work, left(ms)).unref();
    return () => clearTimeout(timer);
  },
};
