/**
 * A cluster as it is reached from elsewhere: all its servers that are known, over the bus, by the key of a user. What the servers tell
 * of one another is kept, so that the next command knows them all.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterListing, type ListedServer } from '../agent/known-servers.ts';
import { ServerLink } from '../agent/server-link.ts';
import type { Knock } from '../agent/server-route.ts';
import type { Bus } from '../bus/bus.ts';
import { answersNothing } from '../bus/session/answering.ts';
import { unknownUser } from '../bus/session/refusals.ts';
import { encodeBase64Url, Failure, isFailure, parseUserKey } from '../domain/domain.ts';
import { clause } from '../interfaces/cli/text.ts';
import type { ContextStore, StoredContext } from '../interfaces/interfaces.ts';
import { systemClock } from '../platform/platform.ts';
import { type Api, ask, type ByteStream, type CallOptions, type OpenOptions } from '../protocol/protocol.ts';

/** Somebody waits for a first connection. Longer than one attempt takes. Milliseconds. */
const patienceMs = 4000;
/** What is learned of the servers is not waited for longer. Milliseconds. */
const learnMs = 1000;

type Listed = readonly ListedServer[];

export class ContextApi implements Api, AsyncDisposable {
  readonly #context: StoredContext;
  readonly #contexts: ContextStore;
  readonly #link: ServerLink;
  /** What a server has told last. */
  readonly #listed: () => Listed;
  #learning: Promise<void> | undefined;
  /** A clock that sleeps keeps no process alive, and a server that does not answer is waited for by sleeping. */
  readonly #awake = setInterval(() => {}, 60_000);

  private constructor(context: StoredContext, contexts: ContextStore, link: ServerLink, listed: () => Listed) {
    this.#listed = listed;
    this.#context = context;
    this.#contexts = contexts;
    this.#link = link;
  }

  /** @throws Failure `invalid` for a key that is none */
  static async open(bus: Bus, context: StoredContext, contexts: ContextStore): Promise<ContextApi> {
    const { serverKey, secret } = parseUserKey(context.key);
    const keys = bus.keysFromSecret(encodeBase64Url(secret), 'user');
    let api: ContextApi | undefined;
    let listed: Listed = [];
    const knock: Knock = async (client, _topics, options) => {
      const { servers, ...said } = await ask(client, 'cluster.servers', {}, options);
      listed = servers;
      return { ...said, stale: [], evicted: false };
    };
    const link = await ServerLink.open({
      ...{ bus, keys, knock, unknownKey: unknownUser, handler: answersNothing, clock: systemClock },
      node: keys.publicKey,
      servers: context.servers.map((server) => ({ ...server, key: serverKey })),
      onReady: (first) => {
        if (first) api?.learn();
      },
      onFeed() {},
      onFeedAgain() {},
      onState() {},
    });
    api = new ContextApi(context, contexts, link, () => listed);
    if (link.state === 'ready') api.learn();
    return api;
  }

  async call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    checkElsewhere(this.#context.name, method);
    return this.#named(() => this.#link.call(method, params, options), options?.deadlineMs);
  }

  async open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#named(() => this.#link.open(method, params, options), options?.deadlineMs);
  }

  /** Hears of the other servers, at most once; whatever comes of it. */
  learn(): void {
    this.#learning ??= this.#learn().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#learning !== undefined) await Promise.race([this.#learning, sleep(learnMs, undefined, { ref: false })]);
    await this.#link[Symbol.asyncDispose]();
    clearInterval(this.#awake);
  }

  /** Which cluster it was that could not be reached, is said. */
  async #named<T>(work: () => Promise<T>, deadlineMs = patienceMs): Promise<T> {
    try {
      await this.#connected(Math.min(patienceMs, deadlineMs));
      return await work();
    } catch (error) {
      if (!isFailure(error) || this.#link.state === 'ready') throw error;
      throw new Failure(error.code, `context ${this.#context.name}: ${clause(error.message)}`, { cause: error });
    }
  }

  /** @throws Failure `unavailable`, `denied` */
  async #connected(ms: number): Promise<void> {
    const end = systemClock.elapsed() + ms;
    while (this.#link.state === 'connecting' && systemClock.elapsed() < end)
      await this.#link.changed(end - systemClock.elapsed());
    if (this.#link.state === 'refused') throw new Failure('denied', this.#link.reason);
    if (this.#link.state !== 'ready') throw new Failure('unavailable', this.#link.reason);
  }

  async #learn(): Promise<void> {
    // By which id each is listed, it says itself.
    await Promise.all(this.#link.ready().map((route) => route.beat().catch(() => {})));
    const known = this.#link.routes.map(({ server, id }) => ({ ...server, ...(id === undefined ? {} : { id }) }));
    const servers = afterListing(known, this.#listed(), systemClock.now());
    const kept = servers.map(({ key: _, ...server }) => server);
    await this.#link.update(servers);
    // One that was removed meanwhile stays so.
    const now = await this.#contexts.read(this.#context.name);
    if (now === undefined || now.key !== this.#context.key || JSON.stringify(now.servers) === JSON.stringify(kept))
      return;
    await this.#contexts.write({ ...now, servers: kept });
  }
}

/** @throws Failure `invalid` for what only the agent of a host answers */
function checkElsewhere(context: string, method: string): void {
  if (!method.startsWith('agent.')) return;
  throw new Failure(
    'invalid',
    `you are on context ${context}, and this is about the host where it is called: run it on a host of the cluster`,
  );
}
