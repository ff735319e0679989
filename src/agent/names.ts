/**
 * What names mean to the containers of this node: the zone of its name server. A container finds by name whom it shares a
 * network with, and itself:
 *
 *     NAME                       its name, an alias, twelve digits of its id
 *     NAME.NETWORK               the same, of one network
 *     NAME.NETWORK.SUFFIX        the same, never asked of anybody else
 *     NODE.node.SUFFIX, NODE     a node's address; a container's name comes first
 *
 * This node's own endpoints are known from itself, at once and without a server; others' as their network's topic tells.
 * A container on several networks gets the answer of the first that has one, in the order in which it joined them; networks
 * of the engine's own come last.
 */
import type { Client, Found, Zone } from '../dns/dns.ts';
import { contains, type EndpointRecord, type NetworkRecord, parseAddress, parseSubnet } from '../domain/domain.ts';
import type { TopicValue } from '../protocol/protocol.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import type { ClusterView } from './cluster-view.ts';
import { EngineNames } from './engine-names.ts';
import type { LocalEndpoint } from './local-state.ts';
import type { Change } from './mirror.ts';
import { NameIndex } from './name-index.ts';

/** Names under it are the cluster's only. */
const clusterSuffix = 'trama';
/** Under the suffix: nodes. */
const nodeLabel = 'node';

export interface NamesOptions {
  readonly node: string;
  readonly view: ClusterView;
  /** Whether a server has told of the network's endpoints since the start. */
  heard(network: string): boolean;
  /** Whom the host asks. */
  hostServers(): readonly string[];
  /** The network of an endpoint of the engine's; undefined: it is none of Trama's. */
  networkOf(endpointId: string): string | undefined;
}

/** A network as a client sees it. */
interface Seen {
  readonly name: string;
  /** The engine's names of it. */
  readonly others: ReadonlySet<string>;
  /** In which its names are. */
  readonly indexes: readonly NameIndex[];
  readonly network?: NetworkRecord;
}

export class Names implements Zone {
  readonly suffix = clusterSuffix;
  readonly #options: NamesOptions;
  readonly #engine = new EngineNames();
  /** Network → its names. */
  readonly #indexes = new Map<string, NameIndex>();
  /** Network → names of other nodes' containers as this host's disk has them, while no server has told. */
  readonly #remembered = new Map<string, NameIndex>();
  /** Address of this node in a network → the network. */
  readonly #gateways = new Map<string, string>();
  /** This node's containers, by network and address. */
  readonly #local = new Map<string, LocalEndpoint>();
  /** Path of a container's namespace → its endpoints. */
  readonly #sandboxes = new Map<string, Map<string, LocalEndpoint>>();
  /** Network → the engine's names of it: Compose puts its project before it. */
  readonly #engineNames = new Map<string, Set<string>>();
  #version = 0;

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  get version(): number {
    return this.#version;
  }

  /** An answer may be another now: nodes, networks, the host's resolvers. */
  outdated(): void {
    this.#version += 1;
  }

  // -- what is known

  /** One of this node's endpoints came, changed or went. */
  local(before: LocalEndpoint | undefined, after: LocalEndpoint | undefined): void {
    if (before !== undefined) this.#forget(before);
    if (after === undefined) return;
    const { record, sandbox } = after;
    if (record.kind === 'gateway') this.#gateways.set(record.address, record.network);
    else this.#local.set(placeOf(record), after);
    if (sandbox !== undefined) {
      const endpoints = this.#sandboxes.get(sandbox.path) ?? new Map<string, LocalEndpoint>();
      this.#sandboxes.set(sandbox.path, endpoints.set(record.id, after));
    }
    this.#put(record);
  }

  #forget({ record, sandbox }: LocalEndpoint): void {
    this.#version += 1;
    if (record.kind === 'gateway') this.#gateways.delete(record.address);
    else this.#local.delete(placeOf(record));
    const endpoints = sandbox === undefined ? undefined : this.#sandboxes.get(sandbox.path);
    if (endpoints?.delete(record.id) && endpoints.size === 0) this.#sandboxes.delete(sandbox?.path ?? '');
    this.#indexes.get(record.network)?.delete(record.id);
  }

  /** Other nodes' endpoints, as a network's topic tells. */
  remote(network: string, changes: readonly Change[]): void {
    if (this.#options.heard(network) && this.#remembered.delete(network)) this.#version += 1;
    for (const { value, previous } of changes) {
      if (previous?.kind === 'endpoint' && previous.endpoint.node !== this.#options.node)
        this.#remove(previous.endpoint);
      if (value?.kind === 'endpoint' && value.endpoint.node !== this.#options.node) this.#put(value.endpoint);
    }
  }

  /** Other nodes' endpoints, as they were known before this agent's restart. */
  remember(network: string, values: Iterable<TopicValue>): void {
    const index = new NameIndex();
    for (const value of values) {
      if (value.kind === 'endpoint' && value.endpoint.node !== this.#options.node) index.put(namesOf(value.endpoint));
    }
    this.#remembered.set(network, index);
    this.#version += 1;
  }

  /** This node has left the network, and hears of it no more. */
  left(network: string): void {
    this.#indexes.delete(network);
    this.#remembered.delete(network);
    this.#engineNames.delete(network);
    this.#version += 1;
  }

  container(info: ContainerInfo): void {
    const { networkOf } = this.#options;
    for (const { endpointId, ...attached } of info.networks) {
      const network = networkOf(endpointId);
      const name = attached.name.toLowerCase();
      if (network === undefined || this.#engineNames.get(network)?.has(name)) continue;
      this.#engineNames.set(network, (this.#engineNames.get(network) ?? new Set()).add(name));
      this.#version += 1;
    }
    if (this.#engine.put(info, (endpointId) => networkOf(endpointId) === undefined)) this.#version += 1;
  }

  containerGone(id: string): void {
    if (this.#engine.delete(id)) this.#version += 1;
  }

  /** Whether the container is on a network of the engine's own. */
  onForeign(containerId: string): boolean {
    return this.#engine.networksOf(containerId).length > 0;
  }

  /** The engine has exactly these running. @returns those that are to be told of */
  containers(ids: readonly string[]): string[] {
    if (this.#engine.keep(new Set(ids))) this.#version += 1;
    return ids.filter((id) => !this.#engine.knows(id));
  }

  /** Addresses of this node that it is asked at. */
  servers(): ReadonlySet<string> {
    return new Set(this.#gateways.keys());
  }

  #put(record: EndpointRecord): void {
    const index = this.#indexes.get(record.network) ?? new NameIndex();
    this.#indexes.set(record.network, index);
    if (index.put(namesOf(record))) this.#version += 1;
  }

  #remove(record: EndpointRecord): void {
    if (this.#indexes.get(record.network)?.delete(record.id)) this.#version += 1;
  }

  // -- what is asked

  find(client: Client, name: string): Found | undefined {
    const networks = this.#networksOf(client);
    if (networks.length === 0) return undefined;
    if (name === this.suffix) return { addresses: [] };
    if (name.endsWith(`.${this.suffix}`)) {
      const inside = name.slice(0, -this.suffix.length - 1);
      return this.#nodeUnderSuffix(inside) ?? search(networks, inside, true);
    }
    return search(networks, name, false) ?? this.#node(name);
  }

  reverse(client: Client, address: string): readonly string[] | undefined {
    const asked = parseAddress(address);
    let inside = false;
    for (const { name, indexes, network } of this.#networksOf(client)) {
      const subnet = network === undefined ? undefined : parseSubnet(network.subnet);
      inside ||= subnet !== undefined && contains(subnet, asked);
      const plain = indexes.map((index) => index.namesOf(address)).find((names) => names.length > 0);
      if (plain === undefined) continue;
      if (plain[0]?.endsWith(`.${nodeLabel}.${this.suffix}`)) return plain;
      const [first = ''] = plain;
      return [...(network === undefined ? [] : [`${first}.${name}.${this.suffix}`]), `${first}.${name}`, first];
    }
    return inside ? [] : undefined;
  }

  upstreams(client: Client): readonly string[] {
    const container = this.#containerOf(client) ?? '';
    // Who has no way out has none by names either: a question can carry anything.
    const wayOut = this.#networksOf(client).some(({ network }) => network?.internal === false);
    if (!wayOut && !this.#engine.isElsewhere(container)) return [];
    const own = this.#engine.dns(container);
    return own.length > 0 ? own : this.#options.hostServers();
  }

  /** Under the suffix `node` is never a network. */
  #nodeUnderSuffix(inside: string): Found | undefined {
    if (inside === nodeLabel) return { addresses: [] };
    if (!inside.endsWith(`.${nodeLabel}`)) return undefined;
    return this.#node(inside.slice(0, -nodeLabel.length - 1));
  }

  #node(name: string): Found | undefined {
    const address = this.#options.view.node(name)?.address;
    return address === undefined ? undefined : { addresses: [address] };
  }

  /** The networks that the client is on, the one that it asks in among them. Empty: it is on none of this node's. */
  #networksOf(client: Client): Seen[] {
    const asked = this.#networkAsked(client);
    if (asked === undefined) return [];
    const endpoint = this.#local.get(`${asked.id}/${client.address}`);
    const together = this.#sandboxes.get(endpoint?.sandbox?.path ?? '')?.values() ?? [];
    const ids = new Set([...[...together].sort(byAge).map(({ record }) => record.network), asked.id]);
    const own = [...ids].flatMap((id) => {
      const network = this.#options.view.network(id);
      return network === undefined ? [] : [this.#seen(network)];
    });
    const foreign = this.#engine.networksOf(this.#containerOf(client) ?? '');
    return [
      ...own,
      ...foreign.map(({ name, index }) => ({ name: name.toLowerCase(), others: none, indexes: [index] })),
    ];
  }

  /** Only who is in a network asks in it: a packet from elsewhere does not make a resolver for everybody of this. */
  #networkAsked({ address, server }: Client): NetworkRecord | undefined {
    const network = this.#options.view.network(this.#gateways.get(server) ?? '');
    return network !== undefined && contains(parseSubnet(network.subnet), parseAddress(address)) ? network : undefined;
  }

  #containerOf({ address, server }: Client): string | undefined {
    return this.#local.get(`${this.#gateways.get(server)}/${address}`)?.record.container?.id;
  }

  #seen(network: NetworkRecord): Seen {
    const indexes = [this.#indexes.get(network.id), this.#remembered.get(network.id)];
    return {
      name: network.name,
      others: this.#engineNames.get(network.id) ?? none,
      indexes: indexes.filter((index) => index !== undefined),
      network,
    };
  }
}

/** @param under the name stood under the suffix, where the engine's own networks are not */
function search(networks: readonly Seen[], name: string, under: boolean): Found | undefined {
  const candidates = under ? networks.filter(({ network }) => network !== undefined) : networks;
  const found = (seen: Seen, wanted: string) => {
    const addresses = new Set(seen.indexes.flatMap((index) => index.addresses(wanted)));
    return addresses.size === 0 ? undefined : [...addresses];
  };
  for (const seen of candidates) {
    const addresses = found(seen, name);
    if (addresses !== undefined) return { addresses };
  }
  for (const seen of candidates) {
    for (const network of [seen.name, ...seen.others]) {
      const addresses = name.endsWith(`.${network}`) ? found(seen, name.slice(0, -network.length - 1)) : undefined;
      if (addresses !== undefined) return { addresses };
    }
  }
  // The suffix has names under its networks' names.
  return under && candidates.some((seen) => seen.name === name) ? { addresses: [] } : undefined;
}

function namesOf({ id, address, kind, node, container, aliases = [] }: EndpointRecord) {
  if (kind === 'gateway') return { id, address, names: [`${node}.${nodeLabel}.${clusterSuffix}`] };
  return { id, address, names: container === undefined ? [] : [container.name, ...aliases, container.id.slice(0, 12)] };
}

const none: ReadonlySet<string> = new Set();

const placeOf = (record: EndpointRecord): string => `${record.network}/${record.address}`;

const byAge = (a: LocalEndpoint, b: LocalEndpoint): number =>
  a.createdAt - b.createdAt || (a.record.id < b.record.id ? -1 : 1);
