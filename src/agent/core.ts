/** The running agent: how its parts hear of one another. Each part's own rules are in its own file. */
import { Failure, type NetworkRecord } from '../domain/domain.ts';
import type { Host } from '../drivers/drivers.ts';
import { base, drivers } from '../drivers/table.ts';
import {
  commandsOf,
  createReconciler,
  type KernelObject,
  type Outcome,
  type Reconciler,
  shellLine,
} from '../kernel/kernel.ts';
import {
  type Api,
  ask,
  type ByteStream,
  type CallOptions,
  clusterTopic,
  networkTopic,
  nodeTopic,
  type TopicSnapshot,
  type TopicValue,
} from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import type { Agent, AgentOptions } from './agent.ts';
import { Clone } from './clone.ts';
import { ClusterView } from './cluster-view.ts';
import { DockerSide } from './docker-side.ts';
import type { Identity } from './identity.ts';
import { leave } from './leaving.ts';
import type { LocalState } from './local-state.ts';
import { hostMetrics } from './metrics.ts';
import type { Change } from './mirror.ts';
import { createNetworkPlugin } from './network-plugin.ts';
import type { NetworkPlugin } from './plugin-port.ts';
import { EndpointPublisher } from './publisher.ts';
import { ServerLink } from './server-link.ts';
import { StatusReporter } from './status-reporter.ts';
import { findUnderlay, type Underlay } from './underlay.ts';
import { Wiring } from './wiring.ts';
import { Workloads, workloadLabel } from './workloads.ts';

const heartbeatMs = 5000;
const metricsMs = 10_000;
/** The first figures come sooner: somebody who has just joined a host looks at once. */
const firstMetricsMs = 1000;
const maintenanceMs = 30_000;
/** How long a person waits for a server that is not there. */
const absenceMs = 3000;
/** A network stays wired this long after its last container here has gone: the next one starts faster. */
const idleMs = 5 * 60_000;
const toldAtOnce = 20;
const saveMs = 200;

export class AgentCore implements Agent {
  readonly node: string;
  readonly plugin: NetworkPlugin;
  readonly #options: AgentOptions;
  readonly #identity: Identity;
  readonly #state: LocalState;
  readonly #view = new ClusterView();
  readonly #addresses: Addresses;
  readonly #wiring: Wiring;
  readonly #publisher: EndpointPublisher;
  readonly #reporter: StatusReporter;
  readonly #workloads: Workloads;
  readonly #docker: DockerSide;
  readonly #clone: Clone;
  readonly #kernel: Reconciler;
  readonly #stop = new AbortController();
  readonly #idleSince = new Map<string, number>();
  readonly #unsaved = new Set<string>();
  #saving = false;
  #underlay: Underlay;
  #link: ServerLink | undefined;
  #leaving = false;
  /** Whether the servers know this host as it is now, and have told and been told everything since. */
  #registered = false;
  #troubles = new Set<string>();

  private constructor(options: AgentOptions, identity: Identity, underlay: Underlay, state: LocalState) {
    const { clock, log, runtime } = options;
    const node = identity.name;
    this.node = node;
    this.#options = options;
    this.#identity = identity;
    this.#underlay = underlay;
    this.#state = state;
    const api: Api = {
      call: async (method, params, callOptions) => this.#servers().call(method, params, callOptions),
      open: async (method, params) => this.#servers().open(method, params),
    };
    this.#kernel = createReconciler({
      spawn: options.spawn,
      log,
      clock,
      start: options.start,
      remembered: {
        load: async () => Object.fromEntries(state.sysctls.entries()),
        save: (values) => saveAll(state.sysctls, values),
      },
      onMissing: (object) =>
        object.kind === 'link' && object.type === 'veth' ? this.#wiring.restored(object) : undefined,
      keep: (object) => this.#notYetKnown(object),
      onRepair: (sentences) => this.#repaired(sentences),
    });
    this.#addresses = new Addresses({ node, api, view: this.#view, state, clock, log });
    this.#clone = new Clone({
      snapshot: async (topic) => (await ask(api, 'feed.snapshot', { topic })) as TopicSnapshot,
      subscribe: (topic) => this.#link?.subscribe(topic),
      unsubscribe: (topic) => this.#link?.unsubscribe(topic),
      onChanges: (topic, changes, fresh) => this.#onChanges(topic, changes, fresh),
      log,
      clock,
    });
    this.#publisher = new EndpointPublisher({
      api,
      endpointsOf: (network) =>
        [...state.endpoints.values()].map((each) => each.record).filter((each) => each.network === network),
      report: (message) => this.#tell('error', message),
      clock,
      log,
    });
    this.#wiring = new Wiring(
      {
        node,
        kernel: this.#kernel,
        drivers,
        base,
        view: this.#view,
        addresses: this.#addresses,
        state,
        follow: (topic) => this.#clone.follow(topic),
        unfollow: (topic) => this.#clone.unfollow(topic),
        remoteEndpoints: (network) => this.#clone.items(networkTopic(network)).values(),
        onEndpoint: (change, endpoint) => this.#publisher[change](endpoint),
        clock,
        log,
      },
      { node, address: underlay.address, interface: underlay.interface, dockerUser: false },
      underlay.mtu,
    );
    this.#docker = new DockerSide({
      runtime,
      view: this.#view,
      wiring: this.#wiring,
      state,
      complete: () => this.#clone.isFresh(clusterTopic),
      releaseAddress: (network, address) => this.#addresses.release(network, address),
      report: (message) => this.#tell('error', message),
      clock,
      log,
    });
    this.#reporter = new StatusReporter(
      async (status) => void (await ask(api, 'workload.report', { status })),
      clock,
      log,
    );
    this.#workloads = new Workloads({
      node,
      runtime,
      state,
      ensureNetworks: (networks) => this.#docker.ensureNetworks(networks),
      networkName: (network) => this.#view.networkNamed(network).name,
      endpointsTold: () => this.#publisher.told(),
      reporter: this.#reporter,
      clock,
      log,
    });
    this.plugin = createNetworkPlugin({
      node,
      view: this.#view,
      wiring: this.#wiring,
      addresses: this.#addresses,
      state,
      settle: (owner) => this.#settle(owner),
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
    for (const snapshot of this.#state.topics.values()) this.#clone.restore(snapshot);
    this.#wiring.setHost(await this.#host(), this.#underlay.mtu);
    this.#wiring.restore();
    this.#reportFailures(await this.#kernel.resync());
  }

  run(): void {
    const { log } = this.#options;
    const loop = (name: string, work: () => Promise<void>) =>
      void work().catch((error: unknown) => {
        if (!this.#stop.signal.aborted) log.error(`${name} ended`, { error });
      });
    loop('the watch for drift', () => this.#kernel.watch(this.#stop.signal));
    loop('the link to the servers', () => this.#connect());
    loop('the watch of the container engine', () => this.#watchEngine());
    loop('heartbeats', () => this.#every(heartbeatMs, () => this.#heartbeat()));
    loop('metrics', () => this.#sendMetrics());
    loop('maintenance', () => this.#every(maintenanceMs, () => this.#maintain()));
  }

  async call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    if (method === 'agent.status') return this.#status();
    if (method === 'agent.leave') return this.#leave(params as { force: boolean; dryRun: boolean });
    return this.#servers().call(
      method,
      params,
      this.#link?.state === 'ready' ? options : { ...options, deadlineMs: absenceMs },
    );
  }

  open(method: string, params: unknown): Promise<ByteStream> {
    return this.#servers().open(method, params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#workloads[Symbol.dispose]();
    this.#kernel[Symbol.dispose]();
    await this.#link?.[Symbol.asyncDispose]();
    try {
      await this.#saveTopics();
    } finally {
      // Only now: what is saved is what the clone holds.
      this.#clone[Symbol.dispose]();
    }
  }

  // -- what the servers say

  async #connect(): Promise<void> {
    const { bus, log } = this.#options;
    this.#link = await ServerLink.open({
      bus,
      servers: this.#identity.servers,
      keys: this.#identity.keys,
      handler: {
        call: (method, params) => this.#answer(method, params),
        open: (method, params) => this.#openStream(method, params),
      },
      onReady: () => {
        this.#registered = false;
        this.#register().catch((error: unknown) => log.warn('not registered yet', { error }));
      },
      onFeed: (message) => this.#clone.onMessage(message),
      onState: (server, state, reason) => log.info(`server ${server.host}: ${state}`, reason === '' ? {} : { reason }),
    });
    for (const topic of Object.keys(this.#clone.revisions())) this.#link.subscribe(topic);
    this.#clone.refresh();
  }

  async #register(): Promise<void> {
    const { address, interface: device, mtu, routes } = this.#underlay;
    const engine = (await this.#options.runtime.status()).message;
    await ask(this.#servers(), 'node.register', {
      name: this.node,
      address,
      interface: device,
      underlayMtu: mtu,
      routes: [...routes],
      engine,
      version: this.#options.version,
    });
    this.#registered = true;
    this.#clone.refresh();
    this.#reporter.repeat();
    for (const network of this.#wiring.attached()) void this.#publisher.sync(network.id);
    this.#workloads.checkAll();
  }

  #onChanges(topic: string, changes: readonly Change[], fresh: boolean): void {
    if (topic === clusterTopic) this.#onCluster(changes, fresh);
    else if (topic === nodeTopic(this.node)) this.#onOwnNode(changes, fresh);
    else this.#wiring.applyEndpoints(topic.slice('network/'.length), changes);
    if (fresh && (topic === clusterTopic || topic === nodeTopic(this.node))) this.#saveSoon(topic);
    this.#settleSoon();
  }

  #onCluster(changes: readonly Change[], fresh: boolean): void {
    this.#view.apply(changes);
    for (const { key, value, previous } of changes) {
      if (value?.kind === 'network') this.#wiring.applyNetwork(value.network);
      else if (previous?.kind === 'network')
        this.#inBackground('a removed network is not forgotten yet', this.#networkGone(previous.network));
      else if (key.startsWith('node/') && addressOf(value) !== addressOf(previous))
        this.#wiring.applyNode(key.slice('node/'.length));
    }
    if (fresh) this.#syncDockerNetworks();
  }

  async #networkGone(network: NetworkRecord): Promise<void> {
    await this.#wiring.detach(network.id);
    await this.#addresses.forget(network.id);
    this.#settleSoon();
  }

  /** Not while the host leaves: what it has just removed would come back. */
  #syncDockerNetworks(): void {
    if (!this.#leaving) this.#inBackground('Docker networks not in step yet', this.#docker.syncNetworks());
  }

  #onOwnNode(changes: readonly Change[], fresh: boolean): void {
    this.#addresses.apply(changes);
    if (this.#leaving) return;
    for (const { value, previous } of changes) {
      if (value?.kind === 'workload') this.#workloads.set(value.workload);
      else if (previous?.kind === 'workload') this.#workloads.unset(previous.workload.name);
    }
    const gone = changes.some((change) => change.value === undefined && change.previous?.kind === 'workload');
    if (fresh && (gone || changes.length === 0)) this.#inBackground('not swept yet', this.#workloads.sweep());
  }

  async #heartbeat(): Promise<void> {
    if (this.#link?.state !== 'ready') return;
    if (!this.#registered) await this.#register();
    const { stale } = await ask(
      this.#link,
      'node.heartbeat',
      { topics: this.#clone.revisions() },
      { deadlineMs: heartbeatMs },
    );
    this.#clone.refresh(stale);
  }

  async #sendMetrics(): Promise<void> {
    const sample = hostMetrics(this.#options.readFile);
    const send = async () => {
      const containers = this.#workloads.wanted().size;
      this.#link?.pushMetrics({ node: this.node, data: { ...(await sample()), containers } });
    };
    await sample();
    await this.#options.clock.sleep(firstMetricsMs, this.#stop.signal);
    await send();
    await this.#every(metricsMs, send);
  }

  // -- what the servers ask

  async #answer(method: string, params: unknown): Promise<unknown> {
    if (method !== 'address.yield') throw new Failure('invalid', `an agent does not answer ${method}`);
    const { network, address } = params as { network: string; address: string };
    await this.#addresses.yield(network, address);
    return {};
  }

  async #openStream(method: string, params: unknown): Promise<ByteStream> {
    const { runtime } = this.#options;
    const { name } = params as { name: string };
    if (method === 'workload.attach') return this.#workloads.attach(name, (params as { stdin: boolean }).stdin);
    const container = await this.#workloads.container(name);
    if (method === 'workload.logs') return runtime.logs(container.id, params as Parameters<typeof runtime.logs>[1]);
    if (method === 'workload.exec') return runtime.exec(container.id, params as Parameters<typeof runtime.exec>[1]);
    throw new Failure('invalid', `an agent does not open ${method}`);
  }

  // -- the kernel

  async #host(): Promise<Host> {
    const { address, interface: device } = this.#underlay;
    const [dockerUser, bridgeNetfilter] = await Promise.all([this.#hasDockerUser(), this.#hasBridgeNetfilter()]);
    return { node: this.node, address, interface: device, dockerUser, bridgeNetfilter };
  }

  /** It can come later: Docker loads it. */
  #hasBridgeNetfilter(): Promise<boolean> {
    const asked = this.#options.readFile('/proc/sys/net/bridge/bridge-nf-call-iptables');
    return asked.then(
      () => true,
      () => false,
    );
  }

  async #hasDockerUser(): Promise<boolean> {
    try {
      return (await this.#options.spawn({ argv: ['iptables', '-w', '-S', 'DOCKER-USER'] })).code === 0;
    } catch {
      return false;
    }
  }

  /** @throws Failure when something of this owner's could not be done */
  async #settle(owner: string): Promise<void> {
    await this.#kernel.settle();
    const [failed] = this.#kernel.failuresOf(owner);
    if (failed !== undefined) throw new Failure('internal', `the kernel refused part of the wiring: ${failed.message}`);
  }

  #settleSoon(): void {
    this.#inBackground(
      'the kernel could not be settled',
      this.#kernel.settle().then((outcome) => this.#reportFailures(outcome)),
    );
  }

  #reportFailures(outcome: Outcome): void {
    this.#tellSome(
      'error',
      outcome.failed.map(({ message }) => message),
    );
  }

  #repaired(sentences: readonly string[]): void {
    this.#tellSome('repair', sentences);
  }

  /** One lost device may be thousands of sentences, of which nobody would read the rest. */
  #tellSome(kind: 'repair' | 'error', sentences: readonly string[]): void {
    for (const sentence of sentences.slice(0, toldAtOnce)) this.#tell(kind, sentence);
    const rest = sentences.length - toldAtOnce;
    if (rest > 0) this.#tell(kind, `and ${rest} more like these`);
  }

  /**
   * Everything, while this host has endpoints in a network that it has forgotten and no server has told it of again;
   * entries about other nodes' endpoints in a network of which no server has told yet: after a restart they are right
   * until somebody who knows says otherwise.
   */
  #notYetKnown(object: KernelObject): boolean {
    if (!this.#clone.isFresh(clusterTopic) && this.#wiring.unknownNetworks().size > 0) return true;
    const place =
      object.kind === 'nft-element'
        ? object.set
        : object.kind === 'fdb' || object.kind === 'neighbour'
          ? object.device
          : undefined;
    const vni = /^(?:trb|trx|vtep)(\d+)$/.exec(place ?? '')?.[1];
    if (vni === undefined) return false;
    const network = this.#wiring.attached().find((each) => each.vni === Number(vni));
    return network !== undefined && !this.#clone.isFresh(networkTopic(network.id));
  }

  // -- the container engine

  async #watchEngine(): Promise<void> {
    for await (const event of this.#options.runtime.events(this.#stop.signal)) {
      if (event.type === 'connected')
        this.#inBackground('not in step with the container engine yet', this.#engineCame());
      else if (event.type === 'container') this.#workloads.onContainer(event.attributes[workloadLabel] ?? '');
      else if (event.action === 'connect') {
        const container = event.attributes.container;
        if (container !== undefined) this.#inBackground('endpoint not named', this.#docker.nameEndpoints(container));
      } else if (event.action === 'destroy') this.#syncDockerNetworks();
    }
  }

  async #engineCame(): Promise<void> {
    this.#wiring.setHost(await this.#host(), this.#underlay.mtu);
    // An engine that starts writes iptables anew: what we believe of the kernel is no longer worth much.
    this.#inBackground('the kernel could not be looked at', this.#kernel.resync());
    this.#registered = false;
    await this.#docker.syncNetworks();
    this.#workloads.checkAll();
    if (this.#link?.state === 'ready') await this.#register();
  }

  // -- now and then

  /** Whatever could not be removed when it went, or was made while it went. */
  async #sweep(): Promise<void> {
    if (this.#clone.isFresh(nodeTopic(this.node))) await this.#workloads.sweep();
  }

  /** None of these keeps the others from happening. */
  async #maintain(): Promise<void> {
    this.#inBackground('the underlay could not be looked at', this.#followUnderlay());
    this.#inBackground(
      'not in step with the container engine yet',
      this.#docker.syncNetworks().then(() => this.#docker.collectEndpoints()),
    );
    this.#inBackground('not swept yet', this.#sweep());
    this.#inBackground('topics not saved yet', this.#saveTopics());
    this.#addresses.maintain();
    if (this.#clone.isFresh(clusterTopic)) {
      for (const network of this.#wiring.unknownNetworks()) await this.#wiring.detach(network);
    }
    await this.#leaveIdleNetworks();
    await this.#addresses.returnBlocks(new Set(this.#wiring.attached().map((network) => network.id)));
  }

  async #followUnderlay(): Promise<void> {
    const found = await findUnderlay(this.#options.spawn, this.#options.address);
    const moved = JSON.stringify(found) !== JSON.stringify(this.#underlay);
    this.#underlay = found;
    this.#wiring.setHost(await this.#host(), found.mtu);
    this.#settleSoon();
    if (!moved) return;
    this.#options.log.info(`the underlay changed: taking ${found.reason}`, { mtu: found.mtu });
    this.#registered = false;
    await this.#register();
  }

  async #leaveIdleNetworks(): Promise<void> {
    const now = this.#options.clock.now();
    for (const network of this.#wiring.attached()) {
      const since = this.#idleSince.get(network.id) ?? now;
      if (this.#wiring.containersIn(network.id).length > 0) this.#idleSince.delete(network.id);
      else this.#idleSince.set(network.id, since);
      if (now - since < idleMs || !this.#idleSince.has(network.id)) continue;
      this.#idleSince.delete(network.id);
      if (await this.#wiring.detachIfIdle(network.id)) this.#settleSoon();
    }
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#options.clock.sleep(ms, this.#stop.signal);
      await work().catch((error: unknown) => this.#options.log.debug('will be tried again', { error }));
    }
  }

  // -- people

  #status() {
    const message = this.#link?.reason ?? 'not connected yet';
    return {
      node: this.node,
      link: this.#link?.state ?? 'connecting',
      message,
      servers: this.#identity.servers.map((each) => `${each.host}:${each.ports.requests}`),
    };
  }

  async #leave(options: { force: boolean; dryRun: boolean }): Promise<{ commands: string[] }> {
    const commands = await leave(
      {
        node: this.node,
        directory: this.#options.directory,
        runtime: this.#options.runtime,
        state: this.#state,
        view: this.#view,
        wiring: this.#wiring,
        connected: () => this.#link?.state === 'ready',
        quiesce: async () => {
          this.#leaving = true;
          for (const name of [...this.#workloads.wanted().keys()]) this.#workloads.unset(name);
          this.#stop.abort();
          await Promise.all([this.#workloads.quiet(), this.#docker.quiet()]);
        },
        clearKernel: () => this.#kernel.clear(),
        clearPlan: async () => (await this.#kernel.clearPlan()).flatMap((step) => commandsOf(step)).map(shellLine),
        forgetNode: async () => void (await ask(this.#servers(), 'node.remove', { name: this.node, force: true })),
        // The answer goes first.
        left: () => void setTimeout(() => this.#options.stop(), 100),
      },
      options,
    );
    return { commands };
  }

  /** Says once what a person should know, in the log and at the server; again only after it was otherwise. */
  #tell(kind: 'repair' | 'error', message: string): void {
    if (kind === 'error') {
      if (this.#troubles.has(message)) return;
      this.#troubles.add(message);
      if (this.#troubles.size > 1000) this.#troubles.clear();
    }
    this.#options.log[kind === 'error' ? 'error' : 'info'](message, { kind });
    if (this.#link === undefined) return;
    const event = { kind, message, time: this.#options.clock.now() };
    this.#inBackground('event not told', ask(this.#link, 'node.event', event));
  }

  #servers(): ServerLink {
    if (this.#link === undefined)
      throw new Failure('unavailable', 'the agent has not reached a server yet: see trama node status on this host');
    return this.#link;
  }

  #inBackground(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#options.log.debug(what, { error }));
  }

  #saveSoon(topic: string): void {
    this.#unsaved.add(topic);
    if (this.#saving) return;
    this.#saving = true;
    const saved = this.#options.clock.sleep(saveMs).then(() => {
      this.#saving = false;
      return this.#saveTopics();
    });
    this.#inBackground('topics not saved yet', saved);
  }

  async #saveTopics(): Promise<void> {
    // A host that has left keeps nothing, not even a place to keep it.
    if (this.#leaving) return;
    for (const topic of [...this.#unsaved]) {
      this.#unsaved.delete(topic);
      const items = [...this.#clone.items(topic)].map(([key, value]) => ({ key, value }));
      try {
        await this.#state.topics.set(topic, { topic, revision: this.#clone.revisions()[topic] ?? 0, items });
      } catch (error) {
        this.#unsaved.add(topic);
        throw error;
      }
    }
  }
}

const addressOf = (value: TopicValue | undefined): string | undefined =>
  value?.kind === 'node' ? value.node.address : undefined;

/** Makes the map hold exactly these. */
async function saveAll(map: LocalState['sysctls'], values: Readonly<Record<string, string>>): Promise<void> {
  for (const [key] of [...map.entries()]) if (!(key in values)) await map.delete(key);
  for (const [key, value] of Object.entries(values)) if (map.get(key) !== value) await map.set(key, value);
}
