/**
 * Keeps topics on disk, so that a restarted agent knows its networks and blocks, and names, before a server answers. The
 * small ones as they change; networks', which may be large, every few seconds.
 */
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
const saveLargeMs = 5000;

export class TopicMemory {
  readonly #options: TopicMemoryOptions;
  /** Topic → how long it may wait. */
  readonly #unsaved = new Map<string, number>();
  readonly #waiting = new Set<number>();

  constructor(options: TopicMemoryOptions) {
    this.#options = options;
  }

  /** What was known before the restart. */
  restore(): void {
    for (const snapshot of this.#options.topics.values()) this.#options.clone.restore(snapshot);
  }

  /** The topic has changed; many changes in a row are one write. */
  changed(topic: string): void {
    this.#saveAfter(saveMs, topic);
  }

  /** The same of one that may be large. */
  changedLarge(topic: string): void {
    this.#saveAfter(saveLargeMs, topic);
  }

  #saveAfter(ms: number, topic: string): void {
    this.#unsaved.set(topic, Math.min(ms, this.#unsaved.get(topic) ?? ms));
    if (this.#waiting.has(ms)) return;
    this.#waiting.add(ms);
    const saved = this.#options.clock.sleep(ms).then(() => {
      this.#waiting.delete(ms);
      return this.#save((each) => each <= ms);
    });
    saved.catch((error: unknown) => this.#options.log.debug('topics not saved yet', { error }));
  }

  /** The topic is followed no more. */
  async forget(topic: string): Promise<void> {
    this.#unsaved.delete(topic);
    await this.#options.topics.delete(topic);
  }

  /** Saves what has changed. What could not be saved is tried at the next call. */
  async save(): Promise<void> {
    await this.#save(() => true);
  }

  async #save(due: (ms: number) => boolean): Promise<void> {
    const { clone, topics, left } = this.#options;
    if (left()) return;
    for (const [topic, ms] of [...this.#unsaved]) {
      // Forgotten meanwhile, or saved by another call.
      if (!due(ms) || !this.#unsaved.delete(topic)) continue;
      const items = [...clone.items(topic)].map(([key, value]) => ({ key, value }));
      try {
        await topics.set(topic, { topic, revision: clone.revisions()[topic] ?? 0, items });
      } catch (error) {
        this.#unsaved.set(topic, ms);
        throw error;
      }
    }
  }
}
