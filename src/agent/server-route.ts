/** One server of several: how this host reaches it, and whether it is any good at this moment. */
import type { BusClient } from '../bus/bus.ts';
import type { SteadyClock } from '../platform/platform.ts';
import { ask, type Params, type Result } from '../protocol/protocol.ts';
import type { KnownServer } from './identity.ts';

/** How long a heartbeat's answer is waited for. */
const answerMs = 5000;
/**
 * A server that owes one for longer is asked for nothing else, if there is another: three times as long as its answers took lately, within
 * these limits. All servers may be slow at once, because of what they have to do; to leave each of them for the next makes more of it.
 */
const late = { leastMs: 800, mostMs: 4000, times: 3 } as const;
/** What the newest answer counts for in how long they take. */
const newest = 1 / 4;

export type Heard = Result<'node.heartbeat'>;

/** Asks a server whether it is there and able. @throws Failure */
export type Knock = (
  client: BusClient,
  word: HeartbeatWord,
  options: { readonly deadlineMs: number },
) => Promise<Heard>;

export type HeartbeatWord = Params<'node.heartbeat'>;

/** As nodes do. */
const heartbeat: Knock = (client, word, options) => ask(client, 'node.heartbeat', word, options);

export class ServerRoute {
  readonly server: KnownServer;
  readonly client: BusClient;
  readonly #clock: Pick<SteadyClock, 'elapsed' | 'sleep'>;
  /** By which it is listed, once it has said. */
  id: string | undefined;
  /** It has said whether it is listed. */
  known = false;
  /** Its store answers it. */
  able = true;
  /** It has said that it hears beats without an answer. */
  hearsBeats = false;
  /** It has said that it waits for as long as it is told to. */
  #waits = false;
  /** Until when it has been told that nothing will be said, by `elapsed`. */
  #restsUntil = Number.NEGATIVE_INFINITY;
  /** Why there is no connection. */
  reason = '';
  /** When it was asked what it has not answered, by `elapsed`. */
  #owesSince: number | undefined;
  /** When its feed was heard last. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** It owes what it should long have answered. */
  #foundSilent = false;
  /** How long its answers to heartbeats take. */
  #answersMs = 0;
  #beating: Promise<Heard> | undefined;

  readonly #knock: Knock;

  constructor(
    server: KnownServer,
    client: BusClient,
    clock: Pick<SteadyClock, 'elapsed' | 'sleep'>,
    knock: Knock = heartbeat,
  ) {
    this.#knock = knock;
    this.server = server;
    this.client = client;
    this.#clock = clock;
    this.id = server.id;
  }

  get ready(): boolean {
    return this.client.state === 'ready';
  }

  /** It is connected and says nothing: paused, or cut off. */
  get silent(): boolean {
    if (this.#owesSince === undefined) return false;
    return this.#foundSilent || this.#clock.elapsed() - this.#owesSince > this.#lateMs;
  }

  get #lateMs(): number {
    return Math.min(Math.max(late.leastMs, late.times * this.#answersMs), late.mostMs);
  }

  /** It should be able to answer. */
  get good(): boolean {
    return this.ready && this.able && !this.silent;
  }

  /** It waits for as long as it is told to. */
  get waits(): boolean {
    return this.#waits;
  }

  /** For how long it expects nothing yet, as it was told. Milliseconds. */
  get restMs(): number {
    return Math.max(0, this.#restsUntil - this.#clock.elapsed());
  }

  /** One at a time: whoever asks while one is under way hears of that. @throws Failure */
  beat(word: HeartbeatWord = { topics: {} }): Promise<Heard> {
    this.#beating ??= this.#beat(word).finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  get beating(): boolean {
    return this.#beating !== undefined;
  }

  /** The connection's state has changed: what it owed is owed no more. */
  onState(reason: string): void {
    this.reason = reason;
    // It may be another release's now.
    this.hearsBeats = false;
    this.#waits = false;
    this.#restsUntil = Number.NEGATIVE_INFINITY;
    this.heard();
  }

  /** Its feed is heard. */
  told(): void {
    this.#toldAt = this.#clock.elapsed();
  }

  /** How long ago its feed was heard last. Milliseconds. */
  get toldMs(): number {
    return this.#clock.elapsed() - this.#toldAt;
  }

  /** It has answered something. */
  heard(): void {
    this.#owesSince = undefined;
    this.#foundSilent = false;
  }

  /** Resolves when it has said that it is there, or has been found silent: after half the time in which it is late. */
  async probe(): Promise<void> {
    const timer = new AbortController();
    // Who looks at the clock as well may find that a timer came a fraction of a millisecond early.
    const answered = this.beat().then(
      () => true,
      () => true,
    );
    const given = this.#clock.sleep(this.#lateMs / 2, timer.signal).then(
      () => false,
      () => false,
    );
    const silent = !(await Promise.race([answered, given]));
    timer.abort();
    if (silent && this.#owesSince !== undefined) this.#foundSilent = true;
  }

  async #beat(word: HeartbeatWord): Promise<Heard> {
    const asked = this.#clock.elapsed();
    this.#owesSince ??= asked;
    const heard = await this.#knock(this.client, word, { deadlineMs: answerMs });
    this.#answersMs += newest * (this.#clock.elapsed() - asked - this.#answersMs);
    this.heard();
    this.known = true;
    this.id = heard.server ?? this.id;
    // One of before says nothing of it.
    this.able = heard.able ?? true;
    this.hearsBeats = heard.beats ?? false;
    this.#waits = heard.waits ?? false;
    if (this.#waits && word.nextMs !== undefined) this.#restsUntil = asked + word.nextMs;
    return heard;
  }
}
