/**
 * A node's way to the cluster's servers, or a user's: one connection to each. A request goes to one of those that are good now, to which is the
 * node's own matter, so that load is spread. While that one does not answer because its connection broke, its store is lost, or it is
 * silent, the next is asked the same under the same id: the servers do it once. The feed, too, comes from one that is good.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  type Bus,
  type FeedMessage,
  type KeyPair,
  type LinkState,
  type RequestHandler,
  SessionLost,
} from '../bus/bus.ts';
import { Failure, isFailure } from '../domain/domain.ts';
import type { SteadyClock } from '../platform/platform.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../protocol/protocol.ts';
import type { KnownServer } from './identity.ts';
import { placeOf } from './known-servers.ts';
import { type Knock, ServerRoute } from './server-route.ts';

export interface ServerLinkOptions {
  readonly bus: Bus;
  readonly node: string;
  readonly servers: readonly KnownServer[];
  readonly keys: KeyPair;
  readonly handler: RequestHandler;
  readonly clock: SteadyClock;
  /** See `BusClientOptions`. */
  readonly unknownKey?: string;
  /** How servers are asked whether they are there; absent: by heartbeats of a node. */
  readonly knock?: Knock;
  /** A connection became ready. `first`: there was none. */
  onReady(first: boolean): void;
  onFeed(message: FeedMessage): void;
  /** The feed was interrupted, or comes from another server: what was published meanwhile may be missed. */
  onFeedAgain(): void;
  onState(server: KnownServer, state: LinkState, reason: string): void;
}

const defaultDeadlineMs = 10_000;
/** An answer that is not there by now: a look whether who was asked is there at all. */
const lookMs = 500;

/** Streams that change nothing, however often they are begun. */
const readOnly: ReadonlySet<string> = new Set(['workload.logs', 'workload.archive', 'cluster.watch', 'cluster.events']);
/** A feed that is good is left for another only once that has been the better one for so long. */
const betterMs = 10_000;
/** Whose feed was heard so lately is slow with its answers at worst. */
const tellingMs = 1000;
/**
 * A feed whose server is there and no good is left at once, and the next one only after a while, the longer the more often in a row: when all
 * servers are slow, to go round among them makes them slower.
 */
const stay = { firstMs: 5000, mostMs: 60_000, forgottenMs: 60_000 } as const;
/** How long both are heard then: a subscription holds only some time after it was made. */
const overlapMs = 2000;
/** Before somebody is asked again whose connection has broken and is there anew. */
const againMs = 20;

/** One request at one server. */
interface Asked {
  readonly route: ServerRoute;
  readonly outcome: Promise<{ readonly route: ServerRoute; readonly value?: unknown; readonly error?: unknown }>;
}

export class ServerLink implements Api, AsyncDisposable {
  readonly #options: ServerLinkOptions;
  readonly #topics = new Set<string>();
  #routes: readonly ServerRoute[] = [];
  /** Where the feed comes from. */
  #feed: ServerRoute | undefined;
  /** The last time that one was left which was there: when, by `elapsed`, and for how long the next one is not. */
  #left = { at: Number.NEGATIVE_INFINITY, stayMs: 0 };
  /** A better one than that, and since when, by `elapsed`. */
  #better: { readonly route: ServerRoute; readonly since: number } | undefined;
  readonly #closing = new AbortController();
  readonly #scores = new Map<string, number>();
  /** Resolves when a connection's state has changed, or there are others. */
  #change = Promise.withResolvers<void>();

  private constructor(options: ServerLinkOptions) {
    this.#options = options;
  }

  static async open(options: ServerLinkOptions): Promise<ServerLink> {
    const link = new ServerLink(options);
    await link.update(options.servers);
    return link;
  }

  /** Connects to those that are new, and ends the connections to those that are not there any more. */
  async update(servers: readonly KnownServer[]): Promise<void> {
    const former = this.#routes;
    const routes: ServerRoute[] = [];
    for (const server of servers) {
      const same = former.find((route) => sameAddress(route.server, server));
      routes.push(same ?? (await this.#connect(server)));
    }
    this.#routes = routes;
    this.followFeed();
    this.#changed();
    await Promise.allSettled(
      former.filter((each) => !routes.includes(each)).map(({ client }) => client[Symbol.asyncDispose]()),
    );
  }

  /** All there are connections to, by the id that each has said. */
  get routes(): readonly ServerRoute[] {
    return this.#routes;
  }

  get state(): LinkState {
    const states = this.#routes.map(({ client }) => client.state);
    return (['ready', 'connecting', 'refused'] as const).find((state) => states.includes(state)) ?? 'closed';
  }

  /** Resolves when the state of a connection has changed, or the time is over. */
  async changed(ms: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.#change.promise, this.#options.clock.sleep(ms, timer.signal).catch(() => {})]);
    timer.abort();
  }

  /** Why there is no connection; empty when there is one. */
  get reason(): string {
    if (this.state === 'ready') return '';
    return this.#routes.find(({ reason }) => reason !== '')?.reason ?? 'no server has answered yet';
  }

  /** Each server that is connected now, the one that is asked by default first. */
  ready(): readonly ServerRoute[] {
    const rank = (route: ServerRoute) => (route.silent ? 2 : route.able ? 0 : 1);
    // The sort keeps the order of equals.
    return this.preferred()
      .filter((route) => route.ready)
      .sort((a, b) => rank(a) - rank(b));
  }

  /** All, in the order of this node's own. */
  preferred(): ServerRoute[] {
    return [...this.#routes].sort((a, b) => this.#scoreOf(b) - this.#scoreOf(a));
  }

  async call(
    method: string,
    params: unknown,
    { deadlineMs = defaultDeadlineMs, id = randomUUID() }: CallOptions = {},
  ): Promise<unknown> {
    const { clock } = this.#options;
    const expires = clock.elapsed() + deadlineMs;
    let asked: readonly Asked[] = [];
    const refusing = new Set<ServerRoute>();
    let refusal: unknown;
    for (;;) {
      const next = this.#nextFor(asked, refusing);
      if (next !== undefined) asked = [...asked, ask(next, method, params, id, expires - clock.elapsed())];
      else if (asked.length === 0) {
        if (refusal !== undefined) throw refusal;
        await this.#untilReady(expires);
        continue;
      }
      const first = await this.#firstOf(asked);
      if (first === undefined) continue;
      if (!('error' in first)) return first.value;
      asked = asked.filter(({ route }) => route !== first.route);
      if (first.error instanceof SessionLost) {
        if (first.route.ready) await clock.sleep(againMs);
        continue;
      }
      // It cannot now, or has lost its store before it could say what became of it.
      if (!isFailure(first.error, 'unavailable')) throw first.error;
      refusing.add(first.route);
      refusal ??= first.error;
    }
  }

  /**
   * A stream is opened once: what somebody was asked to begin may have begun. Only who says that it has not is followed by another, and
   * who is not there.
   */
  async open(
    method: string,
    params: unknown,
    { deadlineMs = defaultDeadlineMs }: OpenOptions = {},
  ): Promise<ByteStream> {
    const { clock } = this.#options;
    const expires = clock.elapsed() + deadlineMs;
    await this.#untilReady(expires);
    let refusal: unknown;
    for (const [at, route] of this.ready().entries()) {
      if (at > 0 && !route.good) continue;
      // Afterwards nobody else could be asked; now there has to be somebody.
      if (this.ready().length > 1) await route.probe();
      if (route.silent && this.ready().some((each) => each !== route && each.good)) continue;
      try {
        return await route.client.open(method, params, { deadlineMs: Math.max(0, expires - clock.elapsed()) });
      } catch (error) {
        const elsewhere = isFailure(error, 'unavailable') && (!(error instanceof SessionLost) || readOnly.has(method));
        if (!elsewhere) throw error;
        refusal ??= error;
      }
    }
    throw refusal ?? this.#noServer();
  }

  /** Asks every server that is good now. @throws Failure when none took it */
  async everywhere(method: string, params: unknown): Promise<void> {
    const id = randomUUID();
    const deadlineMs = defaultDeadlineMs;
    const there = this.ready();
    // One that is silent would be waited for.
    const asked = there.some((route) => route.good) ? there.filter((route) => route.good) : there;
    const said = await Promise.allSettled(
      asked.map(({ client }) => client.callOnce(method, params, { id, deadlineMs })),
    );
    const [refusal] = said.filter((each) => each.status === 'rejected');
    if (said.every((each) => each.status === 'rejected')) throw refusal?.reason ?? this.#noServer();
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    this.#feed?.client.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    for (const { client } of this.#routes) client.unsubscribe(topic);
  }

  /** Hears the feed of a server that is good. To be called now and then: that one is silent shows by the clock alone. */
  followFeed(): void {
    if (this.#closing.signal.aborted) return;
    const [first] = this.ready();
    const former = this.#feed;
    const there = former !== undefined && this.#routes.includes(former);
    if (first === undefined || first === former) {
      this.#better = undefined;
      return;
    }
    // One that is slow with its answers may tell all the same.
    const tells = there && (former.good || (former.ready && former.able && former.toldMs < tellingMs));
    if (tells && !this.#longBetter(first)) return;
    // Of several none of which is good, none is better.
    if (there && former.ready && !first.good) return;
    if (there && former.ready && !tells && !this.#mayLeave()) return;
    this.#better = undefined;
    this.#feed = first;
    for (const topic of this.#topics) first.client.subscribe(topic);
    if (former === undefined) return;
    this.#leaveFeed(former);
    this.#options.onFeedAgain();
  }

  #mayLeave(): boolean {
    const { at, stayMs } = this.#left;
    const now = this.#options.clock.elapsed();
    if (now - at < stayMs) return false;
    const again = now - at < stayMs + stay.forgottenMs;
    this.#left = { at: now, stayMs: again ? Math.min(Math.max(stay.firstMs, 2 * stayMs), stay.mostMs) : stay.firstMs };
    return true;
  }

  #longBetter(route: ServerRoute): boolean {
    const now = this.#options.clock.elapsed();
    if (this.#better?.route !== route) this.#better = { route, since: now };
    return now - this.#better.since >= betterMs;
  }

  #leaveFeed(former: ServerRoute): void {
    const leave = () => {
      if (this.#feed !== former) for (const topic of this.#topics) former.client.unsubscribe(topic);
    };
    this.#options.clock.sleep(overlapMs, this.#closing.signal).then(leave, leave);
  }

  /** Each server places containers by them. */
  pushMetrics(data: unknown): void {
    for (const { client, ready } of this.#routes) if (ready) client.pushMetrics(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#routes.map(({ client }) => client[Symbol.asyncDispose]()));
    this.#changed();
  }

  async #connect(server: KnownServer): Promise<ServerRoute> {
    const { bus, keys, handler, unknownKey, knock, onFeed, onFeedAgain, onReady, onState, clock } = this.#options;
    let route: ServerRoute | undefined;
    const client = await bus.connect({
      ...{ server, keys, handler, onFeedAgain },
      ...(unknownKey === undefined ? {} : { unknownKey }),
      onFeed: (message) => {
        route?.told();
        onFeed(message);
      },
      onState: (state, reason) => {
        const first = !this.#routes.some((each) => each !== route && each.ready);
        route?.onState(reason);
        onState(server, state, reason);
        this.followFeed();
        this.#changed();
        if (state !== 'ready') return;
        // There was nobody better meanwhile.
        if (!first && route === this.#feed) onFeedAgain();
        queueMicrotask(() => onReady(first));
      },
    });
    route = new ServerRoute(server, client, clock, knock);
    return route;
  }

  /** Whom to ask besides those that are being asked: nobody while one of them may still answer. */
  #nextFor(asked: readonly Asked[], refusing: ReadonlySet<ServerRoute>): ServerRoute | undefined {
    if (asked.some(({ route }) => route.good)) return undefined;
    const others = this.ready().filter((route) => !refusing.has(route) && asked.every((each) => each.route !== route));
    return others.find((route) => route.good) ?? (asked.length === 0 && refusing.size === 0 ? others[0] : undefined);
  }

  /** @returns undefined when it is time to look whether somebody else should be asked */
  async #firstOf(asked: readonly Asked[]) {
    const { clock } = this.#options;
    const timer = new AbortController();
    const late = clock.sleep(lookMs, timer.signal).catch(() => {});
    try {
      const first = await Promise.race([...asked.map(({ outcome }) => outcome), late]);
      if (first !== undefined) return first;
      const probes = asked.map(({ route }) => route.probe());
      return await Promise.race([...asked.map(({ outcome }) => outcome), Promise.all(probes).then(() => undefined)]);
    } finally {
      timer.abort();
    }
  }

  /** @throws Failure `denied` while all refuse this host, `unavailable` */
  async #untilReady(expires: number): Promise<void> {
    const { clock } = this.#options;
    while (this.state !== 'ready') {
      if (this.state === 'refused') throw new Failure('denied', this.reason);
      const left = expires - clock.elapsed();
      if (this.state === 'closed' || left <= 0) throw this.#noServer();
      await this.changed(left);
    }
  }

  #noServer(): Failure {
    if (this.#routes.length > 0) return new Failure('unavailable', this.reason || 'no server answers at this moment');
    return new Failure('unavailable', 'this agent knows no server: join again with a new token');
  }

  /** The highest of all servers' is the node's first choice: as good as random, and always the same (rendezvous hashing). */
  #scoreOf({ id, server }: ServerRoute): number {
    const about = `${this.#options.node} ${id ?? placeOf(server)}`;
    const known = this.#scores.get(about);
    if (known !== undefined) return known;
    const score = createHash('sha256').update(about).digest().readUInt32BE();
    this.#scores.set(about, score);
    return score;
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

function ask(route: ServerRoute, method: string, params: unknown, id: string, left: number): Asked {
  const outcome = route.client.callOnce(method, params, { id, deadlineMs: Math.max(0, left) }).then(
    (value) => {
      route.heard();
      return { route, value };
    },
    (error: unknown) => ({ route, error }),
  );
  return { route, outcome };
}

const sameAddress = (one: KnownServer, other: KnownServer): boolean =>
  one.host === other.host &&
  one.key === other.key &&
  (['requests', 'feed'] as const).every((of) => one.ports[of] === other.ports[of]);
