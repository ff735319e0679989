/**
 * A map of records that survives kill -9: one file per record, so that a change costs one file however many there are.
 * The map answers from memory; a resolved write is on disk.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Failure } from '../domain/domain.ts';
import { privateDirectory, readAll, removeDurably, writeDurably } from '../platform/platform.ts';

/** What the disk has of a key, for all who write it at once. */
interface OnDisk<T> {
  value: T | undefined;
}

interface Writing<T> {
  readonly onDisk: OnDisk<T>;
  readonly done: Promise<void>;
}

export class DurableMap<T> {
  readonly #directory: string;
  readonly #values: Map<string, T>;
  /** The last write of each key that is written: in order; keys do not wait for one another. */
  readonly #writing = new Map<string, Writing<T>>();

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

  /** @throws Failure('exhausted') when the disk is full; the map is then as before, unless it was changed meanwhile. */
  async set(key: string, value: T): Promise<void> {
    const onDisk = this.#onDisk(key);
    this.#values.set(key, value);
    try {
      await this.#inOrder(key, onDisk, async () => {
        await writeDurably(this.#file(key), JSON.stringify(value));
        onDisk.value = value;
      });
    } catch (cause) {
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
    const onDisk = this.#onDisk(key);
    if (!this.#values.delete(key)) return;
    await this.#inOrder(key, onDisk, () => {
      // Whatever comes of it: what is to go does not come back.
      onDisk.value = undefined;
      return removeDurably(this.#file(key));
    });
  }

  /** Resolves when what is being written at the call is on disk, or is not to be, and who waited for it has gone on. */
  async written(): Promise<void> {
    await Promise.allSettled([...this.#writing.values()].map(({ done }) => done));
    await setImmediate();
  }

  /** Before the map is changed. */
  #onDisk(key: string): OnDisk<T> {
    return this.#writing.get(key)?.onDisk ?? { value: this.#values.get(key) };
  }

  async #inOrder(key: string, onDisk: OnDisk<T>, write: () => Promise<void>): Promise<void> {
    const before = this.#writing.get(key)?.done ?? Promise.resolve();
    const mine = { onDisk, done: before.catch(() => {}).then(write) };
    this.#writing.set(key, mine);
    const isLast = () => this.#writing.get(key) === mine;
    try {
      await mine.done;
    } catch (error) {
      if (isLast()) {
        if (onDisk.value === undefined) this.#values.delete(key);
        else this.#values.set(key, onDisk.value);
      }
      throw error;
    } finally {
      if (isLast()) this.#writing.delete(key);
    }
  }

  /** Keys may hold anything; `.` alone or leading would hide or climb. */
  #file(key: string): string {
    return join(this.#directory, `${encodeURIComponent(key).replaceAll('.', '%2E')}.json`);
  }
}
