/**
 * The server's side of the feed (see `protocol/feed.ts`): publishes what the store's watch tells, chained per topic, and
 * answers snapshots. All servers publish the same revisions, because they are the store's.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { type Clock, type Counter, Metrics } from '../platform/platform.ts';
import { clusterTopic, type Result, type TopicChange } from '../protocol/protocol.ts';
import type { Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { RecentDeltas } from './recent-deltas.ts';
import { type Life, TopicContents } from './topic-contents.ts';
import { TopicPace } from './topic-pace.ts';
import { changesOf } from './topics.ts';

/** A delta younger than this may still be on its way: whoever lacks it has not lost it. Milliseconds. */
const onItsWayMs = 1000;

export interface FeedOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly metrics?: Metrics;
  /** Default: the first, and settled. */
  life?(topic: string): Life;
  publish(message: FeedMessage): void;
}

export class Feed implements Follower {
  readonly #options: FeedOptions;
  /** What this server can chain to where it has published nothing yet. */
  #start = 0;
  #last = new Map<string, { readonly revision: number; readonly at: number }>();
  /** Up to which it has seen everything; undefined while it is still being told of the past. */
  #seen: number | undefined;
  readonly #life: (topic: string) => Life;
  readonly #recent = new RecentDeltas();
  readonly #contents: TopicContents;
  readonly #pace: TopicPace;
  readonly #published: Counter;
  readonly #snapshots: Counter;

  constructor(options: FeedOptions) {
    this.#options = options;
    const { store, clock, life = () => ({ epoch: 0, settled: true }), metrics = new Metrics() } = options;
    this.#life = life;
    this.#contents = new TopicContents({
      store,
      clock,
      life,
      changedAt: (topic, upTo) => this.#changedAt(topic, upTo),
    });
    this.#pace = new TopicPace({ clock, send: (message) => this.#send(message) });
    this.#published = metrics.counter('trama_feed_messages_total', 'Messages told in the feed.').of({});
    this.#snapshots = metrics.counter('trama_feed_snapshots_total', 'Snapshots of topics given.').of({});
  }

  begin(revision: number): void {
    this.#seen = revision;
    this.#chainFrom(revision);
  }

  since(revision: number): void {
    this.begin(revision);
    this.#seen = undefined;
  }

  /** What others published: mirrors that have it are not behind, and what comes next fits to it. */
  past(revision: number, events: readonly StoreEvent[]): void {
    for (const [topic, changes] of this.#deltas(revision, events))
      this.#chain(topic, revision, changes, Number.NEGATIVE_INFINITY);
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    for (const [topic, changes] of this.#deltas(revision, events)) this.#publish(topic, revision, changes);
    this.#seen = revision;
  }

  #deltas(revision: number, events: readonly StoreEvent[]): ReadonlyMap<string, readonly TopicChange[]> {
    const deltas = new Map<string, TopicChange[]>();
    for (const event of events) {
      const changes = changesOf(event);
      // Somewhere something is gone, and nobody knows where: every mirror takes a new snapshot.
      if (changes === undefined) {
        this.#chainFrom(revision);
        return new Map();
      }
      for (const { topic, change } of changes) {
        const delta = deltas.get(topic);
        if (delta) delta.push(change);
        else deltas.set(topic, [change]);
      }
    }
    return deltas;
  }

  /**
   * Which of an agent's topics, with the revisions it has of them, need a new snapshot. When none lacks anything, `current` is the
   * revision as of which they all hold: they are as good as if they had been told of it.
   */
  compare(topics: Readonly<Record<string, number>>): { stale: string[]; current?: number } {
    const behind = Object.entries(topics).flatMap(([topic, revision]) => {
      const last = this.#last.get(topic) ?? { revision: this.#start, at: Number.NEGATIVE_INFINITY };
      return revision < last.revision ? [{ topic, at: last.at }] : [];
    });
    const now = this.#options.clock.now();
    const stale = behind.filter(({ at }) => now - at >= onItsWayMs).map(({ topic }) => topic);
    return { stale, ...(behind.length > 0 || this.#seen === undefined ? {} : { current: this.#seen }) };
  }

  /** @throws Failure `invalid` */
  snapshot(topic: string): Promise<Result<'feed.snapshot'>> {
    this.#snapshots.add();
    return this.#contents.of(topic);
  }

  /**
   * What somebody who is at this revision of a topic has missed of the deltas that this server knows; undefined when it cannot be told any
   * more: a snapshot can.
   */
  missed(topic: string, revision: number): readonly FeedMessage[] | undefined {
    const last = this.#changedAt(topic, 0);
    if (last === undefined) return undefined;
    return revision >= last ? [] : this.#recent.after(topic, revision);
  }

  #changedAt(topic: string, upTo: number): number | undefined {
    if (this.#seen === undefined || this.#seen < upTo) return undefined;
    return this.#last.get(topic)?.revision ?? this.#start;
  }

  #publish(topic: string, revision: number, changes: readonly TopicChange[]): void {
    this.#pace.add(this.#chain(topic, revision, changes, this.#options.clock.now()));
  }

  #send(message: FeedMessage): void {
    this.#published.add();
    this.#options.publish(message);
  }

  /** Whoever has less than this takes a snapshot; so does who has heard of another life of the cluster: no deltas lead into this one. */
  #chainFrom(revision: number): void {
    this.#pace.flush();
    this.#start = Math.max(revision, this.#life(clusterTopic).epoch ?? 0);
    this.#last = new Map();
    this.#recent.clear();
  }

  #chain(topic: string, revision: number, changes: readonly TopicChange[], at: number): FeedMessage {
    const previous = this.#last.get(topic)?.revision ?? this.#start;
    this.#last.set(topic, { revision, at });
    const message = { topic, previous, revision, data: JSON.stringify(changes) };
    this.#recent.add(message);
    return message;
  }
}
