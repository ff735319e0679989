/**
 * How many there are of what: kept by adding and taking away as the store changes, so that telling costs the same whatever
 * the number of endpoints. Nothing is counted before somebody asks for the first time.
 */
import type { NetworkRecord } from '../domain/domain.ts';
import { blockLayout, capacityOf, spaceOf } from '../domain/domain.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, splitKey } from './keys.ts';
import type { StoredNode } from './records.ts';

const kept = ['nodes', 'networks'] as const;
const counted = ['workloads', 'endpoints', 'blocks'] as const;
type Collection = (typeof kept)[number] | (typeof counted)[number];

export interface NetworkCensus {
  readonly name: string;
  readonly endpoints: number;
  /** That may be given to endpoints and are not. */
  readonly freeAddresses: number;
  readonly leasedBlocks: number;
  readonly freeBlocks: number;
}

export class Census implements Follower {
  readonly #store: Store;
  #nodes = new Map<string, StoredNode>();
  #networks = new Map<string, NetworkRecord>();
  #workloads = 0;
  /** By network. */
  #endpoints = new Map<string, number>();
  #blocks = new Map<string, number>();
  /** The revision that each collection was counted at: earlier events are in the count already. */
  #countedAt: ReadonlyMap<Collection, number> | undefined;
  #counting: Promise<void> | undefined;
  #missed = false;
  /** Events that came while it was being counted. */
  #meanwhile: { readonly revision: number; readonly events: readonly StoreEvent[] }[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  async nodes(): Promise<readonly StoredNode[]> {
    await this.#known();
    return [...this.#nodes.values()];
  }

  async workloads(): Promise<number> {
    await this.#known();
    return this.#workloads;
  }

  async networks(): Promise<readonly NetworkCensus[]> {
    await this.#known();
    return [...this.#networks.values()].map((network) => {
      const space = spaceOf(network);
      const layout = blockLayout(space);
      const endpoints = this.#endpoints.get(network.id) ?? 0;
      const leasedBlocks = this.#blocks.get(network.id) ?? 0;
      return {
        name: network.name,
        endpoints,
        freeAddresses: Math.max(0, capacityOf(space) - endpoints),
        leasedBlocks,
        freeBlocks: Math.max(0, layout.blocks - layout.reserved - leasedBlocks),
      };
    });
  }

  /** Events may have been missed. */
  begin(): void {
    this.#countedAt = undefined;
    this.#missed = true;
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    if (this.#counting !== undefined) this.#meanwhile.push({ revision, events });
    else if (this.#countedAt !== undefined) this.#apply(revision, events);
  }

  #known(): Promise<void> | undefined {
    if (this.#countedAt !== undefined) return undefined;
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #count(): Promise<void> {
    do {
      this.#missed = false;
      this.#meanwhile = [];
      await this.#countOnce();
    } while (this.#missed);
  }

  async #countOnce(): Promise<void> {
    const ranges = await Promise.all([
      ...kept.map((each) => this.#store.range(allOf(each))),
      ...counted.map((each) => this.#store.range(allOf(each), { keysOnly: true })),
    ]);
    [this.#nodes, this.#networks, this.#endpoints, this.#blocks] = [new Map(), new Map(), new Map(), new Map()];
    this.#workloads = 0;
    for (const { entries } of ranges) for (const entry of entries) this.#put(entry, true);
    this.#countedAt = new Map([...kept, ...counted].map((each, i) => [each, ranges[i]?.revision ?? 0]));
    for (const { revision, events } of this.#meanwhile) this.#apply(revision, events);
  }

  #apply(revision: number, events: readonly StoreEvent[]): void {
    for (const event of events) {
      const place = splitKey(event.type === 'put' ? event.entry.key : event.key);
      if (place === undefined || revision <= (this.#countedAt?.get(place.collection as Collection) ?? Infinity))
        continue;
      if (event.type === 'put') this.#put(event.entry, event.entry.createRevision === event.entry.modRevision);
      else this.#gone(event.key);
    }
  }

  #put(entry: Entry, fresh: boolean): void {
    const place = splitKey(entry.key);
    if (place?.collection === 'nodes') this.#nodes.set(place.rest, JSON.parse(entry.value) as StoredNode);
    else if (place?.collection === 'networks') this.#networks.set(place.rest, JSON.parse(entry.value) as NetworkRecord);
    else if (fresh) this.#add(entry.key, 1);
  }

  #gone(key: string): void {
    const place = splitKey(key);
    if (place?.collection === 'nodes') this.#nodes.delete(place.rest);
    else if (place?.collection === 'networks') this.#networks.delete(place.rest);
    else this.#add(key, -1);
  }

  #add(key: string, by: 1 | -1): void {
    const place = splitKey(key);
    const [network = '', what = ''] = place?.rest.split('/') ?? [];
    if (place?.collection === 'workloads') this.#workloads += by;
    else if (place?.collection === 'endpoints') add(this.#endpoints, network, by);
    // Single addresses are lent from where no block can be leased.
    else if (place?.collection === 'blocks' && !what.endsWith('-32')) add(this.#blocks, network, by);
  }
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
