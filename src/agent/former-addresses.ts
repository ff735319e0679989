/**
 * The address that a container had before, for its next start: `docker restart web` keeps it. Docker does not say for
 * whom it asks for an address, so this is a conclusion, drawn only where nobody else could be meant: among the containers on
 * that network that do not run, there is one, and its address still rests. A new container's start costs nothing here: the
 * engine has told of it before it asks.
 *
 * Kept in memory alone; who was never seen to end gets a fresh address. (A container that Trama runs asks for its own.)
 */
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { ContainerRuntime, RuntimeEvent } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import { addressKey } from './local-state.ts';
import { workloadLabel } from './workloads.ts';

export interface FormerAddressesOptions {
  readonly runtime: Pick<ContainerRuntime, 'list'>;
  readonly addresses: Pick<Addresses, 'rests' | 'assignAgain'>;
  readonly clock: Clock;
}

/** An engine that is starting asks for addresses before it answers anybody: it must not wait for long. */
const patienceMs = 200;

interface Former {
  readonly network: string;
  readonly address: string;
  readonly container: string;
}

export class FormerAddresses {
  readonly #options: FormerAddressesOptions;
  /** One per address: as many as rest, at most. */
  readonly #former = new Map<string, Former>();
  /** Containers that were made and have not run yet. */
  readonly #newborn = new Set<string>();

  constructor(options: FormerAddressesOptions) {
    this.#options = options;
  }

  /** An endpoint has come to its end; its container may be started again. */
  ended({ network, address, container, kind }: EndpointRecord): void {
    if (kind !== 'container' || container === undefined) return;
    this.#former.set(addressKey({ network, address }), { network, address, container: container.id });
  }

  onEvent(event: RuntimeEvent): void {
    // What happened while nobody listened is not known.
    if (event.type === 'connected') this.#newborn.clear();
    if (event.type !== 'container') return;
    if (event.action === 'create') this.#newborn.add(event.id);
    if (event.action === 'start' || event.action === 'destroy') this.#newborn.delete(event.id);
    if (event.action !== 'destroy') return;
    for (const [key, { container }] of this.#former) if (container === event.id) this.#former.delete(key);
  }

  /** @returns an address that is taken now, for the container whose it was; undefined when whoever starts gets a fresh one */
  async assign(network: NetworkRecord): Promise<string | undefined> {
    if (this.#newborn.size > 0) return undefined;
    const former = this.#only(network.id);
    if (former === undefined || !(await this.#standsAlone(former.container))) return undefined;
    return this.#options.addresses.assignAgain(network, former.address) ? former.address : undefined;
  }

  #only(network: string): Former | undefined {
    for (const [key, each] of this.#former) {
      if (each.network === network && !this.#options.addresses.rests(network, each.address)) this.#former.delete(key);
    }
    const [first, ...others] = [...this.#former.values()].filter((each) => each.network === network);
    return others.length === 0 ? first : undefined;
  }

  /** Whether no other container that does not run could be starting on a network of its. */
  async #standsAlone(id: string): Promise<boolean> {
    const { runtime, clock } = this.#options;
    const answered = new AbortController();
    const none = clock.sleep(patienceMs, answered.signal).then(
      () => [],
      () => [],
    );
    const containers = await Promise.race([runtime.list({}), none]).catch(() => []);
    answered.abort();
    const asleep = containers.filter(({ state, labels }) => !awake.has(state) && labels[workloadLabel] === undefined);
    const own = asleep.find((each) => each.id === id);
    const names = new Set(own?.networks.map(({ name }) => name));
    return (
      own !== undefined && asleep.every((each) => each === own || !each.networks.some(({ name }) => names.has(name)))
    );
  }
}

/** States of containers that are not about to start. */
const awake: ReadonlySet<string> = new Set(['running', 'paused', 'removing']);
