import { randomUUID } from 'node:crypto';
import type { XPublisher } from 'zeromq';
import { Context } from 'zeromq';
import { Failure } from '../../domain/domain.ts';
import type { Log, SteadyClock } from '../../platform/platform.ts';
import type { Api } from '../../protocol/protocol.ts';
import type { BusServer, BusServerOptions, FeedMessage } from '../bus.ts';
import { isPair } from '../keys.ts';
import { notOurs } from '../session/refusals.ts';
import { Sessions } from '../session/sessions.ts';
import { spokenVersions, type VersionRange } from '../session/versions.ts';
import { bind, Renewable } from './binding.ts';
import { Door } from './door.ts';
import { answerSyncs, feedFrames, feedSocket } from './feed.ts';
import { Identities } from './identities.ts';
import { Requests } from './requests.ts';

export class ZeroMqServer implements BusServer {
  readonly ports: { requests: number; feed: number };
  /** Lets keys in; while closed, nobody. */
  readonly door: Door;
  readonly #options: BusServerOptions;
  readonly #log: Log;
  readonly #sessions: Sessions;
  readonly #requests: Requests;
  readonly #feed: Renewable<XPublisher>;

  private constructor(
    options: BusServerOptions,
    context: Context,
    door: Door,
    log: Log,
    clock: SteadyClock,
    versions: VersionRange,
  ) {
    this.ports = { ...options.ports };
    this.door = door;
    this.#options = options;
    this.#log = log;
    this.#sessions = new Sessions({ ...options, clock, log, newId: randomUUID });
    this.#requests = new Requests({
      context,
      server: options,
      sessions: this.#sessions,
      identities: new Identities(options.keys, clock),
      versions,
      log,
    });
    this.#feed = new Renewable(() => feedSocket(context, options), answerSyncs, options.address, clock);
  }

  /** @throws Failure when a port or the address cannot be had. */
  static async start(
    options: BusServerOptions,
    log: Log,
    clock: SteadyClock,
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
    if (!this.door.hasLetIn('trama.feed', publicKey)) return;
    this.door.forget('trama.feed');
    await this.#feed.renew();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sessions.close();
    this.#requests.socket.close();
    await this.#feed.close();
    this.door.close();
  }

  async #listen(clock: SteadyClock): Promise<void> {
    const { address, ports } = this.#options;
    // Requests come last: who has a session can hear the feed.
    this.ports.feed = await this.#feed.open(ports.feed);
    this.ports.requests = await bind(this.#requests.socket, address, ports.requests, clock);
    this.#requests.run().catch(() => {});
  }
}
