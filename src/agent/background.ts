/** Work that nobody waits for; that it failed stands in the log, and whoever began it tries again. */
import type { Log } from '../platform/platform.ts';

/** @param what the sentence for the log when it fails */
export type Background = (what: string, work: Promise<unknown>) => void;

export const inBackground =
  (log: Log): Background =>
  (what, work) =>
    void work.catch((error: unknown) => log.debug(what, { error }));
