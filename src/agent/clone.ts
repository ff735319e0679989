/**
 * The agent's clone of the parts of the store that concern it: which topics it follows, their mirrors, and how they
 * catch up. Level, not edge: a lost message delays until the next one or the next heartbeat tells, and never corrupts.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { Failure, isFailure } from '../domain/domain.ts';
import { type Clock, type Log, systemClock } from '../platform/platform.ts';
import type { TopicSnapshot, TopicValue } from '../protocol/protocol.ts';
import { refuseOlder } from './epochs.ts';
import { type Change, TopicMirror } from './mirror.ts';

export interface CloneOptions {
  /** Asks a server. */
  snapshot(topic: string): Promise<TopicSnapshot>;
  /** Asks a server for what it has told of the topic after the revision. @returns undefined when a snapshot has to be asked for */
  missed(topic: string, since: number): Promise<readonly Omit<FeedMessage, 'topic'>[] | undefined>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** After every change; `fresh` when it comes from a server and not from this host's own disk. */
  onChanges(topic: string, changes: readonly Change[], fresh: boolean): void;
  /** Told of each delta and each snapshot. */
  count?(what: 'applied' | 'seen' | 'gap' | 'snapshot' | 'mended'): void;
  readonly log: Log;
  readonly clock?: Clock;
}

interface Followed {
  readonly mirror: TopicMirror;
  /** A snapshot from a server has been seen since the start. */
  fresh: boolean;
  readonly known: PromiseWithResolvers<void>;
  /** Messages that came while a snapshot is on its way; undefined when none is. */
  waiting: FeedMessage[] | undefined;
  /** Snapshots asked for since the start; which of them was the last to come, and which must come at least. */
  asked: number;
  told: number;
  wanted: number;
}

/** More than this while a snapshot is on its way, and another snapshot is cheaper. */
const waitingLimit = 1000;
const retryMs = 1000;
const renewalPollMs = 20;

export class Clone {
  readonly #options: CloneOptions;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Followed>();
  readonly #stop = new AbortController();
  #heardAt: number | undefined;

  constructor(options: CloneOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  follow(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.set(topic, {
      mirror: new TopicMirror(topic),
      fresh: false,
      known: Promise.withResolvers(),
      waiting: undefined,
      asked: 0,
      told: 0,
      wanted: 0,
    });
    this.#options.subscribe(topic);
    this.refresh([topic]);
  }

  unfollow(topic: string): void {
    this.#topics.get(topic)?.known.resolve();
    if (!this.#topics.delete(topic)) return;
    this.#options.unsubscribe(topic);
  }

  /** What was known before the restart, from this host's disk; a later snapshot replaces it. */
  restore(snapshot: TopicSnapshot): void {
    const followed = this.#topics.get(snapshot.topic);
    if (followed === undefined || followed.fresh) return;
    this.#tell(snapshot.topic, followed.mirror.applySnapshot(snapshot), false);
  }

  isFresh(topic: string): boolean {
    return this.#topics.get(topic)?.fresh ?? false;
  }

  /** Resolves when a server has told of the topic, when nobody wants to hear of it, or after so many milliseconds. */
  async untilFresh(topic: string, ms: number): Promise<void> {
    const followed = this.#topics.get(topic);
    if (followed === undefined || followed.fresh) return;
    const timer = new AbortController();
    const late = this.#clock.sleep(ms, AbortSignal.any([timer.signal, this.#stop.signal])).catch(() => {});
    await Promise.race([followed.known.promise, late]);
    timer.abort();
  }

  /** Resolves with a snapshot of the topic that was asked for after this call. @throws Failure `unavailable` when none comes */
  async renewed(topic: string, ms: number): Promise<void> {
    const followed = this.#topics.get(topic);
    if (followed === undefined) return;
    this.refresh([topic]);
    const { wanted } = followed;
    const late = new AbortController();
    void this.#clock.sleep(ms, this.#stop.signal).then(
      () => late.abort(),
      () => late.abort(),
    );
    while (followed.told < wanted) {
      if (late.signal.aborted) throw new Failure('unavailable', `no server has told anew of ${topic}`);
      await this.#clock.sleep(renewalPollMs);
    }
  }

  items(topic: string): ReadonlyMap<string, TopicValue> {
    return this.#topics.get(topic)?.mirror.items ?? new Map();
  }

  /** For the heartbeat. A topic without a snapshot counts as revision -1: always stale. */
  revisions(): Record<string, number> {
    const entries = [...this.#topics].map(
      ([topic, followed]) => [topic, followed.fresh ? (followed.mirror.revision ?? -1) : -1] as const,
    );
    return Object.fromEntries(entries);
  }

  /**
   * A server has compared these revisions and says that they lack nothing up to a later one. What has changed meanwhile is left as it is.
   * A server that starts knows of the recent past only: what has not changed for long would be strange to it otherwise.
   */
  confirm(compared: Readonly<Record<string, number>>, current: number): void {
    for (const [topic, revision] of Object.entries(compared)) {
      const followed = this.#topics.get(topic);
      if (followed?.fresh && followed.mirror.revision === revision) followed.mirror.confirm(current);
    }
  }

  /** How far the feed has been heard. `heardAt`: ms since 1970, undefined before the first time. */
  progress() {
    const all = [...this.#topics.values()];
    return {
      topics: all.length,
      /** Topics of which a server has told more, or everything anew, that is on its way. */
      behind: all.filter(({ fresh, waiting }) => !fresh || waiting !== undefined).length,
      revision: all.reduce((newest, { mirror }) => Math.max(newest, mirror.revision ?? 0), 0),
      heardAt: this.#heardAt,
    };
  }

  /** A server has said something, if only that nothing is missed. */
  serverSpoke(): void {
    this.#heardAt = this.#clock.now();
  }

  /** The newest revision that any topic is known at; 0 before there is one. */
  heard(): number {
    return Math.max(0, ...[...this.#topics.values()].map(({ mirror }) => mirror.revision ?? 0));
  }

  onMessage(message: FeedMessage): void {
    this.serverSpoke();
    const followed = this.#topics.get(message.topic);
    if (followed === undefined) return;
    if (followed.waiting !== undefined) {
      followed.waiting.push(message);
      if (followed.waiting.length > waitingLimit) followed.waiting.shift();
      return;
    }
    const { outcome, changes } = followed.mirror.applyDelta(message);
    this.#options.count?.(outcome);
    if (outcome === 'gap') void this.#catchUp(message.topic, followed, [message]);
    else if (changes.length > 0) this.#tell(message.topic, changes, true);
  }

  /**
   * A heartbeat was told that there is more of them. Where something is on its way that may be what it brings: if not, the next one is
   * told again. Else a server that is slow with many snapshots is asked for each of them twice.
   */
  lacking(topics: Iterable<string>): void {
    for (const topic of topics) {
      const followed = this.#topics.get(topic);
      if (followed !== undefined && followed.waiting === undefined) void this.#catchUp(topic, followed, []);
    }
  }

  /** Takes new snapshots, asked for after this call: of these topics, or of all after a reconnection. */
  refresh(topics: Iterable<string> = this.#topics.keys()): void {
    for (const topic of [...topics]) {
      const followed = this.#topics.get(topic);
      if (followed === undefined) continue;
      // One that is under way may be of before.
      followed.wanted = followed.asked + 1;
      if (followed.waiting === undefined) void this.#catchUp(topic, followed);
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#topics.clear();
  }

  /** What cannot be taken in must end neither the feed, on which all topics come, nor the catching up. */
  #tell(topic: string, changes: readonly Change[], fresh: boolean): void {
    try {
      this.#options.onChanges(topic, changes, fresh);
    } catch (error) {
      this.#options.log.error('changes that the servers told of could not be taken in', { topic, error });
    }
  }

  /**
   * @param missing what cannot be taken in since something before it is missing, if anything: then that alone is asked for, if it can be had.
   * Absent: a snapshot is
   */
  async #catchUp(topic: string, followed: Followed, missing?: FeedMessage[]): Promise<void> {
    followed.waiting = missing ?? [];
    const current = () => !this.#stop.signal.aborted && this.#topics.get(topic) === followed;
    const mended = missing !== undefined && (await this.#mend(topic, followed, current));
    while (!mended && current()) {
      followed.asked += 1;
      const number = followed.asked;
      try {
        const snapshot = await this.#options.snapshot(topic);
        if (!current()) return;
        this.serverSpoke();
        refuseOlder(snapshot, followed.mirror.revision);
        this.#options.count?.('snapshot');
        followed.fresh = true;
        this.#tell(topic, followed.mirror.applySnapshot(snapshot), true);
        followed.told = number;
        followed.known.resolve();
        break;
      } catch (error) {
        const level = isFailure(error, 'conflict') ? 'warn' : 'debug';
        this.#options.log[level]('no snapshot yet', { topic, error });
        await this.#clock.sleep(retryMs, this.#stop.signal).catch(() => {});
      }
    }
    const messages = followed.waiting;
    followed.waiting = undefined;
    // One of them may show a gap: then the next snapshot has been asked for already.
    for (const message of messages) this.onMessage(message);
    if (followed.waiting === undefined && followed.told < followed.wanted && current())
      void this.#catchUp(topic, followed);
  }

  /** Takes in what was missed. @returns whether nothing is missing before what waits */
  async #mend(topic: string, followed: Followed, current: () => boolean): Promise<boolean> {
    const { mirror } = followed;
    if (!followed.fresh || mirror.revision === undefined) return false;
    const deltas = await this.#missed(topic, mirror, current);
    if (deltas === undefined || !current()) return false;
    this.serverSpoke();
    for (const delta of deltas) {
      const { outcome, changes } = mirror.applyDelta({ topic, ...delta });
      if (outcome === 'gap') return false;
      this.#options.count?.(outcome);
      if (changes.length > 0) this.#tell(topic, changes, true);
    }
    this.#options.count?.('mended');
    // The server that answered may know less than the one that told.
    return (followed.waiting?.[0]?.previous ?? 0) <= mirror.revision;
  }

  /** Asked again while nobody has the time to answer: to tell everything takes more of it. @returns undefined when a snapshot has to be asked for */
  async #missed(topic: string, { revision }: TopicMirror, current: () => boolean) {
    while (revision !== undefined && current()) {
      try {
        return await this.#options.missed(topic, revision);
      } catch (error) {
        this.#options.log.debug('what was missed is not told', { topic, error });
        if (!isFailure(error, 'deadline') && !isFailure(error, 'unavailable')) return undefined;
        await this.#clock.sleep(retryMs, this.#stop.signal).catch(() => {});
      }
    }
    return undefined;
  }
}
