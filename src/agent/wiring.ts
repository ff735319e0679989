/**
 * From what the agent knows (its own endpoints, the other nodes' endpoints) to what the reconciler should make true.
 * Holds no kernel state: drivers say what should exist, per owner; the reconciler does the rest.
 *
 * A network is *attached* to this host while the host has a gateway endpoint in it: from the first container's start
 * until a while after the last one's end.
 *
 * INVARIANTS
 *   - an endpoint is on disk before anything of it is in the kernel, and until nothing of it should be there;
 *   - one remote endpoint's change desires that endpoint's objects and no others.
 */

import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import {
  endpointLinkName,
  endpointMacvlanName,
  endpointPortName,
  Failure,
  lanOf,
  reachOf,
  whyTooNew,
} from '../domain/domain.ts';
import type { Driver, DriverTable, Host, Sandbox } from '../drivers/drivers.ts';
import type { HandedLink, KernelObject, Replacement } from '../kernel/kernel.ts';
import { type Clock, isNetworkInUse, type Log } from '../platform/platform.ts';
import { networkTopic, type TopicValue } from '../protocol/protocol.ts';
import type { Addresses } from './addresses.ts';
import type { AgentOptions } from './agent.ts';
import { announceNewcomers } from './announcements.ts';
import type { ClusterView } from './cluster-view.ts';
import { checkPlace } from './host-place.ts';
import { companions, learnInterfaceNames, placeAgain, renamedTo, stands } from './interface-names.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';
import type { Change } from './mirror.ts';
import { RemoteWiring } from './remote-wiring.ts';
import { refuseTakenMac } from './taken-mac.ts';

/** What wiring needs of the kernel's reconciler. */
export interface Desires {
  desire(owner: string, objects: readonly KernelObject[]): void;
  release(owner: string): void;
}

export interface WiringOptions {
  readonly node: string;
  readonly kernel: Desires;
  readonly drivers: DriverTable;
  base(host: Host): KernelObject[];
  readonly view: ClusterView;
  readonly addresses: Addresses;
  readonly state: LocalState;
  /** Begins or ends to hear of a network's endpoints. */
  follow(topic: string): void;
  unfollow(topic: string): void;
  /** A network's endpoints and blocks, of all nodes, as far as they are known. */
  known(network: string): Iterable<TopicValue>;
  onEndpoint(change: 'put' | 'delete', endpoint: EndpointRecord): void;
  /** One of this node's endpoints came, changed, in where it stands as well, or went. */
  onLocal(before: LocalEndpoint | undefined, after: LocalEndpoint | undefined): void;
  /** Looks at the host's interfaces as they are at this moment, and tells `setHost`. */
  lookAtHost?(): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Wiring {
  readonly #options: WiringOptions;
  readonly #queue = new KeyedQueue();
  /** Network → how many endpoints are on their way into it: they count on its being attached. */
  readonly #arriving = new Map<string, number>();
  /** This node's endpoints as `onLocal` was last told of them: changes that overlap are seen as one after the other. */
  readonly #told = new Map<string, LocalEndpoint>();
  readonly #remote: RemoteWiring;
  #host: Host;
  #underlayMtu: number;

  constructor(options: WiringOptions, host: Host, underlayMtu: number) {
    this.#options = options;
    this.#host = host;
    this.#underlayMtu = underlayMtu;
    this.#remote = new RemoteWiring({
      ...options,
      known: options.known,
      own: (network) => this.gatewayOf(network)?.address,
      attached: () => this.attached(),
      host: () => this.#host,
    });
  }

  /** Once after the start: everything of this node's that its disk knows. */
  restore(): void {
    this.#desireBase();
    for (const [key, endpoint] of this.#options.state.endpoints.entries()) {
      this.#options.addresses.claim(endpoint.record.network, endpoint.record.address);
      this.#tell(key);
    }
    for (const network of this.attached()) this.#desireNetwork(network);
  }

  /** The host's own place has changed: its address, or Docker's chain has come or gone. */
  setHost(host: Host, underlayMtu: number): void {
    this.#underlayMtu = underlayMtu;
    if (JSON.stringify(host) === JSON.stringify(this.#host)) return;
    this.#host = host;
    this.#desireBase();
    for (const network of this.attached()) this.#desireNetwork(network);
  }

  get host(): Host {
    return this.#host;
  }

  attached(): NetworkRecord[] {
    const networks = [...this.#options.state.endpoints.values()].filter((each) => each.record.kind === 'gateway');
    return networks
      .map((each) => this.#options.view.network(each.record.network))
      .filter((network) => network !== undefined);
  }

  /** Networks that this node has endpoints in and nobody has told of: none, unless what its disk knew was lost. */
  unknownNetworks(): Set<string> {
    const { state, view } = this.#options;
    const networks = [...state.endpoints.values()].map(({ record }) => record.network);
    return new Set(networks.filter((network) => view.network(network) === undefined));
  }

  gatewayOf(network: string): EndpointRecord | undefined {
    return this.#options.state.endpoints.get(gatewayKey(network))?.record;
  }

  containersIn(network: string): LocalEndpoint[] {
    return [...this.#options.state.endpoints.values()].filter(
      (each) => each.record.network === network && each.record.kind === 'container',
    );
  }

  /** Makes the network part of this host. @returns this node's gateway endpoint in it */
  attach(network: NetworkRecord): Promise<EndpointRecord> {
    const why = whyTooNew(network);
    if (why !== undefined) return Promise.reject(new Failure('invalid', why));
    return this.#queue.run(network.id, async () => this.gatewayOf(network.id) ?? (await this.#makeGateway(network)));
  }

  /** The host leaves the network: nothing of it stays, whatever is in it. */
  detach(networkId: string): Promise<void> {
    return this.#queue.run(networkId, () => this.#detachNow(networkId));
  }

  /** The same, unless a container is in the network or on its way into it. @returns whether it was left */
  detachIfIdle(networkId: string): Promise<boolean> {
    return this.#queue.run(networkId, async () => {
      if (this.#arriving.has(networkId) || this.containersIn(networkId).length > 0) return false;
      await this.#detachNow(networkId);
      return true;
    });
  }

  /**
   * All that must not be seen half-done comes before the first await: what other nodes' endpoints are known, and that
   * the network was attached, may be forgotten while the disk is written.
   */
  async #detachNow(networkId: string): Promise<void> {
    const { state, kernel, addresses, log } = this.#options;
    this.#remote.releaseAll(networkId);
    const own = [...state.endpoints.entries()].filter(([, { record }]) => record.network === networkId);
    const deletions = own.map(([key]) => state.endpoints.delete(key));
    for (const [key, { record }] of own) {
      kernel.release(localOwner(record.id));
      this.#tell(key);
    }
    kernel.release(networkOwner(networkId));
    this.#options.unfollow(networkTopic(networkId));
    const deleted = await Promise.allSettled(deletions);
    for (const [, { record }] of own) {
      addresses.release(networkId, record.address);
      this.#options.onEndpoint('delete', record);
    }
    for (const each of deleted) {
      if (each.status === 'rejected') log.error('an endpoint could not be forgotten on disk', { error: each.reason });
    }
  }

  /**
   * Attaches the network too.
   * @param granted a server has said that address and MAC are this endpoint's: it knows more than this node has heard
   * @throws Failure('conflict') when the address or the MAC is another endpoint's
   */
  async addEndpoint(network: NetworkRecord, record: EndpointRecord, granted = false): Promise<void> {
    this.#arriving.set(network.id, (this.#arriving.get(network.id) ?? 0) + 1);
    try {
      await this.attach(network);
      await this.#add(network, record, granted);
    } finally {
      const others = (this.#arriving.get(network.id) ?? 1) - 1;
      if (others > 0) this.#arriving.set(network.id, others);
      else this.#arriving.delete(network.id);
    }
  }

  async #add(network: NetworkRecord, record: EndpointRecord, granted: boolean): Promise<void> {
    const { state, addresses } = this.#options;
    const other = this.containersIn(network.id).find(
      (each) => each.record.address === record.address && each.record.id !== record.id,
    );
    if (other !== undefined || this.gatewayOf(network.id)?.address === record.address) {
      const whose = other?.record.container?.name ?? (other === undefined ? 'the gateway' : 'another container');
      throw new Failure(
        'conflict',
        `address ${record.address} of network ${network.name} belongs to ${whose} on this node: choose another`,
      );
    }
    refuseTakenMac(network, record, this.#others(network.id, granted));
    await state.endpoints.set(record.id, { record, createdAt: this.#options.clock.now() });
    // Gone already: its network was removed while the disk was written.
    if (state.endpoints.get(record.id) === undefined) return;
    addresses.claim(network.id, record.address);
    this.#desireLocal(network, record);
    this.#tell(record.id);
    this.#options.onEndpoint('put', record);
  }

  *#others(network: string, local: boolean): Generator<EndpointRecord> {
    for (const { record } of this.#options.state.endpoints.values()) if (record.network === network) yield record;
    if (local) return;
    for (const value of this.#options.known(network)) {
      if (value.kind === 'endpoint' && value.endpoint.node !== this.#options.node) yield value.endpoint;
    }
  }

  /** Changes what is known of an endpoint besides its address: where it stands, whose it is, what is published of it. */
  async updateEndpoint(id: string, change: (endpoint: LocalEndpoint) => LocalEndpoint): Promise<void> {
    const endpoint = this.#options.state.endpoints.get(id);
    if (endpoint === undefined) return;
    const changed = change(endpoint);
    await this.#options.state.endpoints.set(id, changed);
    // Another change may have come while the disk was written, or the endpoint may be gone.
    const now = this.#options.state.endpoints.get(id);
    if (now === undefined) return;
    this.#tell(id);
    if (JSON.stringify(changed.record) === JSON.stringify(endpoint.record)) return;
    this.#republish(endpoint.record, now);
    this.#options.onEndpoint('put', changed.record);
  }

  /** Without a sandbox nothing of it leads anywhere. */
  #republish(before: EndpointRecord, { record, sandbox }: LocalEndpoint): void {
    const network = this.#options.view.network(record.network);
    if (sandbox === undefined || network === undefined) return;
    if (JSON.stringify(before.ports) !== JSON.stringify(record.ports)) this.#desireLocal(network, record);
  }

  /** It is about to be put into a sandbox: its pair must be there. */
  joining(network: NetworkRecord, record: EndpointRecord): void {
    this.#desireLocal(network, record);
  }

  /** It stands nowhere any more. Its pair may have gone with the sandbox, and that is nothing to repair. */
  async left(id: string): Promise<void> {
    this.#options.kernel.release(localOwner(id));
    await this.updateEndpoint(id, ({ sandbox: _, ...rest }) => rest);
  }

  /** No error when it is gone already. The address stays taken until it is released by itself. */
  async removeEndpoint(id: string): Promise<void> {
    const endpoint = this.#options.state.endpoints.get(id);
    if (endpoint === undefined) return;
    try {
      await this.#options.state.endpoints.delete(id);
    } finally {
      this.#tell(id);
      this.#options.kernel.release(localOwner(id));
      this.#options.onEndpoint('delete', endpoint.record);
    }
  }

  endpoint(id: string): LocalEndpoint | undefined {
    return this.#options.state.endpoints.get(id);
  }

  /** Other nodes' endpoints and blocks came, changed or went. */
  applyRemote(networkId: string, changes: readonly Change[]): void {
    this.#remote.apply(networkId, changes);
  }

  /** A node's address came or changed. */
  applyNode(node: string): void {
    this.#remote.applyNode(node);
  }

  /** The network's record came or changed. */
  applyNetwork(network: NetworkRecord): void {
    if (this.gatewayOf(network.id) !== undefined) this.#desireNetwork(network);
  }

  /**
   * Replacement for a veth pair that is gone although its container runs: see the reconciler's `onMissing`. When nothing runs
   * in its namespace any more, its engine is about to take it away.
   */
  async restored(link: HandedLink, { spawn, log }: Pick<AgentOptions, 'spawn' | 'log'>): Promise<Replacement> {
    for (const { record, sandbox } of this.#options.state.endpoints.values()) {
      const network = this.#options.view.network(record.network);
      if (sandbox === undefined || network === undefined || !isFirstEnd(link.name, record)) continue;
      const own = this.gatewayOf(network.id)?.address;
      if (own === undefined) return undefined;
      if (!(await isNetworkInUse(sandbox.path))) return 'later';
      if (link.type === 'macvlan' && (await stands(spawn, sandbox.path, record.mac))) return [];
      const others = companions(this.#options.state.endpoints.values(), sandbox.path, record.id);
      const place = await placeAgain(spawn, sandbox, record.mac, others).catch((error: unknown) =>
        log.warn(unseen, { error }),
      );
      if (place === undefined) return 'later';
      if (place.interface !== sandbox.interface) await this.#renamed(record.id, place);
      return this.#driver(network)?.restoredEndpoint(this.#host, network, record, own, place);
    }
    return undefined;
  }

  /** A name that is not kept on disk is found out again when it is needed. */
  async #renamed(id: string, place: Sandbox): Promise<void> {
    const { log } = this.#options;
    await this.updateEndpoint(id, renamedTo(place)).catch((error: unknown) => log.debug('name not kept', { error }));
  }

  /** What engines do with the interfaces of this node's endpoints after Join; until the signal aborts. */
  async followInterfaces(host: Pick<AgentOptions, 'spawn' | 'clock' | 'log'>, signal: AbortSignal): Promise<void> {
    const endpoints = () => this.#options.state.endpoints.values();
    const names = learnInterfaceNames({ ...host, endpoints, renamed: (id, place) => this.#renamed(id, place) }, signal);
    await Promise.all([names, announceNewcomers({ ...this.#options, ...host }, signal)]);
  }

  async #makeGateway(network: NetworkRecord): Promise<EndpointRecord> {
    if (this.#options.view.network(network.id) === undefined)
      throw new Failure('not-found', `network ${network.name} is no longer part of the cluster`);
    if (lanOf(network) !== undefined) await this.#options.lookAtHost?.();
    checkPlace(network, this.#host, this.#underlayMtu);
    const address = await this.#options.addresses.assignOwn(network);
    const record: EndpointRecord = {
      id: `gateway-${this.#options.node}`,
      network: network.id,
      node: this.#options.node,
      kind: 'gateway',
      address,
      mac: this.#options.addresses.macOf(network, address),
    };
    await this.#options.state.endpoints.set(gatewayKey(network.id), { record, createdAt: this.#options.clock.now() });
    this.#options.addresses.claim(network.id, address);
    this.#desireNetwork(network);
    this.#tell(gatewayKey(network.id));
    this.#options.onEndpoint('put', record);
    return record;
  }

  /** What has become of the endpoint that the disk has under this key. */
  #tell(key: string): void {
    const [before, after] = [this.#told.get(key), this.#options.state.endpoints.get(key)];
    if (before === after) return;
    if (after === undefined) this.#told.delete(key);
    else this.#told.set(key, after);
    this.#options.onLocal(before, after);
  }

  #desireBase(): void {
    this.#options.kernel.desire('base', this.#options.base(this.#host));
  }

  #desireNetwork(network: NetworkRecord): void {
    const [gateway, driver] = [this.gatewayOf(network.id), this.#driver(network)];
    if (gateway === undefined || driver === undefined) return;
    this.#options.kernel.desire(networkOwner(network.id), driver.network(this.#host, network, gateway));
    for (const { record } of this.containersIn(network.id)) this.#desireLocal(network, record);
    this.#remote.desireAll(network);
    // Of other nodes' endpoints nothing is to be known in a network that stays on each.
    if (reachOf(network) === 'cluster') this.#options.follow(networkTopic(network.id));
  }

  #desireLocal(network: NetworkRecord, record: EndpointRecord): void {
    const objects = this.objectsOf(network, record);
    if (objects !== undefined) this.#options.kernel.desire(localOwner(record.id), objects);
  }

  /** What an endpoint of this node's is in the kernel; undefined: nothing, since the host is not in the network. */
  objectsOf(network: NetworkRecord, record: EndpointRecord): KernelObject[] | undefined {
    const own = this.gatewayOf(network.id)?.address;
    return own === undefined ? undefined : this.#driver(network)?.localEndpoint(this.#host, network, record, own);
  }

  /** undefined: the network is of a newer Trama, and this host stays out of it. */
  #driver(network: NetworkRecord): Driver | undefined {
    return whyTooNew(network) === undefined ? this.#options.drivers[network.driver] : undefined;
  }
}

const unseen = "a container's lost interface waits: its namespace could not be looked into";
/** Of the pair that leads to the endpoint: the end that the host has. */
const isFirstEnd = (link: string, { id }: EndpointRecord): boolean =>
  [endpointPortName(id), endpointLinkName(id), endpointMacvlanName(id)].includes(link);
const gatewayKey = (network: string): string => `gateway-${network}`;
const networkOwner = (network: string): string => `network/${network}`;
export const localOwner = (endpointId: string): string => `local/${endpointId}`;
