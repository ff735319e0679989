import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/domain.ts';
import type { SteadyClock } from '../../platform/platform.ts';
import { silentLog } from '../../platform/platform.ts';
import type { Api } from '../../protocol/protocol.ts';
import { type BusServer, type BusServerOptions, type FeedMessage, knownPeer } from '../bus.ts';
import type { Link, LinkEvents } from '../session/link.ts';
import { refusalOf } from '../session/refusals.ts';
import type { Session } from '../session/sessions.ts';
import { Sessions } from '../session/sessions.ts';
import type { Header } from '../session/wire.ts';
import { decodeHeader, encodeHeader, noPayload } from '../session/wire.ts';

export class InProcessServer implements BusServer {
  readonly ports: BusServer['ports'];
  readonly publicKey: string;
  readonly #options: BusServerOptions;
  readonly #sessions: Sessions;
  readonly #links = new Set<InProcessLink>();
  readonly #onClose: () => void;

  constructor(options: BusServerOptions, ports: BusServer['ports'], clock: SteadyClock, onClose: () => void) {
    this.ports = ports;
    this.publicKey = options.keys.publicKey;
    this.#options = options;
    this.#onClose = onClose;
    this.#sessions = new Sessions({ ...options, clock, log: silentLog, newId: randomUUID });
  }

  /** @param unknown what is said to a key that is nobody's @throws Failure('denied') */
  async admit(key: string, topics: ReadonlySet<string>, unknown?: string): Promise<Link> {
    const peer = await knownPeer(this.#options.gatekeeper, key);
    if (peer === undefined && unknown !== undefined) throw new Failure('denied', unknown);
    if (peer === undefined || peer.refused !== undefined) throw refusalOf(peer);
    const link = new InProcessLink(topics, {
      toServer: (header, payload) => this.#sessions.receive(session, header, payload),
      hearsFeed: peer.kind === 'node',
    });
    this.#links.add(link);
    const session: Session = this.#sessions.begin(peer, {
      send: (header, payload) => link.toClient(header, payload),
      dismiss: (failure) => {
        this.#links.delete(link);
        link.lose(failure);
      },
    });
    return link;
  }

  publish(message: FeedMessage): void {
    for (const link of this.#links) link.feed(message);
  }

  toNode(name: string): Api {
    return this.#sessions.toNode(name);
  }

  connectedNodes(): readonly string[] {
    return this.#sessions.connectedNodes();
  }

  async expel(publicKey: string): Promise<void> {
    this.#sessions.expel(publicKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onClose();
    this.#sessions.close();
    for (const link of this.#links) link.lose(new Failure('unavailable', 'The server went away.'));
    this.#links.clear();
  }
}

interface ServerSide {
  toServer(header: Header, payload: Uint8Array): void;
  readonly hearsFeed: boolean;
}

class InProcessLink implements Link {
  readonly syncing = undefined;
  readonly #server: ServerSide;
  readonly #topics: Set<string>;
  readonly #events = Promise.withResolvers<LinkEvents>();
  #alive = true;

  constructor(topics: ReadonlySet<string>, server: ServerSide) {
    this.#topics = new Set(topics);
    this.#server = server;
  }

  start(events: LinkEvents): void {
    this.#events.resolve(events);
  }

  send(header: Header, payload: Uint8Array): void {
    const [copy, bytes] = copied(header, payload);
    queueMicrotask(() => {
      if (this.#alive) this.#server.toServer(copy, bytes);
    });
  }

  toClient(header: Header, payload: Uint8Array): void {
    const [copy, bytes] = copied(header, payload);
    this.#deliver((events) => events.onMessage(copy, bytes));
  }

  feed(message: FeedMessage): void {
    if (!this.#server.hearsFeed || !this.#topics.has(message.topic)) return;
    const { topic, previous, revision, data } = message;
    this.#deliver((events) => events.onFeed({ topic, previous, revision, data }));
  }

  lose(failure: Failure): void {
    this.#deliver((events) => {
      this.#alive = false;
      events.onLost(failure);
    });
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
  }

  async close(): Promise<void> {
    this.send({ t: 'bye' }, noPayload);
    await Promise.resolve();
    this.#alive = false;
  }

  #deliver(use: (events: LinkEvents) => void): void {
    void this.#events.promise.then((events) => {
      if (this.#alive) use(events);
    });
  }
}

function copied(header: Header, payload: Uint8Array): [Header, Uint8Array] {
  const copy = decodeHeader(encodeHeader(header));
  if (copy === undefined)
    throw new Failure('invalid', `A ${header.t} message is malformed: its id or method is too long.`);
  return [copy, Uint8Array.from(payload)];
}
