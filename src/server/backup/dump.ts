/**
 * Everything in a store as of one revision, in pages, while servers write to it. What changes between the first page and
 * the last is read from the watch and written behind the pages; applied in order, the lines give the store of the end.
 */
import { Failure } from '../../domain/domain.ts';
import { type Entry, type KeyRange, prefixRange, type Store, type StoreEvent } from '../../store/store.ts';
import { backupKey, clusterKey, heldKey, movedKey, root, servingRange, sharedKeysKey, transferKey } from '../keys.ts';
import { put, read } from '../records.ts';
import { type BackupEntry, type BackupHeader, BackupWriter } from './lines.ts';

/** Entries read at once. */
const pageSize = 250;
const everything: KeyRange = prefixRange(root);

export interface DumpOptions {
  /** What the store's revisions are moved by. */
  readonly shift: number;
  readonly header: Omit<BackupHeader, 'format' | 'version' | 'cluster'>;
  readonly now: () => number;
  /** Told now and then how many keys have been read. */
  readonly onProgress?: (keys: number) => void;
}

/** A backup's lines. @throws Failure `not-found` for a store without a cluster, `unavailable` when it changes too fast */
export async function* dump(store: Store, options: DumpOptions): AsyncGenerator<string, void, void> {
  const cluster = await read<string>(store, clusterKey);
  if (cluster === undefined) {
    throw new Failure('not-found', 'there is no cluster in this store: there is nothing to back up');
  }
  const writer = new BackupWriter();
  yield writer.header({ ...options.header, cluster: cluster.value });
  let keys = 0;
  let [first, last] = [0, 0];
  for await (const page of pages(store)) {
    if (first === 0) first = page.revision;
    last = page.revision;
    for (const entry of page.entries) yield writer.entry({ k: entry.key, v: entry.value });
    keys += page.entries.length;
    options.onProgress?.(keys);
  }
  if (last > first) {
    // The watch tells nothing of what is not there: its end is a write of our own.
    last = (await store.transact([], [put(backupKey, { at: options.now() })])).revision;
    for await (const change of changes(store, first + 1, last)) yield writer.entry(change);
  }
  yield writer.end(last + options.shift);
}

/** All that is the cluster's own, in key order; each page as of its own revision, which only grow. */
export async function* pages(store: Store): AsyncGenerator<{ revision: number; entries: Entry[] }, void, void> {
  let start = everything.start;
  for (;;) {
    const { revision, entries, more } = await store.range({ ...everything, start }, { limit: pageSize });
    yield { revision, entries: entries.filter((entry) => isKept(entry.key) && entry.lease === undefined) };
    const last = entries.at(-1);
    if (!more || last === undefined) return;
    // No key holds a NUL, so that none lies between.
    start = `${last.key}\u0001`;
  }
}

/** Not what says something of this very store, nor what lives only as long as a process does. */
function isKept(key: string): boolean {
  if (key === transferKey || key === movedKey || key === heldKey) return false;
  // A backup has them in its header, wherever they are kept.
  if (key === sharedKeysKey) return false;
  return !(key >= servingRange.start && key < servingRange.end);
}

async function* changes(store: Store, from: number, to: number): AsyncGenerator<BackupEntry, void, void> {
  const stop = new AbortController();
  try {
    for await (const item of store.watch(everything, from, stop.signal)) {
      if (item.kind === 'compacted') {
        throw new Failure('unavailable', 'the store changes faster than it can be backed up: try again');
      }
      yield* item.events.flatMap(changeOf);
      if (item.revision >= to) return;
    }
  } finally {
    stop.abort();
  }
}

function changeOf(event: StoreEvent): BackupEntry[] {
  const key = event.type === 'put' ? event.entry.key : event.key;
  if (!isKept(key)) return [];
  return event.type === 'delete' || event.entry.lease !== undefined ? [{ k: key }] : [{ k: key, v: event.entry.value }];
}
