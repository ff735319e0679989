/**
 * The agent's clone of the parts of the store that concern it: which topics it follows, their mirrors, and how they
 * catch up. Level, not edge: a lost message delays until the next one or the next heartbeat tells, and never corrupts.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { type Clock, type Log, systemClock } from '../platform/platform.ts';
import type { TopicSnapshot, TopicValue } from '../protocol/protocol.ts';
import { type Change, TopicMirror } from './mirror.ts';

export interface CloneOptions {
  /** Asks a server. */
  snapshot(topic: string): Promise<TopicSnapshot>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** After every change; `fresh` when it comes from a server and not from this host's own disk. */
  onChanges(topic: string, changes: readonly Change[], fresh: boolean): void;
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
  again: boolean;
}

/** More than this while a snapshot is on its way, and another snapshot is cheaper. */
const waitingLimit = 1000;
const retryMs = 1000;

export class Clone {
  readonly #options: CloneOptions;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Followed>();
  readonly #stop = new AbortController();

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
      again: false,
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

  onMessage(message: FeedMessage): void {
    const followed = this.#topics.get(message.topic);
    if (followed === undefined) return;
    if (followed.waiting !== undefined) {
      followed.waiting.push(message);
      if (followed.waiting.length > waitingLimit) followed.waiting.shift();
      return;
    }
    const { outcome, changes } = followed.mirror.applyDelta(message);
    if (outcome === 'gap') this.refresh([message.topic]);
    else if (changes.length > 0) this.#tell(message.topic, changes, true);
  }

  /** Takes new snapshots: of topics that a heartbeat called stale, or of all after a reconnection. */
  refresh(topics: Iterable<string> = this.#topics.keys()): void {
    for (const topic of [...topics]) {
      const followed = this.#topics.get(topic);
      if (followed === undefined) continue;
      if (followed.waiting !== undefined) followed.again = true;
      else void this.#catchUp(topic, followed);
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

  async #catchUp(topic: string, followed: Followed): Promise<void> {
    followed.waiting = [];
    followed.again = false;
    const current = () => !this.#stop.signal.aborted && this.#topics.get(topic) === followed;
    while (current()) {
      try {
        const snapshot = await this.#options.snapshot(topic);
        if (!current()) return;
        followed.fresh = true;
        this.#tell(topic, followed.mirror.applySnapshot(snapshot), true);
        followed.known.resolve();
        break;
      } catch (error) {
        this.#options.log.debug('no snapshot yet', { topic, error });
        await this.#clock.sleep(retryMs, this.#stop.signal).catch(() => {});
      }
    }
    const messages = followed.waiting;
    followed.waiting = undefined;
    for (const message of messages) this.onMessage(message);
    if (followed.again) this.refresh([topic]);
  }
}
