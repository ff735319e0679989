/**
 * What container engines ask of Trama: pools, addresses, networks, endpoints. Engines repeat calls whose answer they did
 * not hear, and ask again after restarts: every call here is idempotent.
 *
 * The life of an endpoint: an address is assigned (RequestAddress), claimed (CreateEndpoint: on disk, wired, published),
 * handed over (Join), perhaps published (ProgramExternalConnectivity), taken back (Leave), forgotten (DeleteEndpoint), and its address rests (ReleaseAddress).
 */
import {
  canonicalAddress,
  checkFixedAddress,
  checkPublishedPorts,
  type EndpointRecord,
  endpointMacvlanName,
  endpointPeerName,
  Failure,
  isFailure,
  isMacvlan,
  lanOf,
  type NetworkRecord,
  nominalGateway,
  noPortsIn,
  parseAddress,
  parseMac,
  spaceOf,
  wayOut,
} from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { Addresses } from './addresses.ts';
import type { ClusterView } from './cluster-view.ts';
import type { FormerAddresses } from './former-addresses.ts';
import { companions, lowestFree } from './interface-names.ts';
import type { KeptAddresses } from './kept-addresses.ts';
import { Leftovers } from './leftovers.ts';
import { addressKey, type LocalEndpoint, type LocalState } from './local-state.ts';
import type {
  AddressRequest,
  Attachment,
  EndpointReference,
  EndpointRequest,
  JoinRequest,
  NetworkPlugin,
  NetworkRequest,
  PoolRequest,
  PublishRequest,
} from './plugin-port.ts';
import type { Ports } from './ports.ts';
import { tellingOfRefusals } from './refused-for-now.ts';
import { gatewayOfUnnamed, newUnnamedPool, unnamedWithGateway } from './unnamed-pools.ts';
import { localOwner, type Wiring } from './wiring.ts';
import { workloadLabel } from './workloads.ts';

export interface NetworkPluginOptions {
  readonly node: string;
  readonly view: ClusterView;
  readonly wiring: Wiring;
  readonly addresses: Addresses;
  readonly kept: KeptAddresses;
  readonly former: FormerAddresses;
  readonly ports: Ports;
  readonly state: LocalState;
  /**
   * Asks the servers for an endpoint's address and MAC. @returns whether one granted it: without one nobody can say
   * @throws Failure('conflict') naming whose they are
   */
  claim(endpoint: EndpointRecord): Promise<boolean>;
  /** What was granted is not needed after all. */
  abandon(endpoint: EndpointRecord): void;
  /** Brings what is desired into the kernel. @throws Failure naming what could not be done for `owner` */
  settle(owner: string): Promise<void>;
  /** Resolves when this node knows the network's other endpoints, or cannot in reasonable time. */
  heard(network: string): Promise<void>;
  /** Ids of the endpoints that the engine says its containers have. */
  attached(): Promise<ReadonlySet<string>>;
  /** Ends endpoints whose containers ended without a word. @returns whether there was any */
  endGone(): Promise<boolean>;
  /** What an engine asked for may go well later. */
  refusedForNow(): void;
  /** Nothing new comes to a host that leaves. */
  leaving?(): boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Given no subnet, Docker asks for a pool again and again, without end, while what it gets overlaps a route of the host;
 * and a host that is in the network has one to it. Of this pool it knows that it means nothing.
 */
const anyAddress = '0.0.0.0/0';

/** Docker's own, for what it does itself. */
const ownOptions = 'com.docker.network.';

/** @returns the one that there is @throws Failure('invalid') when another was asked for */
function onlyGateway(gateway: string, asked: string | undefined): string {
  if (asked === undefined || asked === gateway) return gateway;
  throw new Failure(
    'invalid',
    `the gateway cannot be ${asked}: Trama says what containers have as their gateway; leave out --gateway (in a Compose file: gateway)`,
  );
}

export function createNetworkPlugin(options: NetworkPluginOptions): NetworkPlugin {
  return tellingOfRefusals(new Plugin(options), options.refusedForNow);
}

class Plugin implements NetworkPlugin {
  readonly #options: NetworkPluginOptions;
  readonly #leftovers: Leftovers;

  constructor(options: NetworkPluginOptions) {
    this.#options = options;
    this.#leftovers = new Leftovers(options);
  }

  async requestPool({ network, pool, v6 }: PoolRequest): Promise<{ poolId: string; pool: string }> {
    if (v6) throw new Failure('invalid', 'Trama networks have no IPv6 yet: create the network without --ipv6');
    if (network === undefined && (pool === undefined || pool === anyAddress))
      return { poolId: newUnnamedPool(), pool: anyAddress };
    const found = this.#networkOf(network, pool);
    if (pool !== undefined && pool !== found.subnet && pool !== anyAddress) {
      throw new Failure(
        'conflict',
        `network ${found.name} has subnet ${found.subnet}, not ${pool}: leave out --subnet, or give that one`,
      );
    }
    // A host in a LAN has a route to it whether it is in the network or not.
    const here = lanOf(found) !== undefined || this.#options.wiring.gatewayOf(found.id) !== undefined;
    const routed = pool === undefined && here;
    return { poolId: found.id, pool: pool === anyAddress || routed ? anyAddress : found.subnet };
  }

  /** The pool belongs to the cluster, not to this engine: nothing to do. */
  async releasePool(): Promise<void> {}

  async requestAddress({ poolId, address, gateway }: AddressRequest): Promise<{ cidr: string }> {
    const unnamed = gatewayOfUnnamed(poolId);
    if (gateway && unnamed !== undefined) return { cidr: `${onlyGateway(unnamed, address)}/0` };
    const network = this.#options.view.networkNamed(this.#networkOfPool(poolId));
    const prefix = network.subnet.split('/')[1];
    if (gateway) return { cidr: `${onlyGateway(nominalGateway(network), address)}/${prefix}` };
    if (address === undefined || address === '') {
      const former = await this.#options.former.assign(network);
      return { cidr: `${former ?? (await this.#options.addresses.assign(network))}/${prefix}` };
    }
    const wanted = checkFixedAddress(network.name, spaceOf(network), parseAddress(address));
    // An engine that restarted with its containers alive asks for their addresses again.
    if (!this.#isEndpointsAddress(network, wanted)) await this.#options.addresses.assignFixed(network, wanted);
    return { cidr: `${wanted}/${prefix}` };
  }

  async releaseAddress({ poolId, address }: { poolId: string; address: string }): Promise<void> {
    const network = this.#options.view.network(this.#networkOfPool(poolId));
    const plain = canonicalAddress(address.split('/')[0] ?? '');
    // Refused endpoints release the address they were refused for: it stays with the one that has it.
    if (network === undefined || this.#isEndpointsAddress(network, plain)) return;
    this.#options.addresses.release(network.id, plain);
  }

  async createNetwork(request: NetworkRequest): Promise<void> {
    this.#refuseWhileLeaving();
    const { dockerNetworkId, network, subnet, gateway, internal, ipv6, options } = request;
    const unknown = Object.keys(options).find((key) => key !== 'network' && !key.startsWith(ownOptions));
    if (unknown !== undefined)
      throw new Failure('invalid', `Trama knows no option ${unknown} of networks, only -o network=NAME: leave it out`);
    if (ipv6) throw new Failure('invalid', 'Trama networks have no IPv6 yet: create the network without --ipv6');
    const pool = unnamedWithGateway(gateway);
    const found = this.#networkOf(network, pool === undefined ? subnet : undefined);
    if (internal && !found.internal) {
      throw new Failure(
        'invalid',
        `network ${found.name} has a way out: leave out --internal, or name a network made with trama network create --internal`,
      );
    }
    if (subnet !== undefined && subnet !== found.subnet && subnet !== anyAddress) {
      throw new Failure(
        'invalid',
        `Docker chose ${subnet} but network ${found.name} is ${found.subnet}: create it with --ipam-driver trama --subnet ${found.subnet}`,
      );
    }
    await this.#options.state.dockerNetworks.set(dockerNetworkId, {
      dockerId: dockerNetworkId,
      network: found.id,
      ...(pool === undefined ? {} : { pool }),
    });
  }

  async deleteNetwork(dockerNetworkId: string): Promise<void> {
    await this.#options.state.dockerNetworks.delete(dockerNetworkId);
  }

  async createEndpoint(request: EndpointRequest): Promise<{ address?: string; mac?: string }> {
    const { dockerNetworkId, endpointId, address, mac, options } = request;
    this.#refuseWhileLeaving();
    const network = this.#networkOfDocker(dockerNetworkId);
    const again = this.#options.wiring.endpoint(endpointId);
    const plain = address === undefined ? again?.record.address : canonicalAddress(address.split('/')[0] ?? '');
    const chosen = plain ?? (await this.#options.addresses.assign(network));
    this.#options.addresses.coming(network.id, chosen);
    await this.#checkKeeper(network, chosen, endpointId, options[workloadLabel]);
    const ownMac = mac === undefined ? this.#options.addresses.macOf(network, chosen) : parseMac(mac);
    const record: EndpointRecord = {
      id: endpointId,
      network: network.id,
      node: this.#options.node,
      kind: 'container',
      address: chosen,
      mac: ownMac,
    };
    await this.#leftovers.end(network, record);
    this.#leftovers.creating(endpointId);
    // One that is made of the address is nobody else's; one that somebody chose may be.
    if (mac === undefined) await this.#options.wiring.addEndpoint(network, record);
    else await this.#withoutGone(() => this.#addWithMac(network, record, again));
    // Begun here, awaited in Join: the kernel's part and Docker's next steps go on side by side.
    this.#options.settle(localOwner(endpointId)).catch(() => {});
    return {
      ...(address === undefined ? { address: `${chosen}/${network.subnet.split('/')[1]}` } : {}),
      ...(mac === undefined ? { mac: ownMac } : {}),
    };
  }

  async #addWithMac(network: NetworkRecord, record: EndpointRecord, again: LocalEndpoint | undefined): Promise<void> {
    const granted = again === undefined && (await this.#options.claim(record));
    try {
      await this.#options.wiring.addEndpoint(network, record, granted);
    } catch (error) {
      if (granted) this.#options.abandon(record);
      throw error;
    }
  }

  /**
   * A workload's address is for its container alone. It has one: an endpoint that has the address already is a former one's,
   * whose end nobody told.
   */
  async #checkKeeper(network: NetworkRecord, address: string, endpointId: string, workload: unknown): Promise<void> {
    const keeper = this.#options.kept.keeper(network.id, address);
    if (keeper === undefined) return;
    if (keeper.workload !== workload) {
      throw new Failure(
        'conflict',
        `address ${address} of network ${network.name} belongs to the container ${keeper.name}, also while that does not run: choose another`,
      );
    }
    for (const { record } of this.#options.wiring.containersIn(network.id)) {
      if (record.address === address && record.id !== endpointId) await this.#options.wiring.removeEndpoint(record.id);
    }
  }

  async join({ dockerNetworkId, endpointId, sandboxPath, publishes = false }: JoinRequest): Promise<Attachment> {
    const network = this.#networkOfDocker(dockerNetworkId);
    this.#known(network, endpointId);
    const companionsNow = () => companions(this.#options.state.endpoints.values(), sandboxPath, endpointId);
    // Docker asks to publish where there is a gateway, and tells nobody that it did not. Another network may be there for it.
    if (publishes && lanOf(network) !== undefined && companionsNow().length === 0)
      throw new Failure('invalid', noPortsIn(network.name));
    const own = await this.#options.wiring.attach(network);
    const { record } = this.#known(network, endpointId);
    const gateway = wayOut(network, own.address, this.#options.state.leases.get(addressKey(record))?.router);
    this.#options.wiring.joining(network, record);
    // The first of a network on this host: what it asks for at once must be known, and wired.
    await this.#options.heard(network.id);
    await this.#options.settle(localOwner(endpointId));
    const taken = new Set(companionsNow().map((each) => each.sandbox?.interface));
    await this.#options.wiring.updateEndpoint(endpointId, (each) => ({
      ...each,
      // A guess: the engine names it when it takes it, and is seen to have done so (`interface-names.ts`).
      sandbox: {
        path: sandboxPath,
        interface: lowestFree(taken),
        ...(gateway === undefined ? {} : { gateway }),
      },
    }));
    return {
      sourceName: isMacvlan(network) ? endpointMacvlanName(endpointId) : endpointPeerName(endpointId),
      destinationPrefix: 'eth',
      ...(gateway === undefined ? {} : { gateway }),
      routes: [],
      disableGatewayService: gateway === undefined,
    };
  }

  async publish({ dockerNetworkId, endpointId, ports }: PublishRequest): Promise<void> {
    const network = this.#networkOfDocker(dockerNetworkId);
    // Docker does not ask for it in an internal network; nobody would be let in.
    if (ports.length === 0 || network.internal) return;
    if (lanOf(network) !== undefined) throw new Failure('invalid', noPortsIn(network.name));
    this.#known(network, endpointId);
    const wanted = checkPublishedPorts(ports);
    const real = await this.#withoutGone(() => this.#options.ports.hold(endpointId, wanted));
    try {
      const change = (each: LocalEndpoint) => ({ ...each, record: { ...each.record, ports: real } });
      await this.#options.wiring.updateEndpoint(endpointId, change);
      await this.#options.settle(localOwner(endpointId));
    } catch (error) {
      await this.unpublish({ dockerNetworkId, endpointId });
      throw error;
    }
  }

  /** A container that is gone refuses nobody what it had. */
  async #withoutGone<T>(take: () => Promise<T>): Promise<T> {
    try {
      return await take();
    } catch (error) {
      if (!isFailure(error, 'conflict') || !(await this.#options.endGone())) throw error;
      return await take();
    }
  }

  /** A port is let go once it leads nowhere; nobody waits for that. */
  async unpublish({ endpointId }: EndpointReference): Promise<void> {
    if (this.#options.wiring.endpoint(endpointId)?.record.ports === undefined) {
      return this.#options.ports.release(endpointId, Promise.resolve());
    }
    await this.#options.wiring.updateEndpoint(endpointId, ({ record: { ports: _, ...record }, ...rest }) => ({
      ...rest,
      record,
    }));
    this.#options.ports.release(endpointId, this.#options.settle(localOwner(endpointId)));
  }

  /** Its ports go with it: that they were to be let go may have been said while nobody listened. */
  async leave({ dockerNetworkId, endpointId }: EndpointReference): Promise<void> {
    await this.unpublish({ dockerNetworkId, endpointId });
    this.#unawaited(endpointId, this.#options.wiring.left(endpointId));
  }

  /** The kernel's part is not waited for either: removing a veth waits for RCU, and nobody needs to wait with it. */
  async deleteEndpoint({ endpointId }: EndpointReference): Promise<void> {
    const record = this.#options.wiring.endpoint(endpointId)?.record;
    if (record !== undefined) this.#options.former.ended(record);
    this.#unawaited(endpointId, this.#options.wiring.removeEndpoint(endpointId));
  }

  /** What the disk still has of an endpoint after a kill is what Docker no longer has: the next start clears it away. */
  #unawaited(endpointId: string, written: Promise<void>): void {
    written
      .catch((error: unknown) => this.#options.log.error('an endpoint could not be forgotten on disk', { error }))
      .then(() => this.#options.settle(localOwner(endpointId)))
      .catch(() => {});
  }

  async endpointInfo({ endpointId }: EndpointReference): Promise<Record<string, string>> {
    const record = this.#options.wiring.endpoint(endpointId)?.record;
    return record === undefined
      ? {}
      : { 'trama.node': record.node, 'trama.address': record.address, 'trama.mac': record.mac };
  }

  /** @throws Failure('not-found') */
  #known(network: NetworkRecord, endpointId: string): LocalEndpoint {
    const endpoint = this.#options.wiring.endpoint(endpointId);
    if (endpoint !== undefined) return endpoint;
    throw new Failure(
      'not-found',
      `endpoint ${endpointId.slice(0, 12)} of network ${network.name} is not known on this node: start the container again`,
    );
  }

  #refuseWhileLeaving(): void {
    if (this.#options.leaving?.() !== true) return;
    throw new Failure(
      'unavailable',
      'this host is leaving its cluster: let it finish with trama node leave, or restart its agent to stay',
    );
  }

  #networkOf(nameOrId: string | undefined, subnet: string | undefined): NetworkRecord {
    if (nameOrId !== undefined) return this.#options.view.networkNamed(nameOrId);
    const found = subnet === undefined ? undefined : this.#options.view.networkWithSubnet(subnet);
    if (found !== undefined) return found;
    const what = subnet === undefined ? 'no Trama network was named' : `no Trama network has subnet ${subnet}`;
    throw new Failure('invalid', `${what}: create one with trama network create, then name it with -o network=NAME`);
  }

  /** @returns id of the network that the pool is of, as far as Docker has said. */
  #networkOfPool(poolId: string): string {
    if (gatewayOfUnnamed(poolId) === undefined) return poolId;
    return [...this.#options.state.dockerNetworks.values()].find(({ pool }) => pool === poolId)?.network ?? poolId;
  }

  #networkOfDocker(dockerNetworkId: string): NetworkRecord {
    const link = this.#options.state.dockerNetworks.get(dockerNetworkId);
    const network = link === undefined ? undefined : this.#options.view.network(link.network);
    if (network !== undefined) return network;
    throw new Failure(
      'not-found',
      `Docker's network ${dockerNetworkId.slice(0, 12)} stands for no Trama network any more: remove it with docker network rm`,
    );
  }

  #isEndpointsAddress(network: NetworkRecord, address: string): boolean {
    if (this.#options.wiring.gatewayOf(network.id)?.address === address) return true;
    return this.#options.wiring.containersIn(network.id).some((each) => each.record.address === address);
  }
}
