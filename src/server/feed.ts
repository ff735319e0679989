/**
 * The server's side of the feed (see `protocol/feed.ts`): publishes what the store's watch tells, chained per topic, and
 * answers snapshots. All servers publish the same revisions, because they are the store's.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import { clusterTopic, type TopicChange, type TopicSnapshot } from '../protocol/protocol.ts';
import type { KeyRange, Store, StoreEvent } from '../store/store.ts';
import { Turns } from './change.ts';
import type { Follower } from './follow.ts';
import { allOf, ofNetwork } from './keys.ts';
import { changesOf, itemOf } from './topics.ts';

/** A delta younger than this may still be on its way: whoever lacks it has not lost it. Milliseconds. */
const onItsWayMs = 1000;

export interface FeedOptions {
  readonly store: Store;
  readonly clock: Clock;
  publish(message: FeedMessage): void;
}

export class Feed implements Follower {
  readonly #options: FeedOptions;
  /** What this server can chain to where it has published nothing yet. */
  #start = 0;
  #last = new Map<string, { readonly revision: number; readonly at: number }>();
  readonly #turns = new Turns();

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  begin(revision: number): void {
    this.#start = revision;
    this.#last = new Map();
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    const deltas = new Map<string, TopicChange[]>();
    for (const event of events) {
      const changes = changesOf(event);
      // Somewhere something is gone, and nobody knows where: every mirror takes a new snapshot.
      if (changes === undefined) {
        this.begin(revision);
        return;
      }
      for (const { topic, change } of changes) {
        const delta = deltas.get(topic);
        if (delta) delta.push(change);
        else deltas.set(topic, [change]);
      }
    }
    for (const [topic, changes] of deltas) this.#publish(topic, revision, changes);
  }

  /** Which of an agent's topics, with the revisions it has of them, need a new snapshot. */
  stale(topics: Readonly<Record<string, number>>): string[] {
    return Object.entries(topics).flatMap(([topic, revision]) => {
      const last = this.#last.get(topic) ?? { revision: this.#start, at: Number.NEGATIVE_INFINITY };
      const late = revision < last.revision && this.#options.clock.now() - last.at >= onItsWayMs;
      return late ? [topic] : [];
    });
  }

  /** One at a time: a large network's content is in memory once, however many ask. @throws Failure `invalid` */
  snapshot(topic: string): Promise<TopicSnapshot> {
    return this.#turns.take('snapshot', () => this.#snapshot(topic));
  }

  async #snapshot(topic: string): Promise<TopicSnapshot> {
    const ranges = rangesOf(topic);
    const revisions: number[] = [];
    const items: TopicSnapshot['items'][number][] = [];
    for (const range of ranges) {
      const { revision, entries } = await this.#options.store.range(range);
      revisions.push(revision);
      for (const entry of entries) {
        const item = itemOf(entry.key, entry.value);
        if (item?.topic === topic) items.push({ key: item.key, value: item.value });
      }
    }
    // The oldest: deltas that one of the ranges holds already are whole values, and change nothing when they come again.
    return { topic, revision: Math.min(...revisions), items };
  }

  #publish(topic: string, revision: number, changes: readonly TopicChange[]): void {
    const previous = this.#last.get(topic)?.revision ?? this.#start;
    this.#last.set(topic, { revision, at: this.#options.clock.now() });
    this.#options.publish({ topic, previous, revision, data: JSON.stringify(changes) });
  }
}

function rangesOf(topic: string): readonly KeyRange[] {
  const [kind, name] = topic.split('/', 2);
  if (topic === clusterTopic) return [allOf('networks'), allOf('nodes')];
  if (kind === 'network' && name) return [ofNetwork('endpoints', name)];
  if (kind === 'node' && name) return [allOf('workloads'), allOf('blocks'), allOf('reservations')];
  throw new Failure('invalid', `there is no topic ${JSON.stringify(topic.slice(0, 80))}`);
}
