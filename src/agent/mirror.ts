/**
 * One topic of the feed as this agent knows it. Deltas chain by revision; whatever does not fit asks for a snapshot
 * (see `protocol/feed.ts`). Costs of a delta: its own changes, never the topic's size.
 */
import type { FeedMessage } from '../bus/bus.ts';
import type { TopicChange, TopicSnapshot, TopicValue } from '../protocol/protocol.ts';

export type DeltaOutcome = 'applied' | 'seen' | 'gap';

export interface Change {
  readonly key: string;
  readonly value: TopicValue | undefined;
  readonly previous: TopicValue | undefined;
}

export class TopicMirror {
  readonly topic: string;
  readonly items = new Map<string, TopicValue>();
  /** Undefined until the first snapshot. */
  #revision: number | undefined;

  constructor(topic: string) {
    this.topic = topic;
  }

  get revision(): number | undefined {
    return this.#revision;
  }

  /** @returns what changed; on a gap nothing has. */
  applyDelta(message: FeedMessage): { readonly outcome: DeltaOutcome; readonly changes: readonly Change[] } {
    if (this.#revision === undefined || message.previous > this.#revision) return { outcome: 'gap', changes: [] };
    if (message.revision <= this.#revision) return { outcome: 'seen', changes: [] };
    const changes = (JSON.parse(message.data) as TopicChange[]).map((change) =>
      this.#write(change.key, change.value ?? undefined),
    );
    this.#revision = message.revision;
    return { outcome: 'applied', changes };
  }

  /** It holds as of that revision as well: a server has said so of what it is now. */
  confirm(revision: number): void {
    if (this.#revision !== undefined && revision > this.#revision) this.#revision = revision;
  }

  /**
   * Replaces everything; of a store that not all nodes have told yet what they have, nothing goes by its absence.
   * @returns what differs from before.
   */
  applySnapshot(snapshot: TopicSnapshot): readonly Change[] {
    const changes: Change[] = [];
    const keys = new Set(snapshot.items.map((item) => item.key));
    for (const key of snapshot.settled === false ? [] : [...this.items.keys()]) {
      if (!keys.has(key)) changes.push(this.#write(key, undefined));
    }
    for (const { key, value } of snapshot.items) {
      if (JSON.stringify(this.items.get(key)) !== JSON.stringify(value)) changes.push(this.#write(key, value));
    }
    this.#revision = snapshot.revision;
    return changes;
  }

  #write(key: string, value: TopicValue | undefined): Change {
    const previous = this.items.get(key);
    if (value === undefined) this.items.delete(key);
    else this.items.set(key, value);
    return { key, value, previous };
  }
}
