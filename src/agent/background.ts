/** Work that nobody waits for; that it failed stands in the log, and whoever began it tries again. */
import type { Clock, Log } from '../platform/platform.ts';

/** @param what the sentence for the log when it fails */
export type Background = (what: string, work: Promise<unknown>) => void;

export const inBackground =
  (log: Log): Background =>
  (what, work) =>
    void work.catch((error: unknown) => log.debug(what, { error }));

/** Again and again until the signal aborts; a failure is for the next time. */
export async function every(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal);
    await work().catch((error: unknown) => log.debug('will be tried again', { error }));
  }
}
