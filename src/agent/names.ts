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
import {
  contains,
  type EndpointRecord,
  isAddress,
  lanOf,
  type NetworkRecord,
  parseAddress,
  parseSubnet,
} from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { TopicValue } from '../protocol/protocol.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import type { ClusterView } from './cluster-view.ts';
import { EngineNames, type Link } from './engine-names.ts';
import type { LocalEndpoint } from './local-state.ts';
import type { Change } from './mirror.ts';
import { NameIndex } from './name-index.ts';
import { Newcomers } from './newcomers.ts';

const isIn = (subnet: string, server: string): boolean =>
  isAddress(server) && contains(parseSubnet(subnet), parseAddress(server));

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
  /** The container of these endpoints answers itself: `asksItself`. */
  onAsksItself(endpointIds: readonly string[]): void;
  readonly clock: Clock;
}

/** A network as a client sees it. */
interface Seen {
  readonly name: string;
  /** Whether the engine calls it so. */
  isCalled(name: string): boolean;
  /** The client's. */
  readonly links: readonly Link[];
  /** In which its names are. */
  readonly indexes: readonly NameIndex[];
  readonly network?: NetworkRecord;
}

export class Names implements Zone {
  readonly suffix = clusterSuffix;
  readonly #options: NamesOptions;
  readonly #engine = new EngineNames();
  readonly #newcomers: Newcomers;
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
  #version = 0;

  constructor(options: NamesOptions) {
    this.#options = options;
    this.#newcomers = new Newcomers(options.clock);
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
    if (after === undefined) {
      if (before === undefined) return;
      this.#engine.disconnected(before.record.id);
      this.#newcomers.known(before.record.id);
      return;
    }
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
    const place = placeOf(record);
    if (record.kind === 'gateway') this.#gateways.delete(record.address);
    // Its successor may have the address already.
    else if (this.#local.get(place)?.record.id === record.id) this.#local.delete(place);
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
      if (value?.kind !== 'endpoint' || value.endpoint.node === this.#options.node) continue;
      if (!this.#options.view.isFenced(value.endpoint.node)) this.#put(value.endpoint);
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
    this.#version += 1;
  }

  container(info: ContainerInfo): void {
    const endpoints = info.networks.map(({ endpointId }) => endpointId);
    const changed = this.#engine.put(info, (endpointId) => this.#options.networkOf(endpointId));
    for (const each of endpoints) this.#newcomers.known(each);
    if (!changed) return;
    this.#version += 1;
    if (this.#engine.asksItself(info.id)) this.#options.onAsksItself(endpoints);
  }

  containerGone(id: string): void {
    if (this.#engine.delete(id)) this.#version += 1;
  }

  /**
   * Whether the endpoint's container has a server of its own, on its loopback (`--dns 127.0.0.1`): from the host nobody can
   * ask that, the engine can.
   */
  asksItself(endpointId: string): boolean {
    return this.#engine.asksItself(this.#engine.containerOf(endpointId) ?? '');
  }

  /** Whether the container is on a network of the engine's own. */
  onForeign(containerId: string): boolean {
    return this.#engine.networksOf(containerId).length > 0;
  }

  /** Containers that are known at this moment. */
  known(): ReadonlySet<string> {
    return this.#engine.ids();
  }

  /**
   * The engine has these running.
   * @param known when it was asked: what came to be known since is newer than its answer
   * @returns those that are to be told of
   */
  containers(ids: readonly string[], known: ReadonlySet<string>): string[] {
    if (this.#engine.keep(new Set(ids), known)) this.#version += 1;
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

  untilKnown(client: Client): Promise<void> | undefined {
    const endpoint = this.#endpointOf(client);
    if (endpoint === undefined || this.#engine.containerOf(endpoint.record.id) !== undefined) return undefined;
    return this.#newcomers.untilKnown(endpoint);
  }

  upstreams(client: Client): readonly string[] {
    const container = this.#containerOf(client) ?? '';
    // Who has no way out has none by names either: a question can carry anything.
    const networks = this.#networksOf(client).map(({ network }) => network);
    if (!networks.some((network) => network?.internal === false) && !this.#engine.isElsewhere(container)) return [];
    const { given, reachable } = this.#engine.dns(container);
    if (!given) return this.#options.hostServers();
    // This host reaches its containers in every network; who asks does not.
    const others = [...this.#options.view.networks()].filter(
      (network) => lanOf(network) === undefined && !networks.some((own) => own?.id === network.id),
    );
    return reachable.filter((server) => !others.some(({ subnet }) => isIn(subnet, server)));
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
    const endpoint = this.#endpointOf(client);
    const together = this.#sandboxes.get(endpoint?.sandbox?.path ?? '')?.values() ?? [];
    const ids = new Set([...[...together].sort(byAge).map(({ record }) => record.network), asked.id]);
    const container = this.#containerOf(client) ?? '';
    const own = [...ids].flatMap((id) => {
      const network = this.#options.view.network(id);
      return network === undefined ? [] : [this.#seen(network, container)];
    });
    const foreign = this.#engine.networksOf(container).map(({ name, index, links }) => {
      return { name: name.toLowerCase(), isCalled: () => false, links, indexes: [index] };
    });
    return [...own, ...foreign];
  }

  /** Only who is in a network asks in it: a packet from elsewhere does not make a resolver for everybody of this. */
  #networkAsked({ address, server }: Client): NetworkRecord | undefined {
    const network = this.#options.view.network(this.#gateways.get(server) ?? '');
    if (network === undefined || !contains(parseSubnet(network.subnet), parseAddress(address))) return undefined;
    // A LAN's other machines are in its subnet, and in no network of the cluster's.
    return lanOf(network) === undefined || this.#local.has(`${network.id}/${address}`) ? network : undefined;
  }

  #endpointOf({ address, server }: Client): LocalEndpoint | undefined {
    return this.#local.get(`${this.#gateways.get(server)}/${address}`);
  }

  #containerOf(client: Client): string | undefined {
    const record = this.#endpointOf(client)?.record;
    return record && (this.#engine.containerOf(record.id) ?? record.container?.id);
  }

  #seen(network: NetworkRecord, container: string): Seen {
    const indexes = [this.#indexes.get(network.id), this.#remembered.get(network.id)];
    return {
      name: network.name,
      isCalled: (name) => this.#engine.isCalled(network.id, name),
      links: this.#engine.linksIn(network.id, container),
      indexes: indexes.filter((index) => index !== undefined),
      network,
    };
  }
}

/** @param under the name stood under the suffix, where the engine's own networks are not */
function search(networks: readonly Seen[], name: string, under: boolean): Found | undefined {
  const candidates = under ? networks.filter(({ network }) => network !== undefined) : networks;
  const plain = foundIn(candidates, name);
  if (plain !== undefined) return plain;
  // Names of containers and of networks may have dots.
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const network = name.slice(dot + 1);
    const called = candidates.filter((seen) => seen.name === network || seen.isCalled(network));
    const found = foundIn(called, name.slice(0, dot));
    if (found !== undefined) return found;
  }
  // The suffix has names under its networks' names.
  return under && candidates.some((seen) => seen.name === name) ? { addresses: [] } : undefined;
}

/** As the engine does: links come first, and on its network a link's alias is nobody else's name. */
function foundIn(networks: readonly Seen[], name: string): Found | undefined {
  const looks = networks.map((seen) => ({ seen, link: seen.links.findLast(({ alias }) => alias === name) }));
  const linked = looks.filter(({ link }) => link !== undefined);
  for (const { seen, link } of [...linked, ...looks.filter((each) => !linked.includes(each))]) {
    const addresses = new Set(seen.indexes.flatMap((index) => index.addresses(link?.container ?? name)));
    if (addresses.size > 0) return { addresses: [...addresses] };
  }
  return undefined;
}

function namesOf({ id, address, kind, node, container, aliases = [] }: EndpointRecord) {
  if (kind === 'gateway') return { id, address, names: [`${node}.${nodeLabel}.${clusterSuffix}`] };
  return { id, address, names: container === undefined ? [] : [container.name, ...aliases, container.id.slice(0, 12)] };
}

const placeOf = (record: EndpointRecord): string => `${record.network}/${record.address}`;

const byAge = (a: LocalEndpoint, b: LocalEndpoint): number =>
  a.createdAt - b.createdAt || (a.record.id < b.record.id ? -1 : 1);
