/**
 * The containers that have endpoints, by name and by id: the cluster's own, and those that people start with docker on its
 * networks; and how many each node has, with the cluster's own that have none. In memory, since people name containers and an
 * endpoint's key does not: as of the last event of the store.
 */
import { type EndpointRecord, looksLikeContainerId, type WorkloadRecord } from '../domain/domain.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, splitKey } from './keys.ts';

export interface AttachedContainer {
  readonly node: string;
  /** The engine's, 64 digits. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly endpoints: readonly EndpointRecord[];
  /** Of the store, at the newest of its endpoints. */
  readonly revision: number;
}

class Attached implements AttachedContainer {
  readonly node: string;
  readonly id: string;
  name = '';
  image = '';
  revision = 0;
  /** By store key. */
  readonly byKey = new Map<string, EndpointRecord>();

  constructor(node: string, id: string) {
    this.node = node;
    this.id = id;
  }

  get endpoints(): readonly EndpointRecord[] {
    return [...this.byKey.values()];
  }
}

/** People see this much of an id. */
const shortId = (id: string): string => id.slice(0, 12);

export class Containers implements Follower {
  readonly #store: Store;
  /** Store key of an endpoint → whose it is. */
  #owners = new Map<string, Attached>();
  /** Node and id. */
  #all = new Map<string, Attached>();
  /** Names, and ids as people see them. */
  #words = new Map<string, Set<Attached>>();
  /** Name of a workload → its node. */
  #workloads = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  all(): IterableIterator<AttachedContainer> {
    return this.#all.values();
  }

  /** By name or by id, on all nodes or one. */
  called(word: string, node?: string): AttachedContainer[] {
    const byName = [...(this.#words.get(word) ?? [])];
    const byId = looksLikeContainerId(word) ? [...(this.#words.get(shortId(word)) ?? [])] : [];
    const found = byName.length > 0 ? byName : byId.filter(({ id }) => id.startsWith(word));
    return node === undefined ? found : found.filter((each) => each.node === node);
  }

  /** By node, as `trama ps` lists them; a node without any is not in it. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    const add = (node: string) => counts.set(node, (counts.get(node) ?? 0) + 1);
    for (const node of this.#workloads.values()) add(node);
    for (const { name, node } of this.#all.values()) if (this.#workloads.get(name) !== node) add(node);
    return counts;
  }

  async load(): Promise<number> {
    const endpoints = await this.#store.range(allOf('endpoints'));
    const workloads = await this.#store.range(allOf('workloads'));
    this.#owners = new Map();
    this.#all = new Map();
    this.#words = new Map();
    this.#workloads = new Map();
    for (const entry of [...endpoints.entries, ...workloads.entries]) this.#learn(entry);
    return Math.min(endpoints.revision, workloads.revision);
  }

  events(_revision: number, events: readonly StoreEvent[]): void {
    for (const event of events) {
      if (event.type === 'put') this.#learn(event.entry);
      else this.#lose(event.key);
    }
  }

  #learn(entry: Entry): void {
    const place = splitKey(entry.key);
    if (place?.collection === 'endpoints') this.#attach(entry);
    if (place?.collection === 'workloads')
      this.#workloads.set(place.rest, (JSON.parse(entry.value) as WorkloadRecord).node);
  }

  #lose(key: string): void {
    const place = splitKey(key);
    if (place?.collection === 'endpoints') this.#forget(key);
    if (place?.collection === 'workloads') this.#workloads.delete(place.rest);
  }

  #attach({ key, value, modRevision }: Entry): void {
    const endpoint = JSON.parse(value) as EndpointRecord;
    const { kind, node, container } = endpoint;
    const place = container === undefined ? '' : `${node}/${container.id}`;
    const former = this.#owners.get(key);
    if (former !== undefined && `${former.node}/${former.id}` !== place) this.#forget(key);
    if (kind !== 'container' || container === undefined) return;
    const known = this.#all.get(place) ?? new Attached(node, container.id);
    this.#all.set(place, known);
    this.#owners.set(key, known);
    known.byKey.set(key, endpoint);
    known.revision = modRevision;
    known.image = container.image ?? known.image;
    if (known.name !== container.name) this.#unname(known.name, known);
    known.name = container.name;
    this.#name(container.name, known);
    this.#name(shortId(container.id), known);
  }

  #forget(key: string): void {
    const known = this.#owners.get(key);
    if (known === undefined) return;
    this.#owners.delete(key);
    known.byKey.delete(key);
    if (known.byKey.size > 0) return;
    this.#all.delete(`${known.node}/${known.id}`);
    this.#unname(known.name, known);
    this.#unname(shortId(known.id), known);
  }

  #name(word: string, known: Attached): void {
    const others = this.#words.get(word) ?? new Set();
    this.#words.set(word, others.add(known));
  }

  #unname(word: string, known: Attached): void {
    const others = this.#words.get(word);
    others?.delete(known);
    if (others?.size === 0) this.#words.delete(word);
  }
}
