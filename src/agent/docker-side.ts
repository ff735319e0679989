/**
 * Keeps this host's Docker and the cluster in step: cluster networks as Docker networks, endpoints that Docker no longer
 * has, names of the containers behind endpoints.
 */
import { dockerNetworkName, Failure, isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime, RuntimeEvent } from '../runtimes/runtimes.ts';
import type { ClusterView } from './cluster-view.ts';
import { applyDockerNetworkStep, planDockerNetworks } from './docker-networks.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { LocalState } from './local-state.ts';
import type { Names } from './names.ts';
import type { Wiring } from './wiring.ts';

export interface DockerSideOptions {
  readonly runtime: ContainerRuntime;
  readonly view: ClusterView;
  readonly wiring: Wiring;
  readonly state: LocalState;
  /** Whether the view is known to be the cluster's own and not this host's memory of it. */
  complete(): boolean;
  releaseAddress(network: string, address: string): void;
  report(message: string): void;
  readonly names: Pick<Names, 'container' | 'containerGone' | 'containers' | 'known' | 'onForeign'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Docker may be in the middle of making an endpoint that it does not list yet. */
const newbornMs = 60_000;

/** How much later than another topic of the feed the cluster's may come, a new snapshot included. */
const tidingsMs = 5000;
const lookMs = 50;

export class DockerSide {
  readonly #options: DockerSideOptions;
  readonly #queue = new KeyedQueue();
  readonly #clashes = new Set<string>();
  #suspects = new Set<string>();

  constructor(options: DockerSideOptions) {
    this.#options = options;
  }

  /** Makes Docker's networks the cluster's. One failure does not stop the others. */
  syncNetworks(): Promise<void> {
    return this.#queue.run('networks', async () => {
      const { runtime, view, report } = this.#options;
      const steps = planDockerNetworks([...view.networks()], await runtime.networks(), this.#options.complete());
      const clashing = new Set<string>();
      for (const step of steps) {
        if (step.type === 'clash') {
          clashing.add(step.network.id);
          if (!this.#clashes.has(step.network.id))
            report(
              `Docker here has a network ${dockerNetworkName(step.network.name)} of its own: rename or remove it, so that Trama's can appear`,
            );
          continue;
        }
        try {
          await applyDockerNetworkStep(runtime, step);
        } catch (error) {
          const name = step.type === 'create' ? step.network.name : step.name;
          this.#options.log.warn('Docker network not changed', { step: step.type, network: name, error });
        }
      }
      this.#clashes.clear();
      for (const id of clashing) this.#clashes.add(id);
    });
  }

  /** Resolves when nothing that was under way at the call is so any more. */
  quiet(): Promise<void> {
    return this.#queue.drained();
  }

  /** Docker networks that stand for these Trama networks exist when this resolves. @throws Failure when one cannot */
  async ensureNetworks(networks: readonly string[]): Promise<void> {
    await this.#heardOf(networks);
    const missing = () => networks.filter((name) => !this.#stands(name));
    if (missing().length === 0) return;
    await this.syncNetworks();
    const [name] = missing();
    if (name !== undefined)
      throw new Failure('unavailable', `Docker on this node has no network for ${name} yet: see trama node inspect`);
  }

  /** An endpoint that Docker has not had at two looks is gone: its DeleteEndpoint came while no agent listened. */
  async collectEndpoints(): Promise<void> {
    const { state, clock } = this.#options;
    const alive = endpointsOf(await this.#look());
    const suspects = new Set<string>();
    for (const { record, createdAt } of [...state.endpoints.values()]) {
      if (record.kind !== 'container' || alive.has(record.id) || clock.now() - createdAt < newbornMs) continue;
      if (!this.#suspects.has(record.id)) suspects.add(record.id);
      else {
        this.#options.log.info('collecting an endpoint that Docker no longer has', { address: record.address });
        await this.#options.wiring.removeEndpoint(record.id);
        this.#options.releaseAddress(record.network, record.address);
      }
    }
    this.#suspects = suspects;
  }

  /** Ids of the endpoints that Docker says its containers have. */
  async attached(): Promise<ReadonlySet<string>> {
    return endpointsOf(await this.#options.runtime.list({}));
  }

  /** What an event says of names: a container came to a network or left it, ended, or has another name now. */
  followNames(event: RuntimeEvent): void {
    const { names, log } = this.#options;
    if (event.type === 'connected' || event.type === 'disconnected') return;
    if (event.type === 'container' && event.action === 'die') names.containerGone(event.id);
    const container = event.type === 'container' ? event.id : (event.attributes.container ?? '');
    // That an endpoint of Trama's goes, the engine itself says.
    const again =
      event.type === 'container'
        ? event.action === 'rename'
        : event.action === 'connect' || (event.action === 'disconnect' && names.onForeign(container));
    if (!again || container === '') return;
    this.nameEndpoints(container).catch((error: unknown) => log.debug('container not named yet', { container, error }));
  }

  /** Names what was connected while nobody listened. */
  async nameAll(): Promise<void> {
    await this.#look();
  }

  /** A list does not tell all that belongs to names: who is not known yet is inspected. */
  async #look(): Promise<ContainerInfo[]> {
    const { runtime, names, log } = this.#options;
    const known = names.known();
    const containers = await runtime.list({});
    const running = containers.filter(({ state }) => state === 'running' || state === 'paused');
    const unknown = new Set(
      names.containers(
        running.map(({ id }) => id),
        known,
      ),
    );
    for (const container of containers) {
      if (!unknown.has(container.id) && this.#isNamed(container)) continue;
      await this.nameEndpoints(container.id).catch((error: unknown) =>
        log.debug('container not named yet', { container: container.name, error }),
      );
    }
    return containers;
  }

  #isNamed({ id, name, networks }: ContainerInfo): boolean {
    const endpoints = networks.map(({ endpointId }) => this.#options.wiring.endpoint(endpointId));
    return endpoints.every(
      (each) => each === undefined || (each.record.container?.id === id && each.record.container.name === name),
    );
  }

  /** A container was connected to a network: its endpoints get its name. */
  async nameEndpoints(containerId: string): Promise<void> {
    try {
      const container = await this.#options.runtime.inspect(containerId);
      // Before anything is written to disk: its process may ask already.
      this.#options.names.container(container);
      await this.#name(container);
    } catch (error) {
      // It is gone already.
      if (!isFailure(error, 'not-found')) throw error;
      this.#options.names.containerGone(containerId);
    }
  }

  /** Writes nothing where nothing changes: events may be missed, so that every look comes here too. */
  async #name({ id, name, networks, ...found }: ContainerInfo): Promise<void> {
    const { wiring } = this.#options;
    for (const { endpointId, aliases = [] } of networks) {
      const known = wiring.endpoint(endpointId)?.record;
      if (known === undefined) continue;
      // Whoever lists sees the image's id once its tag has gone to another.
      const image = known.container?.id === id ? (known.container.image ?? found.image) : found.image;
      const container = { id, name, image };
      if (same(known.container, container) && same(known.aliases ?? [], aliases)) continue;
      await wiring.updateEndpoint(endpointId, ({ record: { aliases: _, ...record }, ...rest }) => ({
        ...rest,
        record: { ...record, container, ...(aliases.length === 0 ? {} : { aliases }) },
      }));
    }
  }

  /** A network that was made for a workload's sake may be told of a moment after the workload. */
  async #heardOf(networks: readonly string[]): Promise<void> {
    const { view, clock } = this.#options;
    const known = (name: string) => [...view.networks()].some((each) => each.name === name || each.id === name);
    for (let waited = 0; waited < tidingsMs && !networks.every(known); waited += lookMs) await clock.sleep(lookMs);
  }

  #stands(nameOrId: string): boolean {
    const network = this.#options.view.networkNamed(nameOrId);
    return [...this.#options.state.dockerNetworks.values()].some((link) => link.network === network.id);
  }
}

const endpointsOf = (containers: readonly ContainerInfo[]): ReadonlySet<string> =>
  new Set(containers.flatMap(({ networks }) => networks.map(({ endpointId }) => endpointId)));

const same = (some: unknown, other: unknown): boolean => JSON.stringify(some) === JSON.stringify(other);
