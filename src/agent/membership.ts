/** This host as a member: its connection to the servers, its registration, heartbeats and figures. */
import type { BusClientOptions } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { type Api, ask, type ByteStream, type CallOptions, type OpenOptions } from '../protocol/protocol.ts';
import type { AgentOptions } from './agent.ts';
import type { Clone } from './clone.ts';
import type { Identity } from './identity.ts';
import { hostMetrics } from './metrics.ts';
import { ServerLink } from './server-link.ts';
import type { Underlay } from './underlay.ts';

export interface MembershipOptions {
  readonly agent: AgentOptions;
  readonly identity: Identity;
  readonly clone: Clone;
  readonly handler: NonNullable<BusClientOptions['handler']>;
  underlay(): Underlay;
  containers(): number;
  /** The servers know this host as it is; now they are told, and tell, the rest. */
  onRegistered(): void;
}

const heartbeatMs = 5000;
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

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get link(): ServerLink | undefined {
    return this.#link;
  }

  get connected(): boolean {
    return this.#link?.state === 'ready';
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
      bus: agent.bus,
      servers: identity.servers,
      keys: identity.keys,
      handler,
      onReady: () => {
        this.#registered = false;
        this.register().catch((error: unknown) => agent.log.warn('not registered yet', { error }));
      },
      onFeed: (message) => clone.onMessage(message),
      onFeedAgain: () => void this.#heartbeatAfter(lateMs),
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
    const { agent, identity, clone } = this.#options;
    clone.refresh();
    await this.#askEngine();
    const engine = this.#engine;
    const { address, interface: device, mtu, routes } = this.#options.underlay();
    await ask(this, 'node.register', {
      name: identity.name,
      address,
      interface: device,
      underlayMtu: mtu,
      routes: [...routes],
      engine,
      version: agent.version,
    });
    // It may have answered meanwhile; if so, the next heartbeat tells.
    this.#registered = engine === this.#engine;
    this.#options.onRegistered();
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
    await every(this.#options.agent, heartbeatMs, signal, async () => {
      if (!this.connected) return;
      if (!this.#registered) await this.register();
      await this.#heartbeat();
    });
  }

  async #heartbeat(): Promise<void> {
    const { clone } = this.#options;
    const { stale } = await ask(this, 'node.heartbeat', { topics: clone.revisions() }, { deadlineMs: heartbeatMs });
    clone.refresh(stale);
  }

  async #heartbeatAfter(ms: number): Promise<void> {
    const { clock, log } = this.#options.agent;
    await clock.sleep(ms);
    if (this.connected) await this.#heartbeat().catch((error: unknown) => log.debug('no heartbeat', { error }));
  }

  /** Until the signal aborts. */
  async sendMetrics(signal: AbortSignal): Promise<void> {
    const { agent, identity, containers } = this.#options;
    const sample = hostMetrics(agent.readFile);
    const send = async () => {
      const data = { ...(await sample()), containers: containers() };
      this.#link?.pushMetrics({ node: identity.name, data });
    };
    await sample();
    await agent.clock.sleep(firstMetricsMs, signal);
    await send();
    await every(agent, metricsMs, signal, send);
  }

  status() {
    const { identity } = this.#options;
    return {
      node: identity.name,
      link: this.#link?.state ?? 'connecting',
      message: this.#link?.reason ?? 'not connected yet',
      servers: identity.servers.map((each) => `${each.host}:${each.ports.requests}`),
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

/** Again and again until the signal aborts; a failure is for the next time. */
export async function every(
  { clock, log }: Pick<AgentOptions, 'clock' | 'log'>,
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal);
    await work().catch((error: unknown) => log.debug('will be tried again', { error }));
  }
}
