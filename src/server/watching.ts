/**
 * What has changed in the cluster, told to whoever watches it (`cluster.watch`). Of each watcher no more is kept than which topics
 * it has not been told of yet, however slowly it reads.
 */
import type { SteadyClock } from '../platform/platform.ts';
import {
  type ByteStream,
  type ClusterChange,
  channels,
  streamPair,
  type WatchTopic,
  watchTopics,
} from '../protocol/protocol.ts';
import type { StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { type Collection, splitKey } from './keys.ts';

/** What comes within this is told at once. Milliseconds. */
const gatherMs = 50;
/** Silence is no event: whether somebody has become silent is looked at, in memory, as often as this while somebody watches. */
const lookMs = 1000;

/** Which lists show a record. */
const shownIn: { readonly [C in Collection]?: readonly WatchTopic[] } = {
  nodes: ['nodes', 'containers'],
  networks: ['networks'],
  blocks: ['networks'],
  endpoints: ['networks', 'containers'],
  workloads: ['containers'],
  statuses: ['containers'],
};

export interface WatchingOptions {
  readonly cluster: string;
  readonly clock: SteadyClock;
  /** What a person sees of the nodes' states, as one text. */
  states(): string;
  readonly signal: AbortSignal;
}

interface Watcher {
  readonly pending: Set<WatchTopic>;
  wake(): void;
}

export class Watching implements Follower {
  readonly #options: WatchingOptions;
  readonly #watchers = new Set<Watcher>();
  #looking = false;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  /** Something may have been missed. */
  begin(): void {
    this.tell(watchTopics);
  }

  events(_revision: number, events: readonly StoreEvent[]): void {
    if (this.#watchers.size === 0) return;
    for (const event of events) {
      const place = splitKey(event.type === 'put' ? event.entry.key : event.key);
      if (place !== undefined) this.tell(shownIn[place.collection] ?? []);
    }
  }

  tell(topics: readonly WatchTopic[]): void {
    if (topics.length === 0) return;
    for (const watcher of this.#watchers) {
      for (const topic of topics) watcher.pending.add(topic);
      watcher.wake();
    }
  }

  open(): ByteStream {
    const [near, far] = streamPair();
    void this.#serve(near);
    void this.#look();
    return far;
  }

  async #serve(near: ByteStream): Promise<void> {
    const { cluster, clock, signal } = this.#options;
    const watcher = { pending: new Set<WatchTopic>(watchTopics), wake: () => {} };
    this.#watchers.add(watcher);
    let open = true;
    const over = () => {
      open = false;
      watcher.wake();
    };
    near.result.then(over, over);
    signal.addEventListener('abort', over, { once: true });
    try {
      while (open) {
        if (watcher.pending.size === 0) {
          await new Promise<void>((resolve) => {
            watcher.wake = resolve;
          });
          await clock.sleep(gatherMs, signal);
          continue;
        }
        const change: ClusterChange = { cluster, changed: [...watcher.pending] };
        watcher.pending.clear();
        await near.send(channels.stdout, Buffer.from(`${JSON.stringify(change)}\n`));
      }
    } catch {
      // The reader has gone, or the server stops.
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', over);
      near.end({});
    }
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      let states = this.#options.states();
      while (this.#watchers.size > 0) {
        await this.#options.clock.sleep(lookMs, this.#options.signal);
        const now = this.#options.states();
        if (now !== states) this.tell(['nodes', 'containers']);
        states = now;
      }
    } catch {
      // The server stops.
    } finally {
      this.#looking = false;
    }
  }
}
