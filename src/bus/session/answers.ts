import { Failure } from '../../domain/domain.ts';

/** Per key. */
const limits = {
  running: 1024,
  kept: 1000,
  keptBytes: 1024 * 1024,
  /**
   * A larger answer is not kept: asked again, the request runs again. Only listings and snapshots are so large, and
   * they change nothing.
   */
  answerBytes: 64 * 1024,
  keptMs: 5 * 60_000,
} as const;

interface Entry {
  readonly answer: Promise<Uint8Array>;
  finishedAt: number | undefined;
  size: number;
}

interface OfKey {
  /** In the order in which they were asked. */
  readonly entries: Map<string, Entry>;
  running: number;
  keptBytes: number;
}

/**
 * What was answered to whom, so that a request that is asked again under its id (its answer was lost) is not done twice:
 * it gets the first one's answer, also while that is still being made.
 */
export class Answers {
  readonly #now: () => number;
  readonly #keys = new Map<string, OfKey>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @param kept false: asked again after it was answered, it may run again
   * @throws Failure('overloaded') when too many of the key's requests are running.
   */
  once(key: string, id: string, run: () => Promise<Uint8Array>, kept = true): Promise<Uint8Array> {
    const of = this.#keys.get(key) ?? { entries: new Map<string, Entry>(), running: 0, keptBytes: 0 };
    const known = of.entries.get(id);
    if (known !== undefined) return known.answer;
    if (of.running >= limits.running) {
      throw new Failure('overloaded', `More than ${limits.running} requests are running for you: wait for answers.`);
    }
    this.#keys.set(key, of);
    const entry: Entry = { answer: run(), finishedAt: undefined, size: 0 };
    of.entries.set(id, entry);
    of.running += 1;
    entry.answer.then(
      (bytes) => this.#finish(of, id, entry, bytes.length, kept),
      () => this.#finish(of, id, entry, 0, kept),
    );
    return entry.answer;
  }

  /** Forgets all that was answered to the key. */
  forget(key: string): void {
    this.#keys.delete(key);
  }

  /** Forgets what is old. To be called now and then. */
  sweep(): void {
    const oldest = this.#now() - limits.keptMs;
    for (const [key, of] of this.#keys) {
      for (const [id, entry] of of.entries) {
        if (entry.finishedAt !== undefined && entry.finishedAt < oldest) drop(of, id, entry);
      }
      if (of.entries.size === 0) this.#keys.delete(key);
    }
  }

  #finish(of: OfKey, id: string, entry: Entry, size: number, kept: boolean): void {
    entry.finishedAt = this.#now();
    entry.size = size;
    of.running -= 1;
    of.keptBytes += size;
    if (!kept || size > limits.answerBytes) drop(of, id, entry);
    for (const [oldId, old] of of.entries) {
      if (of.entries.size - of.running <= limits.kept && of.keptBytes <= limits.keptBytes) break;
      if (old.finishedAt !== undefined) drop(of, oldId, old);
    }
  }
}

function drop(of: OfKey, id: string, entry: Entry): void {
  of.entries.delete(id);
  of.keptBytes -= entry.size;
}
