/**
 * What nobody asks for: forgets spent tokens, and ends what a server began and did not end. One server does it, the keeper; harmless if
 * for a moment two do.
 */
import type { WorkloadRecord, WorkloadStatus } from '../domain/domain.ts';
import type { Context } from './context.ts';
import { finishDeparture } from './departure.ts';
import { allOf, removingKey, workloadKey } from './keys.ts';
import { type Mark, takeBack } from './marks.ts';
import { forgottenAt } from './members.ts';
import { absent, readAll, remove, type StoredToken, unchanged } from './records.ts';

const everyMs = 60_000;
/** How soon a server finds itself the keeper. Milliseconds. */
const lookMs = 1000;
/** A removal that takes longer than this has been interrupted. Milliseconds. */
const interruptedMs = 60_000;

export async function keepHouse(context: Context, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (!context.registry.isKeeper) {
      await context.clock.sleep(lookMs, signal).catch(() => {});
      continue;
    }
    try {
      await housekeeping(context);
    } catch (error) {
      if (!signal.aborted) context.log.warn('housekeeping failed, trying again in a minute', { error });
    }
    await context.clock.sleep(everyMs, signal).catch(() => {});
  }
}

async function housekeeping(context: Context): Promise<void> {
  const { store, clock } = context;
  const now = clock.now();
  for (const token of await readAll<StoredToken>(store, allOf('tokens'))) {
    if (now >= forgottenAt(token.value)) await store.transact([unchanged(token)], [remove(token.key)]);
  }
  const workloads = new Set((await readAll<WorkloadRecord>(store, allOf('workloads'))).map(({ value }) => value.name));
  for (const status of await readAll<WorkloadStatus>(store, allOf('statuses'))) {
    const { name } = status.value;
    if (workloads.has(name)) continue;
    await store.transact([unchanged(status), absent(workloadKey(name))], [remove(status.key)]);
  }
  for (const mark of await readAll<Mark>(store, allOf('removing'))) {
    if (now - mark.value.at < interruptedMs) continue;
    const node = nodeOf(mark.key);
    if (node !== undefined) await finishDeparture(context, node, mark);
    else await takeBack(context, mark);
  }
}

function nodeOf(markKey: string): string | undefined {
  const prefix = removingKey('node', '');
  return markKey.startsWith(prefix) ? markKey.slice(prefix.length) : undefined;
}
