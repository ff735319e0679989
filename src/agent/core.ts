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
} from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import type { Agent, AgentOptions } from './agent.ts';
import { createHandler } from './answering.ts';
import { autoRemovalBy } from './auto-removal.ts';
import { type Background, every, inBackground } from './background.ts';
import { besideNameServer } from './beside-name-server.ts';
import { Clone } from './clone.ts';
import { ClusterView } from './cluster-view.ts';
import { ComingUp } from './coming-up.ts';
import { Debug } from './debug.ts';
import { DockerSide } from './docker-side.ts';
import { type Answers, answersOf } from './engine-containers.ts';
import { EngineSide } from './engine-side.ts';
import { epochsOf } from './epochs.ts';
import { FeedSide } from './feed-side.ts';
import { createFigures, type Figures } from './figures.ts';
import { FormerAddresses } from './former-addresses.ts';
import { endGoneEndpoints } from './gone-sandboxes.ts';
import { Happenings } from './happenings.ts';
import type { Identity } from './identity.ts';
import { IdleNetworks } from './idle-networks.ts';
import { KeptAddresses } from './kept-addresses.ts';
import { KernelSide } from './kernel-side.ts';
import { LanSide } from './lan-side.ts';
import { leave } from './leaving.ts';
import type { LocalState } from './local-state.ts';
import { maintain } from './maintenance.ts';
import { Membership } from './membership.ts';
import { monitor } from './monitoring.ts';
import { NameSide } from './name-side.ts';
import { createNetworkPlugin } from './network-plugin.ts';
import type { NetworkPlugin } from './plugin-port.ts';
import { Ports } from './ports.ts';
import { probe } from './probe.ts';
import { EndpointPublisher } from './publisher.ts';
import { reclaim } from './reclaim.ts';
import { RegistryLogins } from './registry-logins.ts';
import { examineItself } from './self-examination.ts';
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
  readonly readiness: Agent['readiness'];
  readonly #figures: Figures;
  readonly #options: AgentOptions;
  readonly #state: LocalState;
  readonly #view = new ClusterView();
  readonly #membership: Membership;
  readonly #clone: Clone;
  readonly #topics: TopicMemory;
  readonly #tidings: Tidings;
  readonly #happenings: Happenings;
  readonly #kernel: KernelSide;
  readonly #names: NameSide;
  readonly #lan: LanSide;
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
  /** The servers have heard of this host since its start. */
  readonly #known = Promise.withResolvers<void>();
  readonly #idle: IdleNetworks;
  readonly #underlay: UnderlaySide;
  readonly #feed: FeedSide;
  readonly #engine: EngineSide;
  readonly #background: Background;
  #leaving = false;

  private constructor(options: AgentOptions, identity: Identity, underlay: Underlay, state: LocalState) {
    const { clock, log, runtime } = options;
    const [node, view, logins] = [identity.name, this.#view, new RegistryLogins(clock)];
    const tidings = new Tidings({ link: () => this.#membership.link, clock, log });
    this.#tidings = tidings;
    this.#happenings = new Happenings({ node, link: () => this.#membership.link, endpoints: state.endpoints, log });
    const report = (message: string) => tidings.trouble(message);
    const figures = createFigures(options.metrics);
    [this.#figures, this.#options, this.#state, this.node] = [figures, options, state, node];
    this.#background = inBackground(log);
    this.#clone = new Clone({
      snapshot: (topic) => epochs.snapshot(topic),
      missed: async (topic, since) => (await ask(api, 'feed.missed', { topic, since })).deltas,
      subscribe: (topic) => this.#membership.link?.subscribe(topic),
      unsubscribe: (topic) => this.#membership.link?.unsubscribe(topic),
      onChanges: (topic, changes, fresh) => this.#feed.onChanges(topic, changes, fresh),
      count: figures.feed,
      ...{ log, clock },
    });
    const clone = this.#clone;
    this.#topics = new TopicMemory({ clone, topics: state.topics, left: () => this.#leaving, clock, log });
    const api = new Membership({
      ...{ agent: options, identity, clone, view },
      handler: createHandler({
        ...{ runtime, logins, figures, clock },
        ...{ addresses: () => this.#addresses, workloads: () => this.#workloads },
        leave: (how) => this.#leave(how),
        debug: () => this.#debug,
        containers: () => this.#containers,
        ensureNetworks: (networks) => this.#docker.ensureNetworks(networks),
        probe: (asked) => probe({ spawn: options.spawn, view, wiring: this.#wiring }, asked),
      }),
      underlay: () => this.#underlay.now,
      onRegistered: () => this.#tellEverything(),
      onEvicted: () =>
        reclaim({
          ...{ node, api, clone, view, state, runtime, log, kernel: this.#kernel, wiring: this.#wiring },
          ...{ workloads: this.#workloads, tidings },
        }),
    });
    this.#membership = api;
    this.#kernel = new KernelSide({
      ...{ agent: options, sysctls: state.sysctls, uplinks: state.uplinks, tidings },
      restored: (link) => this.#wiring.restored(link, options),
      unknownPeers: () => unknownPeers(clone, this.#wiring),
      endGone: () =>
        endGoneEndpoints({
          ...{ state, clock, kernel: this.#kernel, former: this.#former, wiring: this.#wiring },
          ...{ addresses: this.#addresses, readFile: options.readFile },
        }),
      onPass: (pass) => void [figures.pass(pass), this.#underlay.passed(pass)],
      settled: () => this.#names.settled(),
    });
    this.#names = new NameSide({
      ...{ agent: options, node, view, kernel: this.#kernel.reconciler },
      settleSoon: () => this.#kernel.settleSoon(),
      wiring: () => this.#wiring,
      heard: (network) => clone.isFresh(networkTopic(network)),
      ...{ onTrouble: report, onAnswered: figures.question },
    });
    this.#lan = new LanSide({
      ...{ agent: options, node, state, view, kernel: this.#kernel, report },
      ...{ wiring: () => this.#wiring, addresses: () => this.#addresses },
    });
    this.#addresses = new Addresses({
      ...{ node, api, view, state, clock, log, lan: this.#lan, heard: () => clone.heard() },
    });
    this.#kept = new KeptAddresses({ addresses: this.#addresses, state, network: (name) => view.networkNamed(name) });
    const engine = new ComingUp({ runtime, state, clock, log });
    this.#former = new FormerAddresses({ runtime, engine, addresses: this.#addresses, state, clock, log });
    this.#publisher = new EndpointPublisher({
      endpointsOf: (network) =>
        [...state.endpoints.values()].map((each) => each.record).filter((each) => each.network === network),
      written: () => state.endpoints.written(),
      ...{ api, report, clock, log },
    });
    const kernel = this.#kernel;
    this.#underlay = new UnderlaySide({
      ...{ agent: options, node, found: underlay, kernel, membership: api, wiring: () => this.#wiring },
    });
    this.#feed = new FeedSide({
      ...{ node, clone, topics: this.#topics, view, kernel, names: this.#names },
      ...{ addresses: this.#addresses, kept: this.#kept, background: this.#background },
      wiring: () => this.#wiring,
      workloads: () => this.#workloads,
      syncDockerNetworks: () => this.#engine.syncNetworks(),
      leaving: () => this.#leaving,
      report,
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
        known: (network) => clone.items(networkTopic(network)).values(),
        onEndpoint: (change, endpoint) => this.#onEndpoint(change, endpoint),
        onLocal: (before, after) => this.#names.local(before, after),
        lookAtHost: () => this.#underlay.lookAgain(),
        ...{ clock, log },
      },
      { node, address: underlay.address, interface: underlay.interface, dockerUser: false },
      underlay.mtu,
    );
    const [addresses, wiring, entered] = [this.#addresses, this.#wiring, () => this.#tellEverything()];
    const epochs = epochsOf({ node, api, clone, view, state, addresses, wiring, entered, report, log });
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
      releaseAddress: (network, address) => this.#addresses.releaseUnused(network, address),
      ...{ report, clock, log },
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
      ...{ spawn: options.spawn, converse: options.converse, find: (name) => this.#workloads.find(name) },
    });
    this.#engine = new EngineSide({
      ...{ runtime, docker: this.#docker, workloads: this.#workloads, former: this.#former, debug: this.#debug },
      ...{ underlay: this.#underlay, kernel, membership: api, background: this.#background },
      ...{ happenings: this.#happenings, leaving: () => this.#leaving, report, clock, log },
    });
    this.#containers = answersOf({
      ...{ node, runtime, view, wiring: this.#wiring, workloads: this.#workloads, addresses: this.#addresses },
      ...{ kept: this.#kept, docker: this.#docker, publisher: this.#publisher, clock },
    });
    this.readiness = monitor({
      ...{ agent: options, node, view, state, metrics: figures.metrics, membership: api, clone },
      ...{ wiring: this.#wiring, addresses: this.#addresses, workloads: this.#workloads },
      leaving: () => this.#leaving,
    });
    this.plugin = createNetworkPlugin({
      ...{ node, view, state, clock, log, wiring: this.#wiring, addresses: this.#addresses },
      ...{ kept: this.#kept, former: this.#former, ports: this.#ports },
      claim: (endpoint) => this.#publisher.claim(endpoint),
      abandon: (endpoint) => this.#publisher.delete(endpoint),
      settle: (owner) => this.#kernel.settle(owner),
      heard: (network) => untilPeersKnown(clone, this.#membership, network),
      endGone: () => this.#kernel.endGone(),
      attached: () => this.#docker.attached(),
      refusedForNow: () => this.#engine.refusedForNow(),
      leaving: () => this.#leaving,
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
    loop('the interfaces of containers', () => this.#wiring.followInterfaces(this.#options, signal));
    loop('networks in LANs', () => this.#lan.run(signal));
    loop('metrics', () => this.#membership.sendMetrics(signal));
    loop('the examination of this host', async () => {
      await this.#known.promise;
      await examineItself({ ...this.#options, tidings: this.#tidings }, signal);
    });
    loop('maintenance', () => every(this.#options, maintenanceMs, signal, () => this.#maintain()));
  }

  call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    return this.#figures.request(method, async () => {
      if (method === 'agent.status') return this.#membership.status();
      if (method === 'agent.drift') return { differences: await this.#kernel.differences() };
      if (method === 'agent.leave') return this.#leave(params as { force: boolean; dryRun: boolean });
      return this.#membership.callForPerson(method, params, options);
    });
  }

  open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#figures.request(method, () => this.#membership.openForPerson(method, params, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#workloads[Symbol.dispose]();
    this.#kernel.reconciler[Symbol.dispose]();
    await this.#ports[Symbol.asyncDispose]();
    await this.#membership[Symbol.asyncDispose]();
    await this.#names[Symbol.asyncDispose]();
    try {
      if (!this.#leaving) await this.#former.save();
      await this.#topics.save();
    } finally {
      // Only now: what is saved is what the clone holds.
      this.#clone[Symbol.dispose]();
    }
  }

  // -- what the servers say

  #tellEverything(): void {
    this.#known.resolve();
    for (const each of [this.#tidings, this.#happenings]) this.#background('events not told yet', each.tell());
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

  #maintain(): Promise<void> {
    return maintain({
      ...{ node: this.node, clone: this.#clone, kernel: this.#kernel, underlay: this.#underlay, docker: this.#docker },
      ...{ workloads: this.#workloads, ports: this.#ports, topics: this.#topics, addresses: this.#addresses },
      ...{ wiring: this.#wiring, idle: this.#idle, engine: this.#engine, background: this.#background },
    });
  }

  // -- people

  async #leave(options: { force: boolean; dryRun: boolean }): Promise<{ commands: string[] }> {
    const commands = await leave(
      {
        ...{ node: this.node, directory: this.#options.directory, runtime: this.#options.runtime, state: this.#state },
        ...{ view: this.#view, wiring: this.#wiring, kernel: this.#kernel, membership: this.#membership },
        quiesce: async () => {
          this.#leaving = true;
          for (const name of [...this.#workloads.wanted().keys()]) this.#workloads.unset(name);
          this.#stop.abort();
          await Promise.all([this.#workloads.quiet(), this.#docker.quiet()]);
        },
        // The answer goes first.
        left: () => void setTimeout(() => this.#options.stop(), 100),
      },
      options,
    );
    return { commands };
  }
}
