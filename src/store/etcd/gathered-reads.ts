/**
 * Reads of single keys that are asked for in one turn, made as one call: a change looks at eight records before it writes, and what a call
 * costs is hardly the reading.
 */
import type { Entry } from '../store.ts';

/** Below etcd's own limit of operations in a transaction, 128 unless it is told otherwise. */
const mostAtOnce = 100;

/** @returns for each key, in order, what is there */
type Look = (keys: readonly string[]) => Promise<readonly (Entry | undefined)[]>;

export class GatheredReads {
  readonly #look: Look;
  #gathered: Map<string, PromiseWithResolvers<Entry | undefined>> | undefined;

  constructor(look: Look) {
    this.#look = look;
  }

  /** Not older than the question. @throws what the look throws */
  get(key: string): Promise<Entry | undefined> {
    if (this.#gathered === undefined) {
      this.#gathered = new Map();
      queueMicrotask(() => void this.#ask());
    }
    let asked = this.#gathered.get(key);
    if (asked === undefined) {
      asked = Promise.withResolvers();
      this.#gathered.set(key, asked);
      if (this.#gathered.size === mostAtOnce) void this.#ask();
    }
    return asked.promise;
  }

  async #ask(): Promise<void> {
    const asked = [...(this.#gathered ?? [])];
    this.#gathered = undefined;
    if (asked.length === 0) return;
    try {
      const found = await this.#look(asked.map(([key]) => key));
      for (const [index, [, { resolve }]] of asked.entries()) resolve(found[index]);
    } catch (error) {
      for (const [, { reject }] of asked) reject(error);
    }
  }
}
