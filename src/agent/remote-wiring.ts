/**
 * What other nodes have in the networks of this host, as this host's kernel must know it. One endpoint's change desires that
 * endpoint's objects and no others; a block's, those of its node's endpoints as well, and blocks come and go seldom.
 */
import { type BlockRecord, type EndpointRecord, type NetworkRecord, whyTooNew } from '../domain/domain.ts';
import type { Driver, DriverTable, Host, Peer } from '../drivers/drivers.ts';
import type { TopicValue } from '../protocol/protocol.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Change } from './mirror.ts';
import type { Desires } from './wiring.ts';

export interface RemoteWiringOptions {
  readonly node: string;
  readonly kernel: Desires;
  readonly drivers: DriverTable;
  readonly view: Pick<ClusterView, 'network' | 'node'>;
  /** A network's endpoints and blocks, of all nodes, as far as they are known. */
  known(network: string): Iterable<TopicValue>;
  /** This node's own address in a network; undefined when the host is not in it. */
  own(network: string): string | undefined;
  attached(): readonly NetworkRecord[];
  host(): Host;
}

export class RemoteWiring {
  readonly #options: RemoteWiringOptions;
  /** Network → node → its blocks, CIDR. */
  readonly #blocks = new Map<string, Map<string, Set<string>>>();

  constructor(options: RemoteWiringOptions) {
    this.#options = options;
  }

  /** Other nodes' endpoints and blocks came, changed or went. */
  apply(networkId: string, changes: readonly Change[]): void {
    const network = this.#attached(networkId);
    const moved = this.#index(networkId, changes);
    for (const { value, previous } of changes) {
      // Also of a network that is gone already: nobody else will.
      if (value === undefined && previous !== undefined) this.#release(networkId, previous);
      else if (network !== undefined && value?.kind === 'endpoint') this.#desire(network, value.endpoint);
    }
    if (network === undefined || this.#driver(network)?.remoteBlock === undefined) return;
    for (const node of moved) this.#desireOf(network, node);
  }

  /** @returns nodes whose blocks are others now */
  #index(networkId: string, changes: readonly Change[]): ReadonlySet<string> {
    const moved = new Set<string>();
    for (const { value, previous } of changes) {
      if (previous?.kind === 'block') this.#blocksOf(networkId, previous.block.node).delete(previous.block.cidr);
      if (value?.kind === 'block') this.#blocksOf(networkId, value.block.node).add(value.block.cidr);
      for (const each of [value, previous]) if (each?.kind === 'block') moved.add(each.block.node);
    }
    return moved;
  }

  #blocksOf(networkId: string, node: string): Set<string> {
    const nodes = this.#blocks.get(networkId) ?? new Map<string, Set<string>>();
    const blocks = nodes.get(node) ?? new Set<string>();
    this.#blocks.set(networkId, nodes.set(node, blocks));
    return blocks;
  }

  /** A node's address came or changed: what it has is reached elsewhere now. Cost: the endpoints of attached networks. */
  applyNode(node: string): void {
    if (node === this.#options.node) return;
    for (const network of this.#options.attached()) this.#desireOf(network, node);
  }

  /** Everything of other nodes' in a network. */
  desireAll(network: NetworkRecord): void {
    for (const value of this.#options.known(network.id)) this.#desireValue(network, value);
  }

  releaseAll(networkId: string): void {
    for (const value of this.#options.known(networkId)) this.#release(networkId, value);
    this.#blocks.delete(networkId);
  }

  #desireOf(network: NetworkRecord, node: string): void {
    for (const value of this.#options.known(network.id)) {
      if (nodeOf(value) === node) this.#desireValue(network, value);
    }
  }

  #desireValue(network: NetworkRecord, value: TopicValue): void {
    if (value.kind === 'endpoint') this.#desire(network, value.endpoint);
    else if (value.kind === 'block') this.#desireBlock(network, value.block);
  }

  #desire(network: NetworkRecord, record: EndpointRecord): void {
    const peer = this.#peer(network, record.node);
    const { kernel, host } = this.#options;
    // Unknown as yet: `applyNode` comes back to it.
    const objects = peer && this.#driver(network)?.remoteEndpoint(host(), network, record, peer);
    if (objects === undefined) kernel.release(endpointOwner(record));
    else kernel.desire(endpointOwner(record), objects);
  }

  #desireBlock(network: NetworkRecord, { cidr, node }: BlockRecord): void {
    const peer = this.#peer(network, node);
    const objects = peer && this.#driver(network)?.remoteBlock?.(this.#options.host(), network, cidr, peer);
    if (objects === undefined) this.#options.kernel.release(blockOwner(network.id, cidr));
    else this.#options.kernel.desire(blockOwner(network.id, cidr), objects);
  }

  #release(networkId: string, value: TopicValue): void {
    const { kernel } = this.#options;
    if (value.kind === 'endpoint') kernel.release(endpointOwner(value.endpoint));
    else if (value.kind === 'block') kernel.release(blockOwner(networkId, value.block.cidr));
  }

  /** Undefined for a node that is not known, or is this one: what is its own now may have been another's before. */
  #peer(network: NetworkRecord, node: string): Peer | undefined {
    const own = this.#options.own(network.id);
    const vtep = node === this.#options.node ? undefined : this.#options.view.node(node)?.address;
    if (own === undefined || vtep === undefined) return undefined;
    return { own, vtep, blocks: [...this.#blocksOf(network.id, node)] };
  }

  #attached(networkId: string): NetworkRecord | undefined {
    return this.#options.own(networkId) === undefined ? undefined : this.#options.view.network(networkId);
  }

  /** undefined: the network is of a newer Trama, and this host stays out of it. */
  #driver(network: NetworkRecord): Driver | undefined {
    return whyTooNew(network) === undefined ? this.#options.drivers[network.driver] : undefined;
  }
}

function nodeOf(value: TopicValue): string | undefined {
  return value.kind === 'endpoint' ? value.endpoint.node : value.kind === 'block' ? value.block.node : undefined;
}

const endpointOwner = (record: EndpointRecord): string => `remote/${record.network}/${record.address}`;
const blockOwner = (network: string, cidr: string): string => `block/${network}/${cidr}`;
