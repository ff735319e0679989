import { setImmediate as turn } from 'node:timers/promises';
import type { SteadyClock } from '../../src/platform/platform.ts';

export interface HeldClock extends SteadyClock {
  /** Lets time pass; resolves when what was due has had some turns of the event loop to happen. */
  advance(ms: number): Promise<void>;
  /** Somebody sets the time. */
  set(byMs: number): void;
}

/** A clock that stands still unless told otherwise. */
export function heldClock(): HeldClock {
  let now = 1_700_000_000_000;
  let ahead = 0;
  const sleepers = new Set<{ readonly at: number; wake(): void }>();
  return {
    now: () => now + ahead,
    elapsed: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    set: (byMs) => {
      ahead += byMs;
    },
    advance: async (ms) => {
      now += ms;
      for (const sleeper of [...sleepers].sort((a, b) => a.at - b.at)) {
        if (sleeper.at > now || !sleepers.delete(sleeper)) continue;
        sleeper.wake();
      }
      for (let index = 0; index < 5; index += 1) await turn();
    },
  };
}
