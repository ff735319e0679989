/** A backup into a store: the cluster begins another life there (docs/adr/0011-store-epochs.md). */
import { Failure } from '../../domain/domain.ts';
import type { Store } from '../../store/store.ts';
import { type BackupEnd, readBackup } from './lines.ts';
import { checkReplaceable, type ReplaceOptions, replaceContent } from './replace.ts';
import { holdStore } from './serving.ts';

/** What revisions are numbered by the clock with: no cluster writes more often than this, per millisecond and for long. */
const revisionsPerMs = 1024;

/**
 * @param verified what a first reading of the file to its end said: before it, nothing may be written
 * @param read opens the file anew
 * @param options `beforeEnd`: what has to be so before a server may start
 * @throws Failure
 */
export async function restoreBackup(
  store: Store,
  name: string,
  verified: BackupEnd,
  read: () => AsyncIterable<Uint8Array>,
  options: ReplaceOptions & { beforeEnd?(): Promise<void> },
): Promise<void> {
  const { clock, exclusive } = options;
  const { cluster } = verified.header;
  await using _held = await holdStore(store, exclusive, clock);
  const told = await checkReplaceable(store, cluster, options.force);
  // Above what anybody has heard: of this store, of the backup's, and since then, when only the clock has gone on.
  const epoch = Math.max(clock.now() * revisionsPerMs, told + 1, verified.revision + 1, verified.header.epoch + 1);
  const fill = async (take: Parameters<Parameters<typeof replaceContent>[1]['fill']>[0]) => {
    const again = await readBackup(name, read(), take);
    if (again.sha256 === verified.sha256) return;
    throw new Failure('conflict', `${name} was changed while it was restored: restore it again`);
  };
  await replaceContent(
    store,
    {
      transfer: { kind: 'restore', cluster, from: name, at: clock.now() },
      fill,
      epoch: (before) => ({ epoch, shift: epoch - before }),
      claims: true,
      ...(options.beforeEnd === undefined ? {} : { beforeEnd: options.beforeEnd }),
    },
    options,
  );
}
