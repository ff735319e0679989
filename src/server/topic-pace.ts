/**
 * How often a topic is told of. What comes alone goes at once; what comes right after it waits a moment and goes together. When a thousand nodes
 * are lost at once, each of the others hears of it in some twenty messages instead of a thousand.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { after, type Clock } from '../platform/platform.ts';

const paceMs = 50;
/** Characters that wait at most. */
const mostWaiting = 64 * 1024;

export interface TopicPaceOptions {
  readonly clock: Clock;
  send(message: FeedMessage): void;
}

export class TopicPace {
  readonly #options: TopicPaceOptions;
  /** Of topics that were told of a moment ago. */
  readonly #waiting = new Map<string, FeedMessage[]>();

  constructor(options: TopicPaceOptions) {
    this.#options = options;
  }

  /** @param message follows on the last one of its topic */
  add(message: FeedMessage): void {
    const waiting = this.#waiting.get(message.topic);
    if (waiting === undefined) {
      this.#rest(message.topic);
      this.#options.send(message);
      return;
    }
    waiting.push(message);
    if (waiting.reduce((sum, { data }) => sum + data.length, 0) > mostWaiting) this.#send(waiting.splice(0));
  }

  /** Nothing waits any more. */
  flush(): void {
    for (const waiting of this.#waiting.values()) this.#send(waiting.splice(0));
  }

  #rest(topic: string): void {
    this.#waiting.set(topic, []);
    after(this.#options.clock, paceMs, () => {
      const waiting = this.#waiting.get(topic) ?? [];
      this.#waiting.delete(topic);
      if (waiting.length > 0) this.#rest(topic);
      this.#send(waiting);
    });
  }

  #send(messages: readonly FeedMessage[]): void {
    const [first] = messages;
    const last = messages.at(-1);
    if (first === undefined || last === undefined) return;
    this.#options.send(messages.length === 1 ? first : { ...last, previous: first.previous, data: joined(messages) });
  }
}

/** Each one's data is an array of changes that is not empty. In their order: the last word about a key is the last. */
const joined = (messages: readonly FeedMessage[]): string =>
  `[${messages.map(({ data }) => data.slice(1, -1)).join(',')}]`;
