/** A cluster from one store to another, while its servers are stopped. The same life goes on: nothing is of the past. */
import { Failure } from '../../domain/domain.ts';
import type { Store } from '../../store/store.ts';
import { readEpoch } from '../epoch.ts';
import { clusterKey, movedKey, transferKey } from '../keys.ts';
import { put, read } from '../records.ts';
import { pages } from './dump.ts';
import { checkReplaceable, type Moved, type ReplaceOptions, replaceContent, type Transfer } from './replace.ts';
import { holdStore } from './serving.ts';

export interface Place {
  readonly store: Store;
  /** As people name it. */
  readonly name: string;
  /** Other processes cannot open it. */
  readonly exclusive: boolean;
}

/** @param options `beforeEnd`: what has to be so before a server may start. @returns how many keys there were. @throws Failure */
export async function migrateStore(
  from: Place,
  to: Place,
  options: Omit<ReplaceOptions, 'exclusive'> & { beforeEnd?(): Promise<void> },
): Promise<number> {
  const { clock } = options;
  await using _from = await holdStore(from.store, from.exclusive, clock);
  await using _to = await holdStore(to.store, to.exclusive, clock);
  const cluster = (await read<string>(from.store, clusterKey))?.value;
  if (cluster === undefined) throw new Failure('not-found', `there is no cluster in ${from.name}: nothing was moved`);
  await checkSource(from, to);
  await checkReplaceable(to.store, cluster, options.force);
  const former = await readEpoch(from.store);
  const told = (await from.store.revision()) + former.shift;
  let keys = 0;
  await replaceContent(
    to.store,
    {
      transfer: { kind: 'migrate', cluster, from: from.name, at: clock.now() },
      async fill(take) {
        for await (const { entries } of pages(from.store)) {
          for (const { key, value } of entries) await take({ k: key, v: value });
          keys += entries.length;
        }
      },
      epoch: (before) => ({ epoch: former.epoch, shift: told + 1 - before }),
      claims: false,
      // Nobody serves the old one any more before anybody may serve the new one.
      async beforeEnd() {
        await options.beforeEnd?.();
        const moved: Moved = { to: to.name, at: clock.now() };
        await from.store.transact([], [put(movedKey, moved)]);
      },
    },
    { ...options, exclusive: to.exclusive },
  );
  return keys;
}

/** One that was left for this very target counts if that was interrupted just before its end. */
async function checkSource(from: Place, to: Place): Promise<void> {
  const half = await read<Transfer>(from.store, transferKey);
  if (half) {
    throw new Failure('conflict', `${from.name} holds half a cluster, from ${half.value.from}: end that first`);
  }
  const moved = await read<Moved>(from.store, movedKey);
  if (moved === undefined) return;
  const interrupted = await read<Transfer>(to.store, transferKey);
  if (interrupted?.value.kind === 'migrate') return;
  throw new Failure(
    'conflict',
    `the cluster has moved from ${from.name} to ${moved.value.to} already: nothing was moved`,
  );
}
