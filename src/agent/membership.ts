/** This host as a member: its connection to the servers, its registration, heartbeats and figures. */
import type { BusClientOptions } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import {
  type Api,
  ask,
  type ByteStream,
  type CallOptions,
  clusterTopic,
  type OpenOptions,
} from '../protocol/protocol.ts';
import type { AgentOptions } from './agent.ts';
import { every } from './background.ts';
import type { Clone } from './clone.ts';
import type { ClusterView } from './cluster-view.ts';
import { type Identity, saveIdentity } from './identity.ts';
import { afterListing, placeOf } from './known-servers.ts';
import { hostMetrics } from './metrics.ts';
import { ServerLink } from './server-link.ts';
import type { ServerRoute } from './server-route.ts';
import { toldOf, type Underlay } from './underlay.ts';

export interface MembershipOptions {
  readonly agent: Pick<AgentOptions, 'bus' | 'clock' | 'log' | 'version' | 'directory' | 'readFile'> & {
    readonly runtime: Pick<AgentOptions['runtime'], 'status'>;
  };
  readonly identity: Identity;
  readonly clone: Clone;
  readonly view: Pick<ClusterView, 'servers'>;
  readonly handler: NonNullable<BusClientOptions['handler']>;
  underlay(): Underlay;
  /** The servers know this host as it is; now they are told, and tell, the rest. */
  onRegistered(): void;
  /** The servers have given away what was this node's: when it resolves, it is a member like the others. */
  onEvicted(): Promise<void>;
}

const heartbeatMs = 1000;
/** Of so many heartbeats one compares what this node has heard of each topic. */
const beatsPerComparison = 5;
const metricsMs = 10_000;
/** The first figures come sooner: somebody who has just joined a host looks at once. */
const firstMetricsMs = 1000;
/** A server calls a topic stale that this node has not heard of for a second. */
const lateMs = 1100;
/** How long a registration waits for the container engine, which may hold its socket and say nothing. */
const engineMs = 1000;
/** How long a person waits for a server that is not there. */
const absenceMs = 3000;

export class Membership implements Api {
  readonly #options: MembershipOptions;
  #link: ServerLink | undefined;
  /** Whether the servers know this host as it is now, and have told and been told everything since. */
  #registered = false;
  /** What the container engine said last. */
  #engine = 'Docker does not answer on this host: look at it ("systemctl status docker").';
  #asked: Promise<void> | undefined;
  #returning: Promise<void> | undefined;
  #registering = false;
  #beats = 0;
  #identity: Identity;
  /** Of the identity, on disk. */
  #kept: Identity['servers'];
  #keeping = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#kept = options.identity.servers;
  }

  get link(): ServerLink | undefined {
    return this.#link;
  }

  get connected(): boolean {
    return this.#link?.state === 'ready';
  }

  get registered(): boolean {
    return this.#registered;
  }

  /** The servers that answer do not take this host for a node. */
  get refused(): boolean {
    return this.#link?.state === 'refused';
  }

  async call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    return this.#servers().call(method, params, options);
  }

  /** On behalf of a person, who does not wait long for a server that is not there. */
  callForPerson(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    return this.call(method, params, this.connected ? options : { ...options, deadlineMs: absenceMs });
  }

  async open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#servers().open(method, params, options);
  }

  /** See `callForPerson`. */
  openForPerson(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.open(method, params, this.connected ? options : { deadlineMs: absenceMs });
  }

  async connect(): Promise<void> {
    const { agent, identity, clone, handler } = this.#options;
    this.#link = await ServerLink.open({
      ...{ bus: agent.bus, clock: agent.clock, handler },
      ...{ node: identity.name, servers: identity.servers, keys: identity.keys },
      // With another connection there nothing was missed: the heartbeat that this one hears is enough.
      onReady: (first) => {
        if (!first) return void this.#heartbeat(false).catch(() => {});
        this.#registered = false;
        this.register().catch((error: unknown) => agent.log.warn('not registered yet', { error }));
      },
      onFeed: (message) => clone.onMessage(message),
      onFeedAgain: () => void this.#compareSoon(),
      onState: (server, state, reason) =>
        agent.log[state === 'refused' ? 'warn' : 'info'](
          `server ${server.host}: ${state}`,
          reason === '' ? {} : { reason },
        ),
    });
    for (const topic of Object.keys(clone.revisions())) this.#link.subscribe(topic);
    clone.refresh();
  }

  /** Something that the servers know of this host has changed; the next heartbeat tells at the latest. */
  outdated(): void {
    this.#registered = false;
  }

  async register(): Promise<void> {
    this.#registering = true;
    try {
      await this.#register();
    } finally {
      this.#registering = false;
    }
  }

  async #register(): Promise<void> {
    const { agent, identity, clone } = this.#options;
    clone.refresh();
    await this.#askEngine();
    const engine = this.#engine;
    const { address, interface: device, mtu, routes, interfaces } = this.#options.underlay();
    const { evicted } = await ask(this, 'node.register', {
      name: identity.name,
      address,
      interface: device,
      underlayMtu: mtu,
      routes: [...routes],
      interfaces: interfaces.map(toldOf),
      engine,
      version: agent.version,
    });
    // It may have answered meanwhile; if so, the next heartbeat tells.
    this.#registered = engine === this.#engine;
    // What it had is asked for before it is told: what is refused is others'.
    if (evicted) this.#evicted();
    else this.#options.onRegistered();
  }

  #evicted(): void {
    this.#returning ??= this.#options
      .onEvicted()
      .then(() => {
        this.#options.agent.log.info('this node is a member again');
        this.#options.onRegistered();
      })
      .catch((error: unknown) => this.#options.agent.log.debug('not back yet, trying again', { error }))
      .finally(() => {
        this.#returning = undefined;
      });
  }

  /** Resolves when it has answered, and at the latest after a moment. */
  async #askEngine(): Promise<void> {
    const { runtime, clock } = this.#options.agent;
    this.#asked ??= runtime
      .status()
      .then(({ message }) => {
        if (message !== this.#engine) this.outdated();
        this.#engine = message;
      })
      .finally(() => {
        this.#asked = undefined;
      });
    const timer = new AbortController();
    await Promise.race([this.#asked, clock.sleep(engineMs, timer.signal).catch(() => {})]);
    timer.abort();
  }

  /** Until the signal aborts. */
  async sendHeartbeats(signal: AbortSignal): Promise<void> {
    const { agent } = this.#options;
    await every(agent, heartbeatMs, signal, async () => {
      if (!this.connected) return;
      // Not waited for either: a disk that is full or slow makes no host silent.
      this.#followServers(signal).catch((error: unknown) => agent.log.debug('the servers are not kept yet', { error }));
      // Beside the heartbeats: an engine that does not answer is no silence of this host's.
      if (!this.#registered && !this.#registering)
        this.register().catch((error: unknown) => agent.log.debug('not registered yet', { error }));
      this.#beats += 1;
      // Not waited for: one that hangs must not hold up what the others hear.
      const compare = this.#beats % beatsPerComparison === 0;
      this.#heartbeat(compare).catch((error: unknown) => agent.log.debug('no heartbeat', { error }));
    });
  }

  /**
   * Each server judges by what it hears itself; by the answers, this node knows whom to ask. The first, which is asked, answers unless its feed
   * has just been heard; of the others it is enough to know from time to time. Two hear it every second, so that a host is missed soon which one
   * of them is lost with; the rest wait, however many they are. @returns once the first has answered that compares
   */
  async #heartbeat(compare: boolean): Promise<void> {
    this.#link?.followFeed();
    const [first, second, ...rest] = this.#link?.ready() ?? [];
    if (second !== undefined) this.#speakTo(second);
    for (const other of rest) {
      if (!other.good || !other.waits) this.#speakTo(other);
      // Its time may be over a moment after this beat, and the next would be late.
      else if (other.restMs < heartbeatMs / 2)
        this.#beat(other, false, beatsPerComparison * heartbeatMs).catch(() => {});
    }
    if (first === undefined) return;
    // Whose feed is heard is there: it has nothing to answer before the next comparison.
    if (!compare && first.toldMs <= heartbeatMs) this.#speakTo(first);
    else await this.#beat(first, compare);
  }

  #speakTo(other: ServerRoute): void {
    if (other.good && other.hearsBeats && this.#beats % beatsPerComparison !== 0) other.client.beat();
    else this.#beat(other, false).catch(() => {});
  }

  /** A server that owes an answer is not asked again before it has given up; but it hears that this node is there. */
  async #beat(server: ServerRoute, compare: boolean, nextMs?: number): Promise<void> {
    const { clone } = this.#options;
    if (server.beating && server.hearsBeats) server.client.beat();
    if (server.beating && !compare) return;
    // The one under way says nothing of topics.
    while (server.beating) await server.beat().catch(() => {});
    const revisions = compare ? clone.revisions() : {};
    const { stale, evicted, current } = await server.beat({
      topics: revisions,
      ...(nextMs === undefined ? {} : { nextMs }),
    });
    clone.serverSpoke();
    if (compare) clone.lacking(stale);
    if (compare && current !== undefined) clone.confirm(revisions, current);
    if (evicted) this.#evicted();
  }

  /** Those that the cluster lists now, and those that were there lately: connected to, and kept for the next start. */
  async #followServers(signal: AbortSignal): Promise<void> {
    const { agent, clone, view } = this.#options;
    const link = this.#link;
    // By which id a server is listed, it says itself: else it would be connected to twice, by two addresses.
    const said = link?.routes.every((route) => route.known || !route.ready) ?? false;
    if (link === undefined || !said || !clone.isFresh(clusterTopic)) return;
    const ids = new Map(link.routes.map((route) => [placeOf(route.server), route.id]));
    const known = this.#identity.servers.map((server) => {
      const id = ids.get(placeOf(server));
      return id === undefined ? server : { ...server, id };
    });
    const servers = [...afterListing(known, view.servers(), agent.clock.now())];
    if (same(servers, this.#kept) || this.#keeping) return;
    this.#keeping = true;
    try {
      if (!same(servers, this.#identity.servers)) {
        this.#identity = { ...this.#identity, servers };
        agent.log.info('the servers of the cluster', { servers: servers.map(placeOf) });
        await link.update(servers);
      }
      // A host that is leaving has no disk to keep it on.
      if (signal.aborted) return;
      await saveIdentity(agent.directory, this.#identity);
      this.#kept = servers;
    } finally {
      this.#keeping = false;
    }
  }

  /** What is missed, now; and what was on its way then. */
  async #compareSoon(): Promise<void> {
    const { clock, log } = this.#options.agent;
    for (const ms of [0, lateMs]) {
      await clock.sleep(ms);
      if (this.connected) await this.#heartbeat(true).catch((error: unknown) => log.debug('no heartbeat', { error }));
    }
  }

  /** Until the signal aborts. */
  async sendMetrics(signal: AbortSignal): Promise<void> {
    const { agent } = this.#options;
    const sample = hostMetrics({
      read: agent.readFile,
      device: () => this.#options.underlay().interface,
      now: () => agent.clock.now(),
    });
    const send = async () => {
      this.#link?.pushMetrics(await sample());
    };
    await sample();
    await agent.clock.sleep(firstMetricsMs, signal);
    await send();
    await every(agent, metricsMs, signal, send);
  }

  status() {
    const { agent, identity } = this.#options;
    return {
      version: agent.version,
      node: identity.name,
      link: this.#link?.state ?? 'connecting',
      message: this.#link?.reason ?? 'not connected yet',
      servers: this.#identity.servers.map(placeOf),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.[Symbol.asyncDispose]();
  }

  #servers(): ServerLink {
    if (this.#link !== undefined) return this.#link;
    throw new Failure('unavailable', 'the agent has not reached a server yet: try again in a moment');
  }
}

const same = (some: unknown, other: unknown): boolean => JSON.stringify(some) === JSON.stringify(other);
