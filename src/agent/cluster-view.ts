/** Networks and nodes as the cluster topic tells them, indexed the ways the agent asks. */
import { Failure, type NetworkRecord, type NodeRecord } from '../domain/domain.ts';
import type { Change } from './mirror.ts';

export class ClusterView {
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #nodes = new Map<string, NodeRecord>();

  apply(changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      if (value?.kind === 'network') this.#networks.set(value.network.id, value.network);
      else if (value?.kind === 'node') this.#nodes.set(value.node.name, value.node);
      else if (key.startsWith('network/')) this.#networks.delete(key.slice('network/'.length));
      else if (key.startsWith('node/')) this.#nodes.delete(key.slice('node/'.length));
    }
  }

  networks(): IterableIterator<NetworkRecord> {
    return this.#networks.values();
  }

  network(id: string): NetworkRecord | undefined {
    return this.#networks.get(id);
  }

  node(name: string): NodeRecord | undefined {
    return this.#nodes.get(name);
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
