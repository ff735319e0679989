/**
 * What a server asks of single containers of this host's engine: those that people started with docker, and the networks of
 * both those and workloads. Whoever is answered may look for the result at once: endpoints have been told of before.
 */
import {
  canonicalAddress,
  dockerNetworkName,
  Failure,
  type NetworkRecord,
  type WorkloadRecord,
} from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { EngineContainer, MethodName, ParsedParams, Result } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime, NetworkJoin } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import type { ClusterView } from './cluster-view.ts';
import { StatsOfContainers } from './container-stats.ts';
import type { DockerSide } from './docker-side.ts';
import type { KeptAddresses } from './kept-addresses.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { EndpointPublisher } from './publisher.ts';
import type { Wiring } from './wiring.ts';
import { type Workloads, workloadLabel } from './workloads.ts';

type Asked = Extract<MethodName, `container.${string}`>;
/** Parameters have been checked by the server that asks. */
export type Answers = { readonly [M in Asked]: (params: ParsedParams<M>) => Promise<Result<M>> };

export interface EngineContainersOptions {
  readonly node: string;
  readonly runtime: Pick<
    ContainerRuntime,
    'inspect' | 'start' | 'stop' | 'remove' | 'connect' | 'disconnect' | 'usage' | 'pathIn'
  >;
  readonly workloads: Pick<Workloads, 'find' | 'wanted' | 'check'>;
  readonly view: Pick<ClusterView, 'networkNamed'>;
  readonly wiring: Pick<Wiring, 'endpoint'>;
  readonly addresses: Pick<Addresses, 'isTaken'>;
  readonly kept: Pick<KeptAddresses, 'keepOne' | 'releaseIn'>;
  readonly docker: Pick<DockerSide, 'ensureNetworks' | 'nameEndpoints'>;
  readonly publisher: Pick<EndpointPublisher, 'told'>;
  readonly clock: Clock;
}

export function answersOf(options: EngineContainersOptions): Answers {
  const one = new EngineContainers(options);
  const stats = new StatsOfContainers(options);
  return {
    'container.inspect': async ({ container }) => one.view(await options.workloads.find(container)),
    'container.start': async ({ container }) => {
      const { id } = one.checkPlain(await options.workloads.find(container));
      await options.runtime.start(id);
      await one.endpointsTold(id);
      return one.view(await options.runtime.inspect(id));
    },
    'container.stop': async ({ container, graceSeconds }) => {
      const { id } = one.checkPlain(await options.workloads.find(container));
      await options.runtime.stop(id, graceSeconds);
      await one.endpointsTold(id);
      return one.view(await options.runtime.inspect(id));
    },
    'container.remove': async ({ container, force }) => {
      const { id, name, state } = one.checkPlain(await options.workloads.find(container));
      if (!force && (state === 'running' || state === 'paused' || state === 'restarting')) {
        throw new Failure('conflict', `container ${name} is running: stop it first or use -f`);
      }
      await options.runtime.remove(id, { keepVolumes: true });
      await one.endpointsTold(id);
      return {};
    },
    'container.connect': (params) => one.inOrder(params.container, () => one.connect(params)),
    'container.disconnect': (params) => one.inOrder(params.container, () => one.disconnect(params)),
    'container.path': async ({ container, path }) => {
      const { id } = await options.workloads.find(container);
      return { found: (await options.runtime.pathIn(id, path)) ?? null };
    },
    'container.stats': ({ containers }) => stats.of(containers),
  };
}

class EngineContainers {
  readonly #options: EngineContainersOptions;
  readonly #queue = new KeyedQueue();

  constructor(options: EngineContainersOptions) {
    this.#options = options;
  }

  /** Whoever asks again, having heard no answer, does not undo what is under way. @throws Failure */
  async inOrder<T>(container: string, work: () => Promise<T>): Promise<T> {
    const { id } = await this.#options.workloads.find(container);
    return this.#queue.run(id, work);
  }

  /** @throws Failure `conflict` for a container of the cluster's, which the cluster would make again */
  checkPlain(found: ContainerInfo): ContainerInfo {
    const workload = this.#workloadOf(found);
    if (workload === undefined) return found;
    throw new Failure('conflict', `container ${found.name} is the cluster's ${workload.name}: use that name`);
  }

  view({ id, name, image, state, exitCode, startedAt, networks }: ContainerInfo): EngineContainer {
    const ours = networks.flatMap(({ endpointId, address, mac }) => {
      const record = this.#options.wiring.endpoint(endpointId)?.record;
      return record === undefined
        ? []
        : [{ network: this.#options.view.networkNamed(record.network).name, address, mac }];
    });
    return { id, name, image, state, exitCode: exitCode ?? null, startedAt: startedAt ?? null, networks: ours };
  }

  async connect({ container, network: id, address, aliases }: ParsedParams<'container.connect'>) {
    const { runtime } = this.#options;
    const network = this.#options.view.networkNamed(id);
    const found = await this.#options.workloads.find(container);
    const workload = this.#workloadOf(found);
    const engineNetwork = await this.#engineNetwork(network);
    if (this.#networkOf(found, network, engineNetwork) !== undefined) {
      if (workload === undefined)
        throw new Failure('conflict', `container ${found.name} is on network ${network.name} already`);
      return this.view(found);
    }
    const join = await this.#join(workload, network, aliases, address);
    try {
      await runtime.connect(found.id, engineNetwork, join);
    } catch (error) {
      if (workload !== undefined) await this.#options.kept.releaseIn(workload.id, network.id);
      throw error;
    }
    return this.#changed(found, workload);
  }

  async disconnect({ container, network: id, force }: ParsedParams<'container.disconnect'>) {
    const network = this.#options.view.networkNamed(id);
    const found = await this.#options.workloads.find(container);
    const workload = this.#workloadOf(found);
    const engineNetwork = this.#networkOf(found, network, await this.#engineNetwork(network));
    if (engineNetwork === undefined) {
      throw new Failure('not-found', `container ${found.name} is not on network ${network.name}`);
    }
    await this.#options.runtime.disconnect(found.id, engineNetwork, force);
    if (workload !== undefined) await this.#options.kept.releaseIn(workload.id, network.id);
    return this.#changed(found, workload);
  }

  /** Of a workload the address is kept, as those are that it was made with. */
  async #join(
    workload: WorkloadRecord | undefined,
    network: NetworkRecord,
    aliases: readonly string[],
    asked: string | undefined,
  ): Promise<NetworkJoin> {
    if (workload !== undefined) {
      const wanted = { network: network.name, aliases, ...(asked === undefined ? {} : { address: asked }) };
      const address = await this.#options.kept.keepOne(workload, wanted);
      return { address, aliases, labels: { [workloadLabel]: workload.id, 'trama.node': this.#options.node } };
    }
    if (asked === undefined) return { aliases, labels: {} };
    const address = canonicalAddress(asked);
    // Docker keeps a refused address, of which the container's next start would fail: what is certain is said before.
    if (this.#options.addresses.isTaken(network.id, address)) {
      const sentence = `address ${address} of network ${network.name} is in use on node ${this.#options.node}: choose another`;
      throw new Failure('conflict', sentence);
    }
    return { address, aliases, labels: {} };
  }

  /** Docker's name of the network that the container is on there: one of a Compose file's has a name of its own. */
  #networkOf({ networks }: ContainerInfo, network: NetworkRecord, engineNetwork: string): string | undefined {
    const stands = networks.find(
      (each) => this.#options.wiring.endpoint(each.endpointId)?.record.network === network.id,
    );
    return stands?.name ?? networks.find(({ name }) => name === engineNetwork)?.name;
  }

  /** Docker's name of the network, which it has when this resolves. */
  async #engineNetwork({ id, name }: NetworkRecord): Promise<string> {
    await this.#options.docker.ensureNetworks([id]);
    return dockerNetworkName(name);
  }

  /** Tells servers whose its endpoints are, and of those that went. */
  async endpointsTold(container: string): Promise<void> {
    await this.#options.docker.nameEndpoints(container);
    await this.#options.publisher.told();
  }

  async #changed({ id }: ContainerInfo, workload: WorkloadRecord | undefined): Promise<EngineContainer> {
    if (workload !== undefined) this.#options.workloads.check(workload.name);
    await this.endpointsTold(id);
    return this.view(await this.#options.runtime.inspect(id));
  }

  #workloadOf({ labels }: ContainerInfo): WorkloadRecord | undefined {
    const id = labels[workloadLabel];
    return [...this.#options.workloads.wanted().values()].find((workload) => workload.id === id);
  }
}
