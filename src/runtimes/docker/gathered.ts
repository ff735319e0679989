/**
 * An engine writes a log line by line, and whoever reads as fast as it can has a piece for each few lines: all that is done with a piece on
 * its way costs as much for two kilobytes as for sixty. So in a burst its reader rests a little, while the kernel gathers what comes.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Less than this is not much. Bytes. */
const much = 32 * 1024;
/** A piece that comes so soon after the one before is of a burst. Milliseconds. */
const burstMs = 1;
/** What a socket holds meanwhile is no more than it would hold for a slow reader. Milliseconds. */
const restMs = 4;

/** The same bytes; what comes after silence is not held up, and neither is the second piece. */
export async function* gathered(
  source: AsyncIterable<Buffer>,
  rest: () => Promise<unknown> = () => delay(restMs),
): AsyncGenerator<Buffer> {
  let askedAt = Number.NEGATIVE_INFINITY;
  for await (const data of source) {
    const isBurst = performance.now() - askedAt < burstMs;
    yield data;
    if (isBurst && data.length < much) await rest();
    askedAt = performance.now();
  }
}
