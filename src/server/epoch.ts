/**
 * Lives of the cluster (docs/adr/0011-store-epochs.md). A restore begins a new one: the store is of the past, and what happened
 * since its backup is known to the nodes alone. Each node of the backup claims what it has, once; until all have, nothing is
 * given to anybody that somebody else may have.
 */
import { Failure } from '../domain/domain.ts';
import { nodeTopic } from '../protocol/protocol.ts';
import type { Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, epochKey, splitKey, unclaimedKey } from './keys.ts';
import { read } from './records.ts';
import { named } from './sentences.ts';

export interface EpochRecord {
  /** Below all revisions of this life and above all of the former; 0: the cluster was never restored. */
  readonly epoch: number;
  /** What a revision of this store's own is moved by, so that the cluster's only grow. */
  readonly shift: number;
}

const firstEpoch: EpochRecord = { epoch: 0, shift: 0 };

export async function readEpoch(store: Store): Promise<EpochRecord> {
  return (await read<EpochRecord>(store, epochKey))?.value ?? firstEpoch;
}

export class Epoch implements Follower {
  readonly #store: Store;
  readonly #onSettled: (revision: number) => void;
  #number = 0;
  /** Nodes that have not claimed. Within a life they only become fewer. */
  #unclaimed = new Set<string>();

  /** @param onSettled the last node has claimed: what nobody did is gone for good. */
  constructor(store: Store, onSettled: (revision: number) => void) {
    this.#store = store;
    this.#onSettled = onSettled;
  }

  get number(): number {
    return this.#number;
  }

  get settled(): boolean {
    return this.#unclaimed.size === 0;
  }

  /** What a snapshot of a topic says of it. Of a node's own everything is known by the time it asks: what is not there is gone. */
  life(topic: string): { readonly epoch: number; readonly settled: boolean } {
    return { epoch: this.#number, settled: this.settled || topic.startsWith(nodeTopic('')) };
  }

  async load(): Promise<number> {
    this.#number = (await readEpoch(this.#store)).epoch;
    const { revision, entries } = await this.#store.range(allOf('unclaimed'));
    this.#unclaimed = new Set(entries.flatMap(({ key }) => nodeOf(key) ?? []));
    return revision;
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    if (this.settled) return;
    for (const event of events) if (event.type === 'delete') this.#unclaimed.delete(nodeOf(event.key) ?? '');
    if (this.settled) this.#onSettled(revision);
  }

  /** Before anything is given away that a node may have which nobody has heard of. @throws Failure `unavailable` */
  checkSettled(what: string): void {
    if (this.settled) return;
    const nodes = [...this.#unclaimed].sort();
    throw new Failure(
      'unavailable',
      `${what} has to wait: the store was restored, and ${named(nodes)} ${nodes.length === 1 ? 'has' : 'have'} not told yet what is there; start the agent, or give a host up with \`trama node rm --force\``,
    );
  }

  /** Before the node tells of single endpoints. @throws Failure `unavailable` */
  async checkClaimed(node: string): Promise<void> {
    if (this.settled || !this.#unclaimed.has(node) || !(await this.#store.get(unclaimedKey(node)))) return;
    throw new Failure('unavailable', `node ${node} has not told yet what it had before the store was restored`);
  }

  /**
   * Who asks has heard of a revision that is yet to come here: this server stands over a store that the cluster has left.
   * @throws Failure `conflict`
   */
  async checkHeard(revision: number | undefined): Promise<void> {
    if (revision === undefined || revision <= (await this.#store.revision())) return;
    throw new Failure(
      'conflict',
      'this server stands over a store that the cluster has left for a newer one: stop this server',
    );
  }
}

function nodeOf(key: string): string | undefined {
  const place = splitKey(key);
  return place?.collection === 'unclaimed' ? place.rest : undefined;
}
