import { randomBytes } from 'node:crypto';
import type { Context } from 'zeromq';
import { Subscriber } from 'zeromq';
import type { Clock, Log } from '../../platform/platform.ts';
import type { BusClientOptions, FeedMessage } from '../bus.ts';
import { within } from '../session/within.ts';
import { curveClient } from './dealer.ts';
import { parseFeed, syncPrefix, topicFrame } from './feed.ts';
import { common, endpoint, needsIpv6, watchful } from './options.ts';

/** Longest wait for a subscription to hold. Later, the heartbeat's comparison of revisions has to find what is missing. */
const syncMs = 1000;

/** A client's feed during one session. It reconnects by itself, its subscriptions with it. */
export class FeedSubscriber {
  readonly #socket: Subscriber;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #port: number;
  readonly #waiting = new Map<string, () => void>();
  #syncing: Promise<void> | undefined;
  /** What is subscribed to at once is asked about once. */
  #collecting = false;

  /** @param onRefused the key may not hear the feed (any more); ZeroMQ does not try again then. */
  constructor(context: Context, client: BusClientOptions, clock: Clock, log: Log, onRefused: () => void) {
    const { host, ports } = client.server;
    this.#clock = clock;
    this.#log = log;
    this.#port = ports.feed;
    this.#socket = new Subscriber({
      linger: 0,
      handshakeInterval: common.handshakeInterval,
      ...watchful,
      maxMessageSize: common.maxMessageSize,
      ...curveClient(client),
      context,
      ipv6: needsIpv6(host),
      reconnectInterval: 100,
      reconnectMaxInterval: 2000,
      // None: a socket that stops reading since its queue is full, and connects anew before that is read, ends the process (libzmq
      // issue 3937). What waits here is what the server sent while this process was held up; the server bounds what waits there.
      receiveHighWaterMark: 0,
    });
    this.#socket.events.on('handshake:error:auth', onRefused);
    let heard = false;
    this.#socket.events.on('handshake', () => {
      if (heard && client.onFeedAgain !== undefined) void this.#again(client.onFeedAgain);
      heard = true;
    });
    this.#socket.connect(endpoint(host, ports.feed));
  }

  get syncing(): Promise<void> | undefined {
    return this.#syncing;
  }

  subscribe(topics: Iterable<string>): void {
    const frames = [...topics].map(topicFrame);
    if (frames.length > 0) this.#socket.subscribe(...frames);
    this.#sync();
  }

  unsubscribe(topic: string): void {
    this.#socket.unsubscribe(topicFrame(topic));
  }

  /** Until it is closed. */
  async run(onFeed: (message: FeedMessage) => void): Promise<void> {
    for await (const frames of this.#socket) {
      if (frames.length === 1) this.#waiting.get(`${frames[0]}`)?.();
      const message = parseFeed(frames);
      if (message !== undefined) onFeed(message);
    }
  }

  close(): void {
    this.#socket.close();
    for (const resolve of this.#waiting.values()) resolve();
  }

  /** ZeroMQ subscribes anew by itself, to everything at once. */
  async #again(tell: () => void): Promise<void> {
    if (this.#socket.closed) return;
    this.#sync();
    await this.#syncing;
    if (!this.#socket.closed) tell();
  }

  /** The server answers subscriptions in order: once this one is answered, all before it hold. */
  #sync(): void {
    // One that has not been sent yet comes after this subscription as well.
    if (this.#collecting) return;
    this.#collecting = true;
    const syncing = Promise.resolve()
      .then(() => this.#answered())
      .catch(() => this.#log.warn(`the feed does not answer: is port ${this.#port} of the server open?`))
      .then(() => {
        if (this.#syncing === syncing) this.#syncing = undefined;
      });
    this.#syncing = syncing;
  }

  async #answered(): Promise<void> {
    this.#collecting = false;
    if (this.#socket.closed) return;
    const topic = topicFrame(syncPrefix + randomBytes(12).toString('hex'));
    const answered = Promise.withResolvers<void>();
    this.#waiting.set(topic, answered.resolve);
    this.#socket.subscribe(topic);
    try {
      await within(this.#clock, syncMs, answered.promise, () => new Error('late'));
    } finally {
      this.#waiting.delete(topic);
      if (!this.#socket.closed) this.#socket.unsubscribe(topic);
    }
  }
}
