/** The running agent: how its parts hear of one another. Each part's own rules are in its own file. */
import { dockerNetworkName, type EndpointRecord } from '../domain/domain.ts';
import { base, drivers } from '../drivers/table.ts';
import { holdPort } from '../platform/held-port.ts';
import {
  ask,
  type ByteStream,
  type CallOptions,
  clusterTopic,
  networkTopic,
  nodeTopic,
  type OpenOptions,
  type TopicSnapshot,
} from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import type { Agent, AgentOptions } from './agent.ts';
import { createHandler } from './answering.ts';
import { autoRemovalBy } from './auto-removal.ts';
import { type Background, inBackground } from './background.ts';
import { besideNameServer } from './beside-name-server.ts';
import { Clone } from './clone.ts';
import { ClusterView } from './cluster-view.ts';
import { Debug } from './debug.ts';
import { DockerSide } from './docker-side.ts';
import { type Answers, answersOf } from './engine-containers.ts';
import { EngineSide } from './engine-side.ts';
import { FeedSide } from './feed-side.ts';
import { FormerAddresses } from './former-addresses.ts';
import { endGoneEndpoints } from './gone-sandboxes.ts';
import type { Identity } from './identity.ts';
import { IdleNetworks } from './idle-networks.ts';
import { KeptAddresses } from './kept-addresses.ts';
import { KernelSide } from './kernel-side.ts';
import { leave } from './leaving.ts';
import type { LocalState } from './local-state.ts';
import { every, Membership } from './membership.ts';
import { NameSide } from './name-side.ts';
import { createNetworkPlugin } from './network-plugin.ts';
import type { NetworkPlugin } from './plugin-port.ts';
import { Ports } from './ports.ts';
import { EndpointPublisher } from './publisher.ts';
import { RegistryLogins } from './registry-logins.ts';
import { StatusReporter } from './status-reporter.ts';
import { Tidings } from './tidings.ts';
import { TopicMemory } from './topic-memory.ts';
import type { Underlay } from './underlay.ts';
import { UnderlaySide } from './underlay-side.ts';
import { unknownPeers, untilPeersKnown } from './unknown-peers.ts';
import { Wiring } from './wiring.ts';
import { Workloads } from './workloads.ts';

const maintenanceMs = 30_000;

export class AgentCore implements Agent {
  readonly node: string;
  readonly plugin: NetworkPlugin;
  readonly #options: AgentOptions;
  readonly #state: LocalState;
  readonly #view = new ClusterView();
  readonly #membership: Membership;
  readonly #clone: Clone;
  readonly #topics: TopicMemory;
  readonly #tidings: Tidings;
  readonly #kernel: KernelSide;
  readonly #names: NameSide;
  readonly #addresses: Addresses;
  readonly #kept: KeptAddresses;
  readonly #former: FormerAddresses;
  readonly #wiring: Wiring;
  readonly #ports: Ports;
  readonly #publisher: EndpointPublisher;
  readonly #reporter: StatusReporter;
  readonly #workloads: Workloads;
  readonly #docker: DockerSide;
  readonly #debug: Debug;
  readonly #containers: Answers;
  readonly #stop = new AbortController();
  readonly #idle: IdleNetworks;
  readonly #underlay: UnderlaySide;
  readonly #feed: FeedSide;
  readonly #engine: EngineSide;
  readonly #background: Background;
  #leaving = false;

  private constructor(options: AgentOptions, identity: Identity, underlay: Underlay, state: LocalState) {
    const { clock, log, runtime } = options;
    const [node, view] = [identity.name, this.#view];
    const logins = new RegistryLogins(clock);
    const tidings = new Tidings({ link: () => this.#membership.link, clock, log });
    this.#tidings = tidings;
    const report = (message: string) => tidings.trouble(message);
    this.node = node;
    this.#options = options;
    this.#state = state;
    this.#background = inBackground(log);
    this.#clone = new Clone({
      snapshot: async (topic) => (await ask(this.#membership, 'feed.snapshot', { topic })) as TopicSnapshot,
      subscribe: (topic) => this.#membership.link?.subscribe(topic),
      unsubscribe: (topic) => this.#membership.link?.unsubscribe(topic),
      onChanges: (topic, changes, fresh) => this.#feed.onChanges(topic, changes, fresh),
      log,
      clock,
    });
    const clone = this.#clone;
    this.#topics = new TopicMemory({ clone, topics: state.topics, left: () => this.#leaving, clock, log });
    const api = new Membership({
      agent: options,
      identity,
      clone,
      handler: createHandler({
        ...{ runtime, logins },
        addresses: () => this.#addresses,
        workloads: () => this.#workloads,
        debug: () => this.#debug,
        containers: () => this.#containers,
        ensureNetworks: (networks) => this.#docker.ensureNetworks(networks),
      }),
      underlay: () => this.#underlay.now,
      containers: () => this.#workloads.wanted().size,
      onRegistered: () => this.#tellEverything(),
    });
    this.#membership = api;
    this.#kernel = new KernelSide({
      agent: options,
      sysctls: state.sysctls,
      tidings,
      restored: (link) => this.#wiring.restored(link, options),
      unknownPeers: () => unknownPeers(clone, this.#wiring),
      endGone: () =>
        endGoneEndpoints({
          ...{ state, clock },
          missingPairs: () => this.#kernel.missingPairs(),
          hostInterfaces: () => options.readFile('/proc/net/dev'),
          ended: (record) => this.#former.ended(record),
          removeEndpoint: (id) => this.#wiring.removeEndpoint(id),
          releaseAddress: (network, address) => this.#addresses.release(network, address),
        }),
      settled: () => this.#names.settled(),
    });
    this.#names = new NameSide({
      agent: options,
      node,
      view,
      kernel: this.#kernel.reconciler,
      settleSoon: () => this.#kernel.settleSoon(),
      wiring: () => this.#wiring,
      heard: (network) => clone.isFresh(networkTopic(network)),
      onTrouble: report,
    });
    this.#addresses = new Addresses({ node, api, view, state, clock, log });
    const network = (name: string) => view.networkNamed(name);
    this.#kept = new KeptAddresses({ addresses: this.#addresses, state, network });
    this.#former = new FormerAddresses({ runtime, addresses: this.#addresses, clock });
    this.#publisher = new EndpointPublisher({
      api,
      endpointsOf: (network) =>
        [...state.endpoints.values()].map((each) => each.record).filter((each) => each.network === network),
      report,
      clock,
      log,
    });
    const kernel = this.#kernel;
    this.#underlay = new UnderlaySide({
      ...{ agent: options, node, found: underlay, kernel, membership: api },
      wiring: () => this.#wiring,
    });
    this.#feed = new FeedSide({
      ...{ node, clone, topics: this.#topics, view, kernel, names: this.#names },
      ...{ addresses: this.#addresses, kept: this.#kept, background: this.#background },
      wiring: () => this.#wiring,
      workloads: () => this.#workloads,
      syncDockerNetworks: () => this.#engine.syncNetworks(),
      leaving: () => this.#leaving,
    });
    this.#wiring = new Wiring(
      {
        node,
        kernel: this.#kernel.reconciler,
        drivers,
        base,
        view,
        addresses: this.#addresses,
        state,
        follow: (topic) => clone.follow(topic),
        unfollow: (topic) => this.#feed.unfollow(topic),
        remoteEndpoints: (network) => clone.items(networkTopic(network)).values(),
        onEndpoint: (change, endpoint) => this.#onEndpoint(change, endpoint),
        onLocal: (before, after) => this.#names.local(before, after),
        clock,
        log,
      },
      { node, address: underlay.address, interface: underlay.interface, dockerUser: false },
      underlay.mtu,
    );
    this.#ports = new Ports({
      hold: besideNameServer({
        hold: holdPort,
        servers: () => this.#names.zone.servers(),
        readFile: (path) => options.readFile(path),
      }),
      nameOf: (endpoint) => this.#wiring.endpoint(endpoint)?.record.container?.name,
      report,
      log,
    });
    this.#idle = new IdleNetworks(this.#wiring, clock);
    this.#docker = new DockerSide({
      runtime,
      view,
      wiring: this.#wiring,
      state,
      names: this.#names.zone,
      complete: () => clone.isFresh(clusterTopic),
      releaseAddress: (network, address) => this.#addresses.release(network, address),
      report,
      clock,
      log,
    });
    this.#reporter = new StatusReporter(
      async (status) => void (await ask(api, 'workload.report', { status })),
      clock,
      log,
    );
    const removal = autoRemovalBy(api, options);
    this.#workloads = new Workloads({
      ...{ node, runtime, state, logins, clock, log },
      ensureNetworks: (networks) => this.#docker.ensureNetworks(networks),
      networkName: (network) => dockerNetworkName(view.networkNamed(network).name),
      keepAddresses: (workload) => this.#kept.keep(workload),
      releaseAddresses: (stays) => this.#kept.release(stays),
      endpointsTold: () => this.#publisher.told(),
      reporter: this.#reporter,
      ended: (workload) => void removal.ended(workload),
    });
    this.#debug = new Debug({
      ...{ node, runtime, clock, log },
      ...{ spawn: options.spawn, converse: options.converse },
      find: (name) => this.#workloads.find(name),
    });
    this.#engine = new EngineSide({
      ...{ runtime, docker: this.#docker, workloads: this.#workloads, former: this.#former, debug: this.#debug },
      ...{ underlay: this.#underlay, kernel, membership: api, background: this.#background },
      leaving: () => this.#leaving,
    });
    this.#containers = answersOf({
      ...{ node, runtime, view, wiring: this.#wiring, workloads: this.#workloads, addresses: this.#addresses },
      ...{ kept: this.#kept, docker: this.#docker, publisher: this.#publisher },
    });
    this.plugin = createNetworkPlugin({
      ...{ node, view, wiring: this.#wiring },
      addresses: this.#addresses,
      kept: this.#kept,
      former: this.#former,
      ports: this.#ports,
      state,
      claim: (endpoint) => this.#publisher.claim(endpoint),
      abandon: (endpoint) => this.#publisher.delete(endpoint),
      settle: (owner) => this.#kernel.settle(owner),
      heard: (network) => untilPeersKnown(clone, this.#membership, network),
      endGone: () => this.#kernel.endGone(),
      leaving: () => this.#leaving,
      clock,
    });
  }

  static async start(
    options: AgentOptions,
    identity: Identity,
    underlay: Underlay,
    state: LocalState,
  ): Promise<AgentCore> {
    const core = new AgentCore(options, identity, underlay, state);
    await core.#begin();
    return core;
  }

  async #begin(): Promise<void> {
    this.#clone.follow(clusterTopic);
    this.#clone.follow(nodeTopic(this.node));
    this.#topics.restore();
    await this.#names.restore(this.#state.topics.values());
    await this.#underlay.lookAtHost();
    this.#wiring.restore();
    await this.#ports.restore(this.#state.endpoints.values());
    await this.#kernel.look();
  }

  run(): void {
    const { log } = this.#options;
    const { signal } = this.#stop;
    const loop = (name: string, work: () => Promise<void>) =>
      void work().catch((error: unknown) => {
        if (!signal.aborted) log.error(`${name} ended`, { error });
      });
    loop('the watch for drift', () => this.#kernel.reconciler.watch(signal));
    loop('the link to the servers', () => this.#membership.connect());
    loop('the watch of the container engine', () => this.#engine.watch(signal));
    loop('heartbeats', () => this.#membership.sendHeartbeats(signal));
    loop('the names of interfaces', () => this.#wiring.learnInterfaceNames(this.#options, signal));
    loop('metrics', () => this.#membership.sendMetrics(signal));
    loop('maintenance', () => every(this.#options, maintenanceMs, signal, () => this.#maintain()));
  }

  async call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    if (method === 'agent.status') return this.#membership.status();
    if (method === 'agent.leave') return this.#leave(params as { force: boolean; dryRun: boolean });
    return this.#membership.callForPerson(method, params, options);
  }

  open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#membership.openForPerson(method, params, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#workloads[Symbol.dispose]();
    this.#kernel.reconciler[Symbol.dispose]();
    await this.#ports[Symbol.asyncDispose]();
    await this.#membership[Symbol.asyncDispose]();
    await this.#names[Symbol.asyncDispose]();
    try {
      await this.#topics.save();
    } finally {
      // Only now: what is saved is what the clone holds.
      this.#clone[Symbol.dispose]();
    }
  }

  // -- what the servers say

  #tellEverything(): void {
    this.#background('events not told yet', this.#tidings.tell());
    this.#reporter.repeat();
    for (const network of this.#wiring.attached()) void this.#publisher.sync(network.id);
    this.#workloads.checkAll();
  }

  // -- this host

  #onEndpoint(change: 'put' | 'delete', endpoint: EndpointRecord): void {
    this.#publisher[change](endpoint);
    if (change === 'delete' && endpoint.ports !== undefined)
      this.#ports.release(endpoint.id, this.#kernel.untilSettled());
  }

  // -- now and then

  /** Whatever could not be removed when it went, or was made while it went. */
  async #sweep(): Promise<void> {
    if (this.#clone.isFresh(nodeTopic(this.node))) await this.#workloads.sweep();
  }

  /** None of these keeps the others from happening. */
  async #maintain(): Promise<void> {
    this.#background('the underlay could not be looked at', this.#underlay.follow());
    this.#background(
      'not in step with the container engine yet',
      this.#docker.syncNetworks().then(() => this.#docker.collectEndpoints()),
    );
    this.#background('not swept yet', this.#sweep());
    this.#background('ports not held yet', this.#ports.retry());
    this.#background('topics not saved yet', this.#topics.save());
    this.#addresses.maintain();
    if (this.#clone.isFresh(clusterTopic)) {
      for (const network of this.#wiring.unknownNetworks()) await this.#wiring.detach(network);
    }
    if (await this.#idle.leave()) this.#kernel.settleSoon();
    await this.#addresses.returnBlocks(new Set(this.#wiring.attached().map((network) => network.id)));
  }

  // -- people

  async #leave(options: { force: boolean; dryRun: boolean }): Promise<{ commands: string[] }> {
    const commands = await leave(
      {
        node: this.node,
        directory: this.#options.directory,
        runtime: this.#options.runtime,
        state: this.#state,
        view: this.#view,
        wiring: this.#wiring,
        keptByCluster: () => !this.#membership.connected && !this.#membership.refused,
        quiesce: async () => {
          this.#leaving = true;
          for (const name of [...this.#workloads.wanted().keys()]) this.#workloads.unset(name);
          this.#stop.abort();
          await Promise.all([this.#workloads.quiet(), this.#docker.quiet()]);
        },
        clearKernel: () => this.#kernel.reconciler.clear(),
        clearPlan: () => this.#kernel.clearCommands(),
        forgetNode: async () => void (await ask(this.#membership, 'node.remove', { name: this.node, force: true })),
        // The answer goes first.
        left: () => void setTimeout(() => this.#options.stop(), 100),
      },
      options,
    );
    return { commands };
  }
}
