/** What the feed has told lately, for whoever has missed some of it: a few deltas instead of a whole network. */
import type { FeedMessage } from '../bus/bus.ts';

/** How much is kept, of all topics together: some seconds of a busy cluster, all day of a quiet one. */
const limits = { count: 5000, characters: 4 * 1024 * 1024 } as const;

export class RecentDeltas {
  /** The oldest first. */
  readonly #all = new Set<FeedMessage>();
  readonly #topics = new Map<string, FeedMessage[]>();
  #characters = 0;

  /** @param message follows on the last one of its topic */
  add(message: FeedMessage): void {
    const its = this.#topics.get(message.topic);
    if (its === undefined) this.#topics.set(message.topic, [message]);
    else its.push(message);
    this.#all.add(message);
    this.#characters += message.data.length;
    for (const oldest of this.#all) {
      if (this.#all.size <= limits.count && this.#characters <= limits.characters) return;
      this.#drop(oldest);
    }
  }

  /** All of a topic that came after this revision; undefined when not all of them are there any more. */
  after(topic: string, revision: number): readonly FeedMessage[] | undefined {
    const its = this.#topics.get(topic) ?? [];
    const first = its.findIndex((message) => message.revision > revision);
    if (first === -1 || (its[first]?.previous ?? 0) > revision) return undefined;
    return its.slice(first);
  }

  clear(): void {
    this.#all.clear();
    this.#topics.clear();
    this.#characters = 0;
  }

  #drop(oldest: FeedMessage): void {
    this.#all.delete(oldest);
    this.#characters -= oldest.data.length;
    const its = this.#topics.get(oldest.topic);
    its?.shift();
    if (its?.length === 0) this.#topics.delete(oldest.topic);
  }
}
