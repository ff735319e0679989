/**
 * What the container engine knows of names and Trama's cluster does not: containers on networks of the engine's own, which
 * are found on this host only; what it calls Trama's networks; containers' links, each the linking container's own; and the
 * servers that a container was given with `--dns`. The engine would answer itself, but is no longer asked: see
 * `drivers/resolver.ts`. All of it goes with the containers.
 */
import { readAddress } from '../domain/domain.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import { builtInNetworks } from './docker-networks.ts';
import { NameIndex } from './name-index.ts';

/** In lower case. */
export interface Link {
  readonly alias: string;
  /** What the engine would look up on that network instead. */
  readonly container: string;
}

interface Attached {
  /** Of the endpoint. */
  readonly id: string;
  /** As the engine calls the network. */
  readonly name: string;
  /** Trama's network; absent: one of the engine's own. */
  readonly cluster?: string;
  readonly links: readonly Link[];
}

interface Known {
  readonly dns: readonly string[];
  readonly endpoints: readonly Attached[];
}

export class EngineNames {
  readonly #containers = new Map<string, Known>();
  /** Endpoint → its container. */
  readonly #owners = new Map<string, string>();
  /** The engine's own networks, by name. */
  readonly #networks = new Map<string, NameIndex>();
  /** Network of Trama's → what the engine calls it, by endpoint: Compose puts its project before it. */
  readonly #called = new Map<string, NameIndex>();

  /**
   * @param networkOf Trama's network of an endpoint; undefined: it is on one of the engine's own
   * @returns whether an answer may be another now
   */
  put(container: ContainerInfo, networkOf: (endpointId: string) => string | undefined): boolean {
    const known: Known = { dns: container.dns ?? [], endpoints: attachments(container, networkOf) };
    const before = this.#containers.get(container.id);
    for (const each of before?.endpoints ?? []) {
      if (!known.endpoints.some(({ id, cluster }) => id === each.id && cluster === each.cluster)) this.#remove(each);
    }
    this.#containers.set(container.id, known);
    let changed = JSON.stringify(before) !== JSON.stringify(known);
    for (const each of known.endpoints) changed = this.#add(each, container) || changed;
    return changed;
  }

  /** @returns whether it was known */
  delete(containerId: string): boolean {
    for (const each of this.#endpoints(containerId)) this.#remove(each);
    return this.#containers.delete(containerId);
  }

  /** A container left a network that is Trama's. */
  disconnected(endpointId: string): void {
    const container = this.#owners.get(endpointId) ?? '';
    const known = this.#containers.get(container);
    const endpoint = known?.endpoints.find(({ id }) => id === endpointId);
    if (known === undefined || endpoint === undefined) return;
    this.#containers.set(container, { ...known, endpoints: known.endpoints.filter((each) => each !== endpoint) });
    this.#remove(endpoint);
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#containers.keys());
  }

  /** Those among `known` that the engine does not have any more are forgotten. @returns whether there was one */
  keep(containerIds: ReadonlySet<string>, known: ReadonlySet<string>): boolean {
    const gone = [...known].filter((id) => !containerIds.has(id) && this.#containers.has(id));
    for (const id of gone) this.delete(id);
    return gone.length > 0;
  }

  knows(containerId: string): boolean {
    return this.#containers.has(containerId);
  }

  containerOf(endpointId: string): string | undefined {
    return this.#owners.get(endpointId);
  }

  /** Servers that it was given. Loopback is the container's own: from outside it, nobody is there. */
  dns(containerId: string): { readonly given: boolean; readonly reachable: readonly string[] } {
    const servers = this.#containers.get(containerId)?.dns ?? [];
    return { given: servers.length > 0, reachable: servers.filter((each) => !isLoopback(each)) };
  }

  /** Whether the first server that it was given is in the container itself, where only the engine asks. */
  asksItself(containerId: string): boolean {
    const [first] = this.#containers.get(containerId)?.dns ?? [];
    return first !== undefined && isLoopback(first);
  }

  /** It is on a network that is not Trama's, and so reaches what that reaches. */
  isElsewhere(containerId: string): boolean {
    return this.#endpoints(containerId).some(({ cluster }) => cluster === undefined);
  }

  /** The engine's own networks that the container is on. */
  networksOf(containerId: string): { name: string; index: NameIndex; links: readonly Link[] }[] {
    return this.#endpoints(containerId).flatMap(({ name, cluster, links }) => {
      const index = cluster === undefined ? this.#networks.get(name) : undefined;
      return index === undefined ? [] : [{ name, index, links }];
    });
  }

  /** Those of a container in a network of Trama's. */
  linksIn(network: string, containerId: string): Link[] {
    return this.#endpoints(containerId).flatMap(({ cluster, links }) => (cluster === network ? links : []));
  }

  /** Whether the engine calls Trama's network so, for a container that is on it. @param name in lower case */
  isCalled(network: string, name: string): boolean {
    return this.#called.get(network)?.has(name) ?? false;
  }

  #endpoints(containerId: string): readonly Attached[] {
    return this.#containers.get(containerId)?.endpoints ?? [];
  }

  #add({ id, name, cluster }: Attached, container: ContainerInfo): boolean {
    this.#owners.set(id, container.id);
    if (cluster !== undefined) return indexIn(this.#called, cluster).put({ id, address: '', names: [name] });
    const { address = '', aliases = [] } = container.networks.find(({ endpointId }) => endpointId === id) ?? {};
    const names = [container.name, ...aliases, container.id.slice(0, 12)];
    return !builtInNetworks.has(name) && indexIn(this.#networks, name).put({ id, address, names });
  }

  #remove({ id, name, cluster }: Attached): void {
    this.#owners.delete(id);
    const [indexes, key] = cluster === undefined ? [this.#networks, name] : [this.#called, cluster];
    const index = indexes.get(key);
    if (index?.delete(id) && index.size === 0) indexes.delete(key);
  }
}

function attachments(container: ContainerInfo, networkOf: (endpointId: string) => string | undefined): Attached[] {
  return container.networks.flatMap(({ name, endpointId: id, address, links = [] }) => {
    const cluster = networkOf(id);
    if (cluster === undefined && address === '') return [];
    const lower = links.map(({ alias, container }) => ({
      alias: alias.toLowerCase(),
      container: container.toLowerCase(),
    }));
    return [{ id, name, links: lower, ...(cluster === undefined ? {} : { cluster }) }];
  });
}

function indexIn(indexes: Map<string, NameIndex>, key: string): NameIndex {
  const index = indexes.get(key) ?? new NameIndex();
  indexes.set(key, index);
  return index;
}

/** Also the unspecified address: the kernel takes it for loopback. */
function isLoopback(server: string): boolean {
  const address = readAddress(server);
  if (address === undefined) return false;
  const { family, value } = address;
  if (family === 6 && value >> 32n !== 0xffffn) return value <= 1n;
  const v4 = value & 0xffff_ffffn;
  return v4 === 0n || v4 >> 24n === 127n;
}
