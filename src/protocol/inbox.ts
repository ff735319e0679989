/** The receiving half that every kind of stream is built on. */

import type { Failure } from '../domain/errors.ts';
import { channels, type StreamChunk } from './api.ts';

/** Bytes that wait unread on one side before its writer has to wait. */
export const streamWindow = 256 * 1024;

/** Bytes, and chunks, that are read at once at most. */
const together = 64 * 1024;
const mostTogether = 256;

/** What a chunk counts beyond its bytes, so that empty ones are bounded too. */
const chunkCost = 64;

/** Size of a chunk as windows count it. */
export const costOf = (data: Uint8Array): number => data.length + chunkCost;

/**
 * The receiving half of a stream: chunks wait here until they are read. The first of `finish` and `fail` counts. What was
 * received before `finish` is still read; `fail` discards. Iterate once; leaving the iteration early is `onAbandon`.
 */
export class StreamInbox implements AsyncIterable<StreamChunk> {
  readonly result: Promise<unknown>;
  readonly #settle: PromiseWithResolvers<unknown> = Promise.withResolvers();
  readonly #onRead: (cost: number) => void;
  readonly #onAbandon: () => void;
  #chunks: StreamChunk[] = [];
  #state: 'open' | 'finished' | 'failed' = 'open';
  #failure: Failure | undefined;
  #wake: () => void = () => {};

  /** @param onRead is told the cost of each chunk once its reader comes back for the next. */
  constructor(onRead: (cost: number) => void, onAbandon: () => void) {
    this.#onRead = onRead;
    this.#onAbandon = onAbandon;
    this.result = this.#settle.promise;
    // Nobody has to look at the result; a reader that iterates hears of the failure there.
    this.result.catch(() => {});
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  push(chunk: StreamChunk): void {
    if (this.#state !== 'open') return;
    this.#chunks.push(chunk);
    this.#wake();
  }

  finish(value: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'finished';
    this.#wake();
    this.#settle.resolve(value);
  }

  fail(failure: Failure): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = failure;
    this.#chunks = [];
    this.#wake();
    this.#settle.reject(failure);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    let complete = false;
    try {
      for (;;) {
        const next = this.#next();
        if (next !== undefined) {
          yield next.chunk;
          this.#onRead(next.cost);
        } else if (this.#state === 'open') {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        } else {
          complete = true;
          if (this.#failure !== undefined) throw this.#failure;
          return;
        }
      }
    } finally {
      if (!complete) {
        this.#chunks = [];
        this.#onAbandon();
      }
    }
  }

  /** Bytes that waited together are read together: a slow reader has fewer chunks to handle, and so has all behind it. */
  #next(): { readonly chunk: StreamChunk; readonly cost: number } | undefined {
    const [first] = this.#chunks;
    if (first === undefined) return undefined;
    let [count, size] = [1, first.data.length];
    for (const { channel, data } of first.channel === channels.control ? [] : this.#chunks.slice(1, mostTogether)) {
      if (channel !== first.channel || size + data.length > together) break;
      count += 1;
      size += data.length;
    }
    const taken = this.#chunks.splice(0, count);
    if (count === 1) return { chunk: first, cost: costOf(first.data) };
    const data = Buffer.concat(taken.map((chunk) => chunk.data));
    return { chunk: { channel: first.channel, data }, cost: size + count * chunkCost };
  }
}
