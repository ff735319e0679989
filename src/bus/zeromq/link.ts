import type { Context } from 'zeromq';
import { Failure } from '../../domain/domain.ts';
import type { Log, SteadyClock } from '../../platform/platform.ts';
import type { BusClientOptions, FeedMessage, Peer } from '../bus.ts';
import type { Link, LinkEvents } from '../session/link.ts';
import type { VersionRange } from '../session/versions.ts';
import type { Header } from '../session/wire.ts';
import { decodeHeader, encodeHeader, noPayload } from '../session/wire.ts';
import { within } from '../session/within.ts';
import type { Requester } from './dealer.ts';
import { ended, marks, parseFrame } from './frames.ts';
import type { Sealer } from './seal.ts';
import { FeedSubscriber } from './subscriber.ts';

/** How long a closing client waits for the server to have heard of it. */
const byeMs = 200;

export interface LinkOptions {
  readonly context: Context;
  readonly client: BusClientOptions;
  readonly clock: SteadyClock;
  readonly log: Log;
  readonly target: string;
  readonly versions: VersionRange;
}

/** What the handshake of a session left behind. */
export interface Established {
  readonly requester: Requester;
  readonly sealer: Sealer;
  readonly kind: Peer['kind'];
}

/** A live session over ZeroMQ: the requests socket, and for nodes the feed while they want to hear of something. */
export class ZeroMqLink implements Link {
  readonly #options: LinkOptions;
  readonly #established: Established;
  readonly #topics = new Set<string>();
  #feed: FeedSubscriber | undefined;
  readonly #lost = Promise.withResolvers<Failure>();
  readonly #feedTarget = Promise.withResolvers<(message: FeedMessage) => void>();
  #closing = false;

  constructor(options: LinkOptions, established: Established, topics: ReadonlySet<string>) {
    this.#options = options;
    this.#established = established;
    void established.requester.lost.then(() =>
      this.#lose(new Failure('unavailable', `The connection to ${options.target} broke.`)),
    );
    this.#subscribe(topics);
  }

  get syncing(): Promise<void> | undefined {
    return this.#feed?.syncing;
  }

  start(events: LinkEvents): void {
    void this.#lost.promise.then((failure) => events.onLost(failure));
    this.#feedTarget.resolve((message) => events.onFeed(message));
    this.#hear(events).catch((error) => {
      if (!this.#closing) this.#options.log.error('messages could not be read', { error });
      this.#lose(new Failure('unavailable', `The connection to ${this.#options.target} was closed.`));
    });
  }

  send(header: Header, payload: Uint8Array): void {
    const { requester, sealer } = this.#established;
    const bytes = encodeHeader(header);
    requester.send([sealer.seal(bytes, payload), bytes, payload]);
  }

  subscribe(topic: string): void {
    this.#subscribe([topic]);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    this.#feed?.unsubscribe(topic);
    // A connection costs the server a tenth of a megabyte.
    if (this.#topics.size === 0) this.#feed?.close();
    if (this.#topics.size === 0) this.#feed = undefined;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.send({ t: 'bye' }, noPayload);
    // The server answers by ending the session; nothing more comes of waiting for it any longer.
    await within(this.#options.clock, byeMs, this.#lost.promise, () => new Error('late')).catch(() => {});
    this.#established.requester.close();
    this.#feed?.close();
  }

  #subscribe(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
    if (this.#established.kind !== 'node' || this.#topics.size === 0) return;
    this.#feed ??= this.#openFeed();
    this.#feed.subscribe(topics);
  }

  #openFeed(): FeedSubscriber {
    const { context, client, clock, log, target } = this.#options;
    const refused = () => this.#lose(new Failure('unavailable', `The feed of ${target} refused this key.`));
    const feed = new FeedSubscriber(context, client, clock, log, refused);
    this.#hearFeed(feed).catch((error) => {
      if (this.#feed === feed) log.error('the feed could not be read', { error });
    });
    return feed;
  }

  async #hear(events: LinkEvents): Promise<void> {
    for (;;) {
      const [mark, first, payload] = await this.#established.requester.receive();
      if (`${mark}` === marks.ended) {
        const why = parseFrame(ended, first);
        this.#lose(new Failure(why?.code ?? 'unavailable', why?.message ?? 'The server ended the session.'));
        return;
      }
      const header = `${mark}` === marks.message && first !== undefined ? decodeHeader(first) : undefined;
      if (header !== undefined && !this.#closing) events.onMessage(header, payload ?? noPayload);
    }
  }

  async #hearFeed(feed: FeedSubscriber): Promise<void> {
    // Before `start` only answers to subscriptions can matter: deltas wait for their reader.
    const early: FeedMessage[] = [];
    let onFeed = (message: FeedMessage): void => void early.push(message);
    void this.#feedTarget.promise.then((target) => {
      for (const message of early.splice(0)) target(message);
      onFeed = target;
    });
    await feed.run((message) => {
      if (!this.#closing) onFeed(message);
    });
  }

  #lose(failure: Failure): void {
    this.#lost.resolve(failure);
  }
}
