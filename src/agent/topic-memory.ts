/** Keeps the small topics on disk, so that a restarted agent knows its networks and blocks before a server answers. */
import type { Clock, Log } from '../platform/platform.ts';
import type { Clone } from './clone.ts';
import type { LocalState } from './local-state.ts';

export interface TopicMemoryOptions {
  readonly clone: Clone;
  readonly topics: LocalState['topics'];
  /** A host that has left keeps nothing, not even a place to keep it. */
  left(): boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const saveMs = 200;

export class TopicMemory {
  readonly #options: TopicMemoryOptions;
  readonly #unsaved = new Set<string>();
  #waiting = false;

  constructor(options: TopicMemoryOptions) {
    this.#options = options;
  }

  /** What was known before the restart. */
  restore(): void {
    for (const snapshot of this.#options.topics.values()) this.#options.clone.restore(snapshot);
  }

  /** The topic has changed; many changes in a row are one write. */
  changed(topic: string): void {
    this.#unsaved.add(topic);
    if (this.#waiting) return;
    this.#waiting = true;
    const saved = this.#options.clock.sleep(saveMs).then(() => {
      this.#waiting = false;
      return this.save();
    });
    saved.catch((error: unknown) => this.#options.log.debug('topics not saved yet', { error }));
  }

  /** Saves what has changed. What could not be saved is tried at the next call. */
  async save(): Promise<void> {
    const { clone, topics, left } = this.#options;
    if (left()) return;
    for (const topic of [...this.#unsaved]) {
      this.#unsaved.delete(topic);
      const items = [...clone.items(topic)].map(([key, value]) => ({ key, value }));
      try {
        await topics.set(topic, { topic, revision: clone.revisions()[topic] ?? 0, items });
      } catch (error) {
        this.#unsaved.add(topic);
        throw error;
      }
    }
  }
}
