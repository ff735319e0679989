/**
 * A map of records that survives kill -9: one file per record, so that a change costs one file however many there are.
 * The map answers from memory; a resolved write is on disk.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Failure } from '../domain/domain.ts';
import { privateDirectory, readAll, removeDurably, writeDurably } from '../platform/platform.ts';

export class DurableMap<T> {
  readonly #directory: string;
  readonly #values: Map<string, T>;
  /** Writes of one key in order; keys do not wait for one another. */
  readonly #writing = new Map<string, Promise<void>>();

  private constructor(directory: string, values: Map<string, T>) {
    this.#directory = directory;
    this.#values = values;
  }

  /** @param damaged is told of files that cannot be read as JSON; they are left where they are. */
  static async open<T>(directory: string, damaged: (file: string) => void): Promise<DurableMap<T>> {
    await privateDirectory(directory);
    const values = new Map<string, T>();
    for (const [name, text] of await readAll(directory)) {
      try {
        values.set(decodeURIComponent(name.replace(/\.json$/, '')), JSON.parse(text) as T);
      } catch {
        damaged(join(directory, name));
      }
    }
    return new DurableMap(directory, values);
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  values(): IterableIterator<T> {
    return this.#values.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#values.entries();
  }

  /** @throws Failure('exhausted') when the disk is full; the map is then as before. */
  async set(key: string, value: T): Promise<void> {
    const previous = this.#values.get(key);
    this.#values.set(key, value);
    try {
      await this.#inOrder(key, () => writeDurably(this.#file(key), JSON.stringify(value)));
    } catch (cause) {
      // Unless it has been changed or deleted meanwhile.
      if (this.#values.get(key) === value) {
        if (previous === undefined) this.#values.delete(key);
        else this.#values.set(key, previous);
      }
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === 'ENOSPC' || code === 'EDQUOT') {
        throw new Failure(
          'exhausted',
          `the disk that holds ${this.#directory} is full: free some space and try again`,
          { cause },
        );
      }
      throw cause;
    }
  }

  async delete(key: string): Promise<void> {
    if (!this.#values.delete(key)) return;
    await this.#inOrder(key, () => removeDurably(this.#file(key)));
  }

  /** Resolves when what is being written at the call is on disk, or is not to be, and who waited for it has gone on. */
  async written(): Promise<void> {
    await Promise.allSettled(this.#writing.values());
    await setImmediate();
  }

  async #inOrder(key: string, write: () => Promise<void>): Promise<void> {
    const before = this.#writing.get(key) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(write);
    this.#writing.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#writing.get(key) === mine) this.#writing.delete(key);
    }
  }

  /** Keys may hold anything; `.` alone or leading would hide or climb. */
  #file(key: string): string {
    return join(this.#directory, `${encodeURIComponent(key).replaceAll('.', '%2E')}.json`);
  }
}
