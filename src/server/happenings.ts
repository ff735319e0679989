/**
 * What happens in the cluster, the newest of it, told to whoever asks for it (`cluster.events`). What nodes tell, they tell every
 * server; the rest each server reads from the store. In memory: no more than so many events, and for each reader its place among them.
 */
import type { SteadyClock } from '../platform/platform.ts';
import {
  type ByteStream,
  type ClusterEvent,
  channels,
  type ParsedStreamParams,
  streamPair,
} from '../protocol/protocol.ts';
import type { Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, splitKey } from './keys.ts';
import { type Known, whatChanged } from './store-events.ts';

const kept = 2000;
/** Characters of a message, of other words; and how many of these an event may have besides. */
const longest = { message: 500, word: 200, attributes: 12 } as const;
/** Bytes that are told at once. */
const batch = 32 * 1024;

export interface HappeningsOptions {
  readonly store: Pick<Store, 'range'>;
  readonly clock: SteadyClock;
  readonly signal: AbortSignal;
}

type Asked = ParsedStreamParams<'cluster.events'>;

export class Happenings implements Follower {
  readonly #options: HappeningsOptions;
  #events: ClusterEvent[] = [];
  /** How many came before the first of those. */
  #gone = 0;
  #ids = new Set<string>();
  #known: Known = new Map();
  readonly #readers = new Set<() => void>();

  constructor(options: HappeningsOptions) {
    this.#options = options;
  }

  // -- what the store says

  async load(): Promise<number> {
    const [nodes, networks] = await Promise.all([
      this.#options.store.range(allOf('nodes')),
      this.#options.store.range(allOf('networks')),
    ]);
    this.#known = new Map([...nodes.entries, ...networks.entries].map(({ key, value }) => [key, JSON.parse(value)]));
    return Math.min(nodes.revision, networks.revision);
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    const time = this.#options.clock.now();
    for (const event of events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      const place = splitKey(key);
      if (place === undefined) continue;
      const value: unknown = event.type === 'put' ? JSON.parse(event.entry.value) : undefined;
      const said = whatChanged(place.collection, this.#known, key, value);
      if (said !== undefined) this.add({ ...said, id: `${revision}/${key}`, time });
    }
  }

  // -- what nodes say

  /** One that was told already is passed over. */
  add(event: ClusterEvent): void {
    const cut = cutShort(event);
    if (this.#ids.has(cut.id)) return;
    this.#ids.add(cut.id);
    this.#events.push(cut);
    if (this.#events.length >= 1.25 * kept) this.#forgetOld();
    for (const wake of this.#readers) wake();
  }

  #forgetOld(): void {
    const old = this.#events.splice(0, this.#events.length - kept);
    this.#gone += old.length;
    for (const { id } of old) this.#ids.delete(id);
  }

  // -- who listens

  open(asked: Asked): ByteStream {
    const [near, far] = streamPair();
    void this.#serve(near, asked);
    return far;
  }

  async #serve(near: ByteStream, { since, until, follow }: Asked): Promise<void> {
    const { signal, clock } = this.#options;
    const over = new AbortController();
    const leave = () => over.abort();
    near.result.then(leave, leave);
    signal.addEventListener('abort', leave, { once: true });
    const ends = until ?? Number.POSITIVE_INFINITY;
    let next = since === undefined ? this.#gone + this.#events.length : 0;
    try {
      while (!over.signal.aborted) {
        const { text, upTo } = this.#after(next, since ?? 0, ends);
        next = upTo;
        if (text !== '') await near.send(channels.stdout, Buffer.from(text));
        else if (!follow || clock.now() >= ends) break;
        else await this.#another(next, ends, over.signal);
      }
    } catch {
      // The reader has gone.
    } finally {
      signal.removeEventListener('abort', leave);
      near.end({});
    }
  }

  /** Lines of JSON from the place on, as many as are told at once. */
  #after(place: number, since: number, until: number): { readonly text: string; readonly upTo: number } {
    let text = '';
    let at = Math.max(place, this.#gone);
    if (place > 0 && at > place) text += lineOf(missed(at - place, this.#options.clock.now()));
    for (; at < this.#gone + this.#events.length && text.length < batch; at += 1) {
      const event = this.#events[at - this.#gone];
      if (event !== undefined && event.time >= since && event.time < until) text += lineOf(event);
    }
    return { text, upTo: at };
  }

  /** Resolves when there is one more, or the time or the reader is over. */
  async #another(place: number, until: number, signal: AbortSignal): Promise<void> {
    if (this.#gone + this.#events.length > place) return;
    const timer = new AbortController();
    const ended = AbortSignal.any([signal, timer.signal]);
    const woken = Promise.withResolvers<void>();
    this.#readers.add(woken.resolve);
    const left = Math.min(until - this.#options.clock.now(), longestSleepMs);
    await Promise.race([woken.promise, this.#options.clock.sleep(left, ended).catch(() => {})]);
    this.#readers.delete(woken.resolve);
    timer.abort();
  }
}

/** A timer of Node's holds 24 days. */
const longestSleepMs = 24 * 3_600_000;

const lineOf = (event: ClusterEvent): string => `${JSON.stringify(event)}\n`;

const missed = (count: number, time: number): ClusterEvent => ({
  ...{ id: `missed/${time}`, time, type: 'trouble', action: 'missed', name: 'events', attributes: {} },
  message: `${count} events came faster than they were read, and are not told`,
});

function cutShort({ id, time, type, action, name, node, message, attributes }: ClusterEvent): ClusterEvent {
  const word = (text: string) => text.slice(0, longest.word);
  return {
    ...{ id: word(id), time, type: word(type), action: word(action), name: word(name) },
    ...(node === undefined ? {} : { node }),
    message: message.slice(0, longest.message),
    attributes: Object.fromEntries(
      Object.entries(attributes)
        .slice(0, longest.attributes)
        .map(([key, value]) => [word(key), word(value)]),
    ),
  };
}
