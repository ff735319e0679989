import { Failure, isFailure, toFailure } from '../../domain/domain.ts';
import type { Log, SteadyClock } from '../../platform/platform.ts';
import type { ByteStream, CallOptions, OpenOptions } from '../../protocol/protocol.ts';
import { type BusClient, type BusClientOptions, type LinkState, SessionLost } from '../bus.ts';
import { answeringFor, answersNothing } from './answering.ts';
import { Answers } from './answers.ts';
import { Conversation } from './conversation.ts';
import type { Dialer, Link } from './link.ts';
import { encodeJson, type Line, noPayload } from './wire.ts';
import { within } from './within.ts';

const defaultDeadlineMs = 10_000;
/** Requests that wait for their answers. */
const waitingLimit = 1000;
const pingMs = 5_000;
const silentMs = 15_000;
/** A session that held this long was a good one. Two processes with one key, which replace each other, slow down. */
const lastingMs = 10_000;
const backoff = { firstMs: 100, unavailableMs: 2_000, refusedMs: 5_000 } as const;

export interface ClientOptions extends Pick<BusClientOptions, 'server' | 'handler' | 'onState' | 'onFeed'> {
  readonly dialer: Dialer;
  readonly clock: SteadyClock;
  readonly log: Log;
  /** 0…1 */
  readonly random: () => number;
  readonly newId: () => string;
}

interface Session {
  readonly link: Link;
  /** The same, watched. */
  readonly line: Line;
  readonly conversation: Conversation;
}

/**
 * A client that is always on its way to a session. One session at a time; requests outlive sessions, streams do not.
 * While the server refuses, it tries on slowly and calls fail at once.
 */
export class Client implements BusClient {
  readonly #options: ClientOptions;
  readonly #answers: Answers;
  readonly #topics = new Set<string>();
  readonly #closing = new AbortController();
  #state: LinkState = 'connecting';
  #reason = '';
  #session: Session | undefined;
  #waiting = 0;
  /** Resolves at the next change of the state. */
  #change = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#answers = new Answers(() => options.clock.elapsed());
    this.#running = this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }

  async call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const payload = encodeJson(params);
    const id = options.id ?? this.#options.newId();
    const { clock } = this.#options;
    const expires = clock.elapsed() + (options.deadlineMs ?? defaultDeadlineMs);
    return this.#counted(async () => {
      for (;;) {
        const { conversation } = await this.#ready(expires);
        try {
          return await conversation.request(id, method, payload, expires - clock.elapsed());
        } catch (error) {
          // The answer may have been lost: asked again under its id, it is done once.
          if (!(error instanceof SessionLost)) throw error;
        }
      }
    });
  }

  async callOnce(method: string, params: unknown, { id, deadlineMs }: Required<CallOptions>): Promise<unknown> {
    const payload = encodeJson(params);
    const { clock, dialer } = this.#options;
    const expires = clock.elapsed() + deadlineMs;
    return this.#counted(async () => {
      const session = this.#session;
      if (session === undefined) throw new SessionLost('unavailable', `There is no connection to ${dialer.target}.`);
      if (session.link.syncing !== undefined)
        await within(clock, deadlineMs, session.link.syncing, () => this.#noSession());
      return await session.conversation.request(id, method, payload, expires - clock.elapsed());
    });
  }

  /** @throws Failure `overloaded` */
  async #counted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= waitingLimit) {
      throw new Failure('overloaded', `${waitingLimit} requests wait for ${this.#options.dialer.target}: try later.`);
    }
    this.#waiting += 1;
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
    }
  }

  async open(method: string, params: unknown, options: OpenOptions = {}): Promise<ByteStream> {
    const payload = encodeJson(params);
    const expires = this.#options.clock.elapsed() + (options.deadlineMs ?? defaultDeadlineMs);
    const { conversation } = await this.#ready(expires);
    return await conversation.open(method, payload, expires - this.#options.clock.elapsed());
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    this.#session?.link.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    this.#session?.link.unsubscribe(topic);
  }

  pushMetrics(data: unknown): void {
    this.#session?.line.send({ t: 'metrics' }, encodeJson(data));
  }

  beat(): void {
    this.#session?.line.send({ t: 'beat' }, noPayload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** The session, once there is one and all subscriptions hold: what is asked after `subscribe` misses nothing. */
  async #ready(expires: number): Promise<Session> {
    const { clock } = this.#options;
    for (;;) {
      const left = expires - clock.elapsed();
      const session = this.#session;
      if (session !== undefined && session.link.syncing === undefined) return session;
      if (this.#state === 'refused') throw new Failure('denied', this.#reason);
      if (this.#state === 'closed') throw new Failure('unavailable', this.#reason);
      await within(clock, left, session?.link.syncing ?? this.#change.promise, () => this.#noSession());
    }
  }

  #noSession(): Failure {
    return new Failure('unavailable', this.#reason || `There is no connection to ${this.#options.dialer.target} yet.`);
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let attempts = 0;
    while (!this.#closing.signal.aborted) {
      const began = clock.elapsed();
      const { failure, dialed } = await this.#once();
      if (this.#closing.signal.aborted) break;
      const took = clock.elapsed() - began;
      if (took > lastingMs) attempts = 0;
      const refused = failure.code === 'denied';
      this.#set(refused ? 'refused' : 'connecting', failure.message);
      const most = refused ? backoff.refusedMs : backoff.unavailableMs;
      const rest = Math.min(most, backoff.firstMs * 2 ** Math.min(attempts, 10));
      // An attempt that was waited for in vain was a rest already: whose network is back should not wait once more.
      await this.#sleep(dialed ? rest : Math.max(backoff.firstMs, rest - took));
      attempts += 1;
    }
    this.#set('closed', `The connection to ${this.#options.dialer.target} was closed on this side.`);
  }

  /** One session from the attempt to its end. @returns why it ended, and whether it ever began */
  async #once(): Promise<{ readonly failure: Failure; readonly dialed: boolean }> {
    const topics = new Set(this.#topics);
    let link: Link;
    try {
      link = await this.#options.dialer.dial(topics, this.#closing.signal);
    } catch (error) {
      if (!isFailure(error) && !this.#closing.signal.aborted) {
        this.#options.log.error('dialing failed in an unexpected way', { error });
      }
      return { failure: toFailure(error), dialed: false };
    }
    // What was asked for meanwhile.
    for (const topic of this.#topics) if (!topics.has(topic)) link.subscribe(topic);
    for (const topic of topics) if (!this.#topics.has(topic)) link.unsubscribe(topic);
    const { failure, conversation } = await this.#live(link);
    this.#session = undefined;
    // Before anybody hears that the session is lost: there is none to ask again over.
    this.#set('connecting', failure.message);
    conversation.close(failure.message);
    await link.close();
    return { failure, dialed: true };
  }

  async #live(link: Link): Promise<{ failure: Failure; conversation: Conversation }> {
    const { clock, dialer, server, handler, onFeed } = this.#options;
    const lost = Promise.withResolvers<Failure>();
    let [heard, sent] = [clock.elapsed(), clock.elapsed()];
    const line: Line = {
      send: (header, payload) => {
        sent = clock.elapsed();
        link.send(header, payload);
      },
    };
    const conversation = new Conversation({
      line,
      clock,
      side: 'client',
      other: dialer.target,
      answering: answeringFor({ kind: 'node', key: server.key }, handler ?? answersNothing, this.#answers, clock),
    });
    link.start({
      onMessage: (header, payload) => {
        heard = clock.elapsed();
        conversation.receive(header, payload);
      },
      onFeed: (message) => onFeed?.(message),
      onLost: lost.resolve,
    });
    this.#session = { link, line, conversation };
    this.#set('ready', '');
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#closing.signal]);
    const watched = this.#watch(conversation, signal, () => ({ heard, sent }));
    const failure = await Promise.race([lost.promise, watched]);
    over.abort();
    return { failure, conversation };
  }

  /** Keeps the session from being silent. @returns when the server is silent, or the signal aborts. */
  async #watch(
    conversation: Conversation,
    signal: AbortSignal,
    last: () => { readonly heard: number; readonly sent: number },
  ): Promise<Failure> {
    const { clock, dialer } = this.#options;
    const lately = (at: number) => clock.elapsed() - at < pingMs;
    for (;;) {
      await clock.sleep(pingMs, signal).catch(() => {});
      if (signal.aborted) return new Failure('unavailable', `The connection to ${dialer.target} was closed.`);
      this.#answers.sweep();
      const { heard, sent } = last();
      if (clock.elapsed() - heard > silentMs) {
        return new Failure('unavailable', `${dialer.target} has been silent for ${silentMs / 1000} s.`);
      }
      // A node's heartbeats and their answers do for both sides.
      if (!lately(heard) || !lately(sent)) conversation.ping();
    }
  }

  #set(state: LinkState, reason: string): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#options.log.debug('link', { server: this.#options.dialer.target, state, reason });
    this.#change.resolve();
    this.#change = Promise.withResolvers();
    this.#options.onState?.(state, reason);
  }

  /** With jitter, so that not all clients of a restarted server come at once. */
  async #sleep(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms * (0.75 + this.#options.random() / 2), this.#closing.signal).catch(() => {});
  }
}
