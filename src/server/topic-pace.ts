/**
 * How often a topic is told of. A few words go at once; of what goes on and on, each waits a moment for those after it and they go together. When
 * a thousand nodes are lost at once, each of the others hears of it in some twenty messages a second instead of a thousand.
 */
import type { FeedMessage } from '../bus/bus.ts';
import { after, type Clock } from '../platform/platform.ts';

const paceMs = 50;
/** Messages that may go at once; one more for each `paceMs` in which nothing went. */
const burst = 10;
/** Characters that wait at most. */
const mostWaiting = 64 * 1024;

export interface TopicPaceOptions {
  readonly clock: Clock;
  send(message: FeedMessage): void;
}

/** A topic that was told of lately. */
interface Paced {
  /** Messages that may go at once. */
  left: number;
  readonly waiting: FeedMessage[];
}

export class TopicPace {
  readonly #options: TopicPaceOptions;
  readonly #topics = new Map<string, Paced>();

  constructor(options: TopicPaceOptions) {
    this.#options = options;
  }

  /** @param message follows on the last one of its topic */
  add(message: FeedMessage): void {
    const { topic } = message;
    const paced = this.#topics.get(topic) ?? { left: burst, waiting: [] };
    if (!this.#topics.has(topic)) this.#begin(topic, paced);
    if (paced.waiting.length === 0 && paced.left > 0) {
      paced.left -= 1;
      this.#options.send(message);
      return;
    }
    paced.waiting.push(message);
    if (paced.waiting.reduce((sum, { data }) => sum + data.length, 0) > mostWaiting) this.#sendWaiting(paced);
  }

  /** Nothing waits any more. */
  flush(): void {
    for (const paced of this.#topics.values()) this.#sendWaiting(paced);
  }

  #begin(topic: string, paced: Paced): void {
    this.#topics.set(topic, paced);
    const turn = () => {
      if (paced.waiting.length > 0) this.#sendWaiting(paced);
      else paced.left += 1;
      if (paced.left < burst) after(this.#options.clock, paceMs, turn);
      else this.#topics.delete(topic);
    };
    after(this.#options.clock, paceMs, turn);
  }

  #sendWaiting({ waiting }: Paced): void {
    const messages = waiting.splice(0);
    const [first] = messages;
    const last = messages.at(-1);
    if (first === undefined || last === undefined) return;
    this.#options.send(messages.length === 1 ? first : { ...last, previous: first.previous, data: joined(messages) });
  }
}

/** Each one's data is an array of changes that is not empty. In their order: the last word about a key is the last. */
const joined = (messages: readonly FeedMessage[]): string =>
  `[${messages.map(({ data }) => data.slice(1, -1)).join(',')}]`;
