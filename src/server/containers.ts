/**
 * The containers that have endpoints, by name and by id: the cluster's own, and those that people start with docker on its
 * networks; and how many each node has, with the cluster's own that have none. In memory, since people name containers and an
 * endpoint's key does not: as of the last event of the store.
 */
import { type EndpointRecord, looksLikeContainerId, type WorkloadRecord } from '../domain/domain.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, splitKey } from './keys.ts';

/** What is kept of an endpoint. */
export type Attachment = Pick<EndpointRecord, 'network' | 'address' | 'mac' | 'ports'>;

export interface AttachedContainer {
  readonly node: string;
  /** The engine's, 64 digits. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly endpoints: readonly Attachment[];
  /** Of the store, at the newest of its endpoints. */
  readonly revision: number;
}

interface Held {
  readonly key: string;
  readonly revision: number;
  /** The attachment, as JSON: there may be tens of thousands, of which few are ever looked at, and as objects they would be several times as large. */
  readonly said: string;
}

class Attached implements AttachedContainer {
  readonly node: string;
  readonly id: string;
  name = '';
  image = '';
  held: readonly Held[] = [];

  constructor(node: string, id: string) {
    this.node = node;
    this.id = id;
  }

  get endpoints(): readonly Attachment[] {
    return this.held.map(({ said }) => JSON.parse(said) as Attachment);
  }

  get revision(): number {
    return Math.max(...this.held.map(({ revision }) => revision));
  }

  hold(held: Held): void {
    this.held = [...this.held.filter(({ key }) => key !== held.key), held];
  }

  drop(key: string): void {
    this.held = this.held.filter((held) => held.key !== key);
  }
}

/** People see this much of an id. */
const shortId = (id: string): string => id.slice(0, 12);

export class Containers implements Follower {
  readonly #store: Store;
  /** Store key of an endpoint → whose it is. */
  #owners = new Map<string, Attached>();
  /** By names, and ids as people see them: hardly ever do several share one. */
  #words = new Map<string, Attached | readonly Attached[]>();
  /** Name of a workload → its node. */
  #workloads = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  *all(): Generator<AttachedContainer> {
    // Each at the first of its endpoints.
    for (const [key, owner] of this.#owners) if (owner.held[0]?.key === key) yield owner;
  }

  /** By name or by id, on all nodes or one. */
  called(word: string, node?: string): AttachedContainer[] {
    const byName = this.#said(word);
    const byId = looksLikeContainerId(word) ? this.#said(shortId(word)) : [];
    const found = byName.length > 0 ? byName : byId.filter(({ id }) => id.startsWith(word));
    return found.filter((each) => node === undefined || each.node === node);
  }

  /** By node, as `trama ps` lists them; a node without any is not in it. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    const add = (node: string) => counts.set(node, (counts.get(node) ?? 0) + 1);
    for (const node of this.#workloads.values()) add(node);
    for (const { name, node } of this.all()) if (this.#workloads.get(name) !== node) add(node);
    return counts;
  }

  async load(): Promise<number> {
    const endpoints = await this.#store.range(allOf('endpoints'));
    const workloads = await this.#store.range(allOf('workloads'));
    this.#owners = new Map();
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
    const { kind, node, container, network, address, mac, ports } = JSON.parse(value) as EndpointRecord;
    const former = this.#owners.get(key);
    if (former !== undefined && (former.node !== node || former.id !== container?.id)) this.#forget(key);
    if (kind !== 'container' || container === undefined) return;
    const { id, name, image } = container;
    const its = (each: Attached) => each.node === node && each.id === id;
    const known = this.#said(shortId(id)).find(its) ?? new Attached(node, id);
    this.#owners.set(key, known);
    known.hold({ key, revision: modRevision, said: JSON.stringify({ network, address, mac, ports }) });
    known.image = image ?? known.image;
    if (known.name !== name) this.#unname(known.name, known);
    known.name = name;
    this.#name(name, known);
    this.#name(shortId(id), known);
  }

  #forget(key: string): void {
    const known = this.#owners.get(key);
    if (known === undefined) return;
    this.#owners.delete(key);
    known.drop(key);
    if (known.held.length > 0) return;
    this.#unname(known.name, known);
    this.#unname(shortId(known.id), known);
  }

  #said(word: string): readonly Attached[] {
    const found = this.#words.get(word) ?? [];
    return found instanceof Attached ? [found] : found;
  }

  #name(word: string, known: Attached): void {
    const others = this.#said(word);
    if (!others.includes(known)) this.#words.set(word, others.length === 0 ? known : [...others, known]);
  }

  #unname(word: string, known: Attached): void {
    const [other, ...more] = this.#said(word).filter((each) => each !== known);
    if (other === undefined) this.#words.delete(word);
    else this.#words.set(word, more.length === 0 ? other : [other, ...more]);
  }
}
