/**
 * The agent's way to the cluster's servers: one connection to each, requests to whichever is ready, the feed from all
 * (mirrors drop what they have seen).
 */
import type {
  Bus,
  BusClient,
  FeedMessage,
  KeyPair,
  LinkState,
  MetricsMessage,
  RequestHandler,
  ServerAddress,
} from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../protocol/protocol.ts';

export interface ServerLinkOptions {
  readonly bus: Bus;
  readonly servers: readonly ServerAddress[];
  readonly keys: KeyPair;
  readonly handler: RequestHandler;
  /** A connection became ready. */
  onReady(): void;
  onFeed(message: FeedMessage): void;
  /** See `BusClientOptions`. */
  onFeedAgain(): void;
  onState(server: ServerAddress, state: LinkState, reason: string): void;
}

export class ServerLink implements Api, AsyncDisposable {
  readonly #clients: readonly BusClient[];
  readonly #reasons: Map<BusClient, string>;

  private constructor(clients: readonly BusClient[], reasons: Map<BusClient, string>) {
    this.#clients = clients;
    this.#reasons = reasons;
  }

  static async open(options: ServerLinkOptions): Promise<ServerLink> {
    const clients: BusClient[] = [];
    const reasons = new Map<BusClient, string>();
    for (const server of options.servers) {
      let client: BusClient | undefined;
      client = await options.bus.connect({
        server,
        keys: options.keys,
        handler: options.handler,
        onFeed: options.onFeed,
        onFeedAgain: options.onFeedAgain,
        onState: (state, reason) => {
          if (client !== undefined) reasons.set(client, reason);
          options.onState(server, state, reason);
          if (state === 'ready') queueMicrotask(options.onReady);
        },
      });
      clients.push(client);
    }
    return new ServerLink(clients, reasons);
  }

  get state(): LinkState {
    const states = this.#clients.map((client) => client.state);
    return (['ready', 'connecting', 'refused'] as const).find((state) => states.includes(state)) ?? 'closed';
  }

  /** Why there is no connection; empty when there is one. */
  get reason(): string {
    if (this.state === 'ready') return '';
    return (
      this.#clients.map((client) => this.#reasons.get(client) ?? '').find((reason) => reason !== '') ??
      'no server has answered yet'
    );
  }

  call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    return this.#preferred().call(method, params, options);
  }

  open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#preferred().open(method, params, options);
  }

  subscribe(topic: string): void {
    for (const client of this.#clients) client.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    for (const client of this.#clients) client.unsubscribe(topic);
  }

  pushMetrics(message: MetricsMessage): void {
    this.#clients.find((client) => client.state === 'ready')?.pushMetrics(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client[Symbol.asyncDispose]()));
  }

  #preferred(): BusClient {
    const client = this.#clients.find((client) => client.state === 'ready') ?? this.#clients[0];
    if (client === undefined)
      throw new Failure('unavailable', 'this agent knows no server: join again with a new token');
    return client;
  }
}
