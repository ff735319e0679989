/**
 * How a store gets another content, from a backup or from another store: a mark first, which keeps servers away; then everything
 * goes and the new comes, in transactions that etcd takes; the mark goes with the last. Whatever interrupts it leaves the mark.
 */
import { Failure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import { type Condition, prefixRange, type Store, type Write } from '../../store/store.ts';
import { type EpochRecord, readEpoch } from '../epoch.ts';
import { clusterKey, epochKey, heldKey, movedKey, root, schemaKey, transferKey, unclaimedKey } from '../keys.ts';
import { put, read, remove, removeRange, type StoredNode } from '../records.ts';
import type { BackupEntry } from './lines.ts';
import { whileHeld } from './serving.ts';

/** Stands in a store that is being filled. */
export interface Transfer {
  readonly kind: 'restore' | 'migrate';
  readonly cluster: string;
  /** A file, or a store as people name it. */
  readonly from: string;
  readonly at: number;
}

/** Stands in a store that the cluster has left. */
export interface Moved {
  readonly to: string;
  readonly at: number;
}

export interface Replacement {
  readonly transfer: Transfer;
  /** Hands every entry to `take`, in order. */
  fill(take: (entry: BackupEntry) => Promise<void>): Promise<void>;
  /** How the cluster goes on. @param before the store's own revision before anything was written */
  epoch(before: number): EpochRecord;
  /** The nodes are to claim what they have. */
  readonly claims: boolean;
  /** After everything is written, before servers may come. */
  beforeEnd?(): Promise<void>;
}

export interface ReplaceOptions {
  readonly exclusive: boolean;
  /** Replaces what the store holds of the same cluster. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly onProgress?: (keys: number) => void;
}

/** Writes at once; etcd takes 128, of which conditions and the last few are others'. */
const writesAtOnce = 100;
/** Characters at once, of 1 MiB that a transaction holds: a character is up to three bytes. */
const charactersAtOnce = 256 * 1024;

/**
 * The revision above which a cluster that was kept in the store goes on: of what it told last. 0 for an empty one.
 * @throws Failure `conflict` when the store holds what is not to be replaced
 */
export async function checkReplaceable(store: Store, cluster: string, force: boolean): Promise<number> {
  const { shift } = await readEpoch(store);
  const told = (await store.revision()) + shift;
  const half = await read<Transfer>(store, transferKey);
  const known = (await read<string>(store, clusterKey))?.value ?? half?.value.cluster;
  if (known !== undefined && known !== cluster) {
    throw new Failure(
      'conflict',
      `the store holds another cluster (${known.slice(0, 12)}, this is ${cluster.slice(0, 12)}): name another store`,
    );
  }
  // Half a transfer and what the cluster has left are nobody's.
  if (force || half || (await store.get(movedKey))) return told;
  const { entries } = await store.range(prefixRange(root), { limit: 10 });
  if (entries.some(({ lease, key }) => lease === undefined && key !== heldKey && key !== schemaKey)) {
    throw new Failure('conflict', 'the store is not empty: name another, or replace what it holds with --force');
  }
  return told;
}

export async function replaceContent(store: Store, replacement: Replacement, options: ReplaceOptions): Promise<void> {
  const { exclusive, clock } = options;
  const before = await store.revision();
  const epoch = replacement.epoch(before);
  const writer = new Writer(store, exclusive, options.onProgress);
  await writer.now([put(transferKey, replacement.transfer)]);
  await wipe(store, writer);
  const nodes = new Set<string>();
  await replacement.fill(async (entry) => {
    const node = nodeOf(entry.k);
    if (node !== undefined && entry.v !== undefined) nodes.add(node);
    if (node !== undefined && entry.v === undefined) nodes.delete(node);
    if (entry.k === epochKey || (replacement.claims && entry.k.startsWith(unclaimedKey('')))) return;
    await writer.add(entry.k, node !== undefined && replacement.claims ? unjudged(entry.v) : entry.v);
  });
  if (replacement.claims) for (const node of nodes) await writer.add(unclaimedKey(node), `${clock.now()}`);
  await writer.add(epochKey, JSON.stringify(epoch));
  await writer.flush();
  await replacement.beforeEnd?.();
  await writer.now([remove(transferKey)]);
}

/** How a node was at the time of the backup says nothing of now. */
function unjudged(node: string | undefined): string | undefined {
  if (node === undefined) return undefined;
  const { health: _, ...record } = JSON.parse(node) as StoredNode;
  return JSON.stringify(record);
}

function nodeOf(key: string): string | undefined {
  const prefix = `${root}nodes/`;
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}

/** All but the mark and what others hold, in steps of bounded size. */
async function wipe(store: Store, writer: Writer): Promise<void> {
  const all = prefixRange(root);
  let start = all.start;
  for (;;) {
    const { entries, more } = await store.range({ start, end: all.end }, { limit: writesAtOnce });
    const last = entries.at(-1);
    const gone = entries.filter(({ key, lease }) => key !== transferKey && lease === undefined);
    const [from, to] = [gone[0], gone.at(-1)];
    if (gone.length === entries.length && from && to)
      await writer.now([removeRange({ start: from.key, end: `${to.key}\u0001` })]);
    else if (gone.length > 0) await writer.now(gone.map(({ key }) => remove(key)));
    if (!more || last === undefined) return;
    start = `${last.key}\u0001`;
  }
}

/** Gathers writes into transactions, each on condition that this command still has the store. */
class Writer {
  readonly #store: Store;
  readonly #exclusive: boolean;
  readonly #onProgress: (keys: number) => void;
  #held: readonly Condition[] | undefined;
  #writes: Write[] = [];
  #keys = new Set<string>();
  #characters = 0;
  #written = 0;

  constructor(store: Store, exclusive: boolean, onProgress: (keys: number) => void = () => {}) {
    this.#store = store;
    this.#exclusive = exclusive;
    this.#onProgress = onProgress;
  }

  /** @param value undefined: the key goes. */
  async add(key: string, value: string | undefined): Promise<void> {
    const size = key.length + (value ?? '').length;
    const full = this.#writes.length >= writesAtOnce || this.#characters + size > charactersAtOnce;
    // A transaction writes a key once.
    if (full || this.#keys.has(key)) await this.flush();
    this.#writes.push(value === undefined ? remove(key) : { op: 'put', key, value });
    this.#keys.add(key);
    this.#characters += size;
  }

  async flush(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    this.#keys = new Set();
    this.#characters = 0;
    if (writes.length === 0) return;
    await this.now(writes);
    this.#written += writes.length;
    this.#onProgress(this.#written);
  }

  /** @throws Failure `conflict` when somebody else has the store by now */
  async now(writes: readonly Write[]): Promise<void> {
    this.#held ??= await whileHeld(this.#store, this.#exclusive);
    const { succeeded } = await this.#store.transact(this.#held, writes);
    if (!succeeded) throw new Failure('conflict', 'the store is no longer held by this command: run it again');
  }
}
