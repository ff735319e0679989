/**
 * Keeps this host's Docker and the cluster in step: cluster networks as Docker networks, endpoints that Docker no longer
 * has, names of the containers behind endpoints.
 */
import { dockerNetworkName, Failure, isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import type { ClusterView } from './cluster-view.ts';
import { applyDockerNetworkStep, planDockerNetworks } from './docker-networks.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { LocalState } from './local-state.ts';
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
    const { runtime, state, clock } = this.#options;
    const containers = await runtime.list({});
    const alive = new Set(containers.flatMap((container) => container.networks.map((network) => network.endpointId)));
    for (const container of containers) await this.#name(container);
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

  /** A container was connected to a network: its endpoints get its name. */
  async nameEndpoints(containerId: string): Promise<void> {
    try {
      await this.#name(await this.#options.runtime.inspect(containerId));
    } catch (error) {
      // It is gone already.
      if (!isFailure(error, 'not-found')) throw error;
    }
  }

  /** Writes nothing where nothing changes: events may be missed, so that every look comes here too. */
  async #name({ id, name, networks, ...found }: ContainerInfo): Promise<void> {
    const { wiring } = this.#options;
    for (const { endpointId } of networks) {
      const known = wiring.endpoint(endpointId)?.record.container;
      // Whoever lists sees the image's id once its tag has gone to another.
      const image = known?.id === id ? (known.image ?? found.image) : found.image;
      if (known?.id === id && known.name === name && known.image === image) continue;
      await wiring.updateEndpoint(endpointId, (each) => ({
        ...each,
        record: { ...each.record, container: { id, name, image } },
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
