import { compareKeys } from '../keys.ts';

/** A block is halved beyond this; 512 pointers move in well under a microsecond. */
const blockLimit = 512;

/** A sorted set of keys in blocks, so that adding one among many moves few. */
export class SortedKeys {
  /** None is empty; all keys of one are before all of the next. */
  readonly #blocks: string[][] = [];

  /** A key that is there already must not be added. */
  add(key: string): void {
    const index = Math.max(0, this.#blockOf(key));
    const block = this.#blocks[index];
    if (block === undefined) {
      this.#blocks.push([key]);
      return;
    }
    block.splice(firstNotBefore(block, key), 0, key);
    if (block.length > blockLimit) this.#blocks.splice(index + 1, 0, block.splice(blockLimit / 2));
  }

  delete(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) return;
    const at = firstNotBefore(block, key);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0) this.#blocks.splice(index, 1);
  }

  /** All keys from `start` on. The set must not change meanwhile. */
  *from(start: string): Generator<string, void, void> {
    let at: number | undefined;
    for (let index = Math.max(0, this.#blockOf(start)); index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index] ?? [];
      at = at === undefined ? firstNotBefore(block, start) : 0;
      for (; at < block.length; at += 1) yield block[at] as string;
    }
  }

  /** The last block that begins at or before `key`; -1 if there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#blocks[middle]?.[0] ?? '', key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function firstNotBefore(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(block[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
