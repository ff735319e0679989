import { after, type Clock } from '../../platform/platform.ts';

/** Longest time that a timer of Node's can hold. */
const longest = 2 ** 31 - 1;

/** The promise's outcome; throws what `late` makes when `ms` pass first. The promise is not stopped by that. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const callOff = after(clock, Math.min(Math.max(ms, 0), longest), () => reject(late()));
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    callOff();
  }
}
