/** Networks, nodes and servers as the cluster topic tells them, indexed the ways the agent asks. */
import { Failure, lanOf, type NetworkRecord, type NodeRecord, type ServerRecord } from '../domain/domain.ts';
import type { Change } from './mirror.ts';

export class ClusterView {
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #nodes = new Map<string, NodeRecord>();

  readonly #servers = new Map<string, ServerRecord>();

  apply(changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      if (value?.kind === 'network') this.#networks.set(value.network.id, value.network);
      else if (value?.kind === 'node') this.#nodes.set(value.node.name, value.node);
      else if (value?.kind === 'server') this.#servers.set(value.server.id, value.server);
      else if (key.startsWith('server/')) this.#servers.delete(key.slice('server/'.length));
      else if (key.startsWith('network/')) this.#networks.delete(key.slice('network/'.length));
      else if (key.startsWith('node/')) this.#nodes.delete(key.slice('node/'.length));
    }
  }

  networks(): IterableIterator<NetworkRecord> {
    return this.#networks.values();
  }

  servers(): readonly ServerRecord[] {
    return [...this.#servers.values()];
  }

  network(id: string): NetworkRecord | undefined {
    return this.#networks.get(id);
  }

  /** One that may be talked to. */
  node(name: string): NodeRecord | undefined {
    const node = this.#nodes.get(name);
    return node?.fenced ? undefined : node;
  }

  /** In a LAN some addresses are the hosts' own. @returns whose it is */
  nodeWith(network: NetworkRecord, address: string): string | undefined {
    if (lanOf(network) === undefined) return undefined;
    const has = ({ interfaces = [], ...node }: NodeRecord) =>
      node.address === address ||
      interfaces.some((each) => each.addresses.some((cidr) => cidr.startsWith(`${address}/`)));
    return [...this.#nodes.values()].find(has)?.name;
  }

  isFenced(name: string): boolean {
    return this.#nodes.get(name)?.fenced ?? false;
  }

  /** @throws Failure('not-found') */
  networkNamed(nameOrId: string): NetworkRecord {
    const found =
      this.#networks.get(nameOrId) ?? [...this.#networks.values()].find((network) => network.name === nameOrId);
    if (found !== undefined) return found;
    throw new Failure(
      'not-found',
      `there is no Trama network called ${nameOrId}: create it with trama network create ${nameOrId}`,
    );
  }

  networkWithSubnet(subnet: string): NetworkRecord | undefined {
    return [...this.#networks.values()].find((network) => network.subnet === subnet);
  }
}
