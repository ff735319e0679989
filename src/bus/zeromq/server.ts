import { randomUUID } from 'node:crypto';
import type { XPublisher } from 'zeromq';
import { Context, Pull } from 'zeromq';
import { Failure } from '../../domain/domain.ts';
import type { Clock, Log } from '../../platform/platform.ts';
import type { Api } from '../../protocol/protocol.ts';
import type { BusServer, BusServerOptions, FeedMessage } from '../bus.ts';
import { isPair } from '../keys.ts';
import { notOurs } from '../session/refusals.ts';
import { Sessions } from '../session/sessions.ts';
import { spokenVersions, type VersionRange } from '../session/versions.ts';
import { decodeJson } from '../session/wire.ts';
import { bind, Renewable } from './binding.ts';
import { Door } from './door.ts';
import { answerSyncs, feedFrames, feedSocket } from './feed.ts';
import { Identities } from './identities.ts';
import { common, curveServer, needsIpv6 } from './options.ts';
import { Requests } from './requests.ts';

/** Bytes; a node's metrics are some hundred. */
const metricsLimit = 64 * 1024;

export class ZeroMqServer implements BusServer {
  readonly ports: { requests: number; feed: number; metrics: number };
  /** Lets keys in; while closed, nobody. */
  readonly door: Door;
  readonly #options: BusServerOptions;
  readonly #log: Log;
  readonly #identities: Identities;
  readonly #sessions: Sessions;
  readonly #requests: Requests;
  readonly #feed: Renewable<XPublisher>;
  readonly #metrics: Renewable<Pull>;

  private constructor(
    options: BusServerOptions,
    context: Context,
    door: Door,
    log: Log,
    clock: Clock,
    versions: VersionRange,
  ) {
    this.ports = { ...options.ports };
    this.door = door;
    this.#options = options;
    this.#log = log;
    this.#identities = new Identities(options.keys, clock);
    this.#sessions = new Sessions({ ...options, clock, log, newId: randomUUID });
    this.#requests = new Requests({
      context,
      server: options,
      sessions: this.#sessions,
      identities: this.#identities,
      versions,
      log,
    });
    this.#feed = new Renewable(() => feedSocket(context, options), answerSyncs, options.address, clock);
    this.#metrics = new Renewable(
      () => metricsSocket(context, options),
      (socket) => this.#takeMetrics(socket),
      options.address,
      clock,
    );
  }

  /** @throws Failure when a port or the address cannot be had. */
  static async start(
    options: BusServerOptions,
    log: Log,
    clock: Clock,
    versions: VersionRange = spokenVersions,
  ): Promise<ZeroMqServer> {
    if (!isPair(options.keys)) throw new Failure('invalid', notOurs);
    // A context of its own: ZeroMQ has one ZAP handler per context.
    const context = new Context({ ioThreads: 1, blocky: false });
    const door = Door.open(context, options.gatekeeper, log);
    const server = new ZeroMqServer(options, context, door, log, clock, versions);
    try {
      await server.#listen(clock);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  publish(message: FeedMessage): void {
    const { socket } = this.#feed;
    // While the socket is being renewed nobody is connected: the message is lost to all, and their mirrors see the gap.
    if (!socket.closed) socket.send(feedFrames(message)).catch((error) => this.#log.debug('not published', { error }));
  }

  toNode(name: string): Api {
    return this.#sessions.toNode(name);
  }

  connectedNodes(): readonly string[] {
    return this.#sessions.connectedNodes();
  }

  async expel(publicKey: string): Promise<void> {
    this.#sessions.expel(publicKey);
    const renewed: Promise<void>[] = [];
    for (const [domain, socket] of [
      ['trama.feed', this.#feed],
      ['trama.metrics', this.#metrics],
    ] as const) {
      if (!this.door.hasLetIn(domain, publicKey)) continue;
      this.door.forget(domain);
      renewed.push(socket.renew());
    }
    await Promise.all(renewed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sessions.close();
    this.#requests.socket.close();
    await Promise.all([this.#feed.close(), this.#metrics.close()]);
    this.door.close();
  }

  async #listen(clock: Clock): Promise<void> {
    const { address, ports } = this.#options;
    // Requests come last: who has a session can hear the feed.
    this.ports.feed = await this.#feed.open(ports.feed);
    this.ports.metrics = await this.#metrics.open(ports.metrics);
    this.ports.requests = await bind(this.#requests.socket, address, ports.requests, clock);
    this.#requests.run().catch(() => {});
  }

  async #takeMetrics(socket: Pull): Promise<void> {
    for await (const [seal, payload] of socket) {
      if (seal === undefined || payload === undefined) continue;
      const node = this.#identities.reportedBy(seal, payload)?.peer.node;
      // Without a session: it ended, or began anew, while the message was on its way.
      if (node === undefined) continue;
      const message = metricsOf(payload);
      if (message?.node !== node) {
        this.#log.warn('metrics in the name of another node were dropped', { node });
        continue;
      }
      try {
        this.#options.onMetrics({ node, data: message.data });
      } catch (error) {
        this.#log.error('metrics could not be taken', { node, error });
      }
    }
  }
}

function metricsSocket(context: Context, { keys, address }: BusServerOptions): Pull {
  return new Pull({
    linger: 0,
    handshakeInterval: common.handshakeInterval,
    ...curveServer(keys.secretKey, 'trama.metrics'),
    context,
    ipv6: needsIpv6(address),
    maxMessageSize: metricsLimit,
  });
}

function metricsOf(payload: Buffer): { node?: unknown; data?: unknown } | undefined {
  try {
    const message = decodeJson(payload);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}
