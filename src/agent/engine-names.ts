/**
 * What the container engine knows of names and Trama's cluster does not: containers on networks of the engine's own, which
 * are found on this host only, and the servers that a container was given with `--dns`. The engine would answer itself,
 * but is no longer asked: see `drivers/resolver.ts`.
 */
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import { NameIndex } from './name-index.ts';

interface Known {
  readonly dns: readonly string[];
  /** It is on a network that is not Trama's, and so reaches what that reaches. */
  readonly elsewhere: boolean;
  readonly endpoints: readonly { readonly id: string; readonly network: string }[];
}

/** Docker has no names on these. */
const nameless: readonly string[] = ['bridge', 'host', 'none'];

export class EngineNames {
  readonly #containers = new Map<string, Known>();
  readonly #networks = new Map<string, NameIndex>();

  /**
   * @param foreign whether an endpoint is on a network of the engine's own
   * @returns whether an answer may be another now
   */
  put(container: ContainerInfo, foreign: (endpointId: string) => boolean): boolean {
    const elsewhere = container.networks.filter((each) => each.address !== '' && foreign(each.endpointId));
    const attached = elsewhere.filter((each) => !nameless.includes(each.name));
    const known: Known = {
      dns: container.dns ?? [],
      elsewhere: elsewhere.length > 0,
      endpoints: attached.map((each) => ({ id: each.endpointId, network: each.name })),
    };
    const before = this.#containers.get(container.id);
    let changed = JSON.stringify(before) !== JSON.stringify(known);
    for (const { id, network } of before?.endpoints ?? []) {
      if (!known.endpoints.some((each) => each.id === id)) this.#remove(network, id);
    }
    for (const { name, endpointId, address, aliases = [] } of attached) {
      const names = [container.name, ...aliases, container.id.slice(0, 12)];
      const index = this.#networks.get(name) ?? new NameIndex();
      this.#networks.set(name, index);
      changed = index.put({ id: endpointId, address, names }) || changed;
    }
    this.#containers.set(container.id, known);
    return changed;
  }

  /** @returns whether it was known */
  delete(containerId: string): boolean {
    const known = this.#containers.get(containerId);
    for (const { id, network } of known?.endpoints ?? []) this.#remove(network, id);
    return this.#containers.delete(containerId);
  }

  /** Those that the engine does not have any more are forgotten. @returns whether there was one */
  keep(containerIds: ReadonlySet<string>): boolean {
    const gone = [...this.#containers.keys()].filter((id) => !containerIds.has(id));
    for (const id of gone) this.delete(id);
    return gone.length > 0;
  }

  knows(containerId: string): boolean {
    return this.#containers.has(containerId);
  }

  dns(containerId: string): readonly string[] {
    return this.#containers.get(containerId)?.dns ?? [];
  }

  isElsewhere(containerId: string): boolean {
    return this.#containers.get(containerId)?.elsewhere ?? false;
  }

  /** The engine's own networks that the container is on. */
  networksOf(containerId: string): { readonly name: string; readonly index: NameIndex }[] {
    return (this.#containers.get(containerId)?.endpoints ?? []).flatMap(({ network: name }) => {
      const index = this.#networks.get(name);
      return index === undefined ? [] : [{ name, index }];
    });
  }

  #remove(network: string, endpointId: string): void {
    const index = this.#networks.get(network);
    if (index?.delete(endpointId) && index.size === 0) this.#networks.delete(network);
  }
}
