/** Streams in memory: a pair, and the joining of two. Loaded by every command: without schemas. */

import { Failure, toFailure } from '../domain/errors.ts';
import type { ByteStream, Channel, StreamChunk } from './api.ts';
import { costOf, StreamInbox, streamWindow } from './inbox.ts';

/** One end of a pair; `other` is set right after both exist. */
class PairEnd implements ByteStream {
  readonly inbox: StreamInbox;
  other: PairEnd = this;
  /** Cost of what waits unread at this end. */
  #unread = 0;
  #ended = false;
  #failure: Failure | undefined;
  #waiting: (() => void)[] = [];

  constructor() {
    this.inbox = new StreamInbox(
      (cost) => this.#release(cost),
      () => this.reset(new Failure('unavailable', 'The reader of the stream went away before its end.')),
    );
  }

  get result(): Promise<unknown> {
    return this.inbox.result;
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    return this.inbox[Symbol.asyncIterator]();
  }

  async send(channel: Channel, data: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) throw new Failure('invalid', 'This side of the stream has ended: nothing can be sent any more.');
    await this.other.#take({ channel, data });
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(result?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.other.inbox.finish(result);
  }

  reset(error: Error): void {
    const failure = toFailure(error);
    this.#fail(failure);
    this.other.#fail(failure);
  }

  async #take(chunk: StreamChunk): Promise<void> {
    this.#unread += costOf(chunk.data);
    this.inbox.push(chunk);
    while (this.#unread >= streamWindow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(cost: number): void {
    this.#unread -= cost;
    if (this.#unread < streamWindow) for (const wake of this.#waiting.splice(0)) wake();
  }

  #fail(failure: Failure): void {
    if (this.#ended && !this.inbox.open) return;
    this.#failure ??= failure;
    this.#ended = true;
    this.inbox.fail(failure);
    this.#release(this.#unread);
  }
}

/**
 * A stream within the process: what is sent at one end is read at the other. The two directions end separately: after
 * `end` one can still read. Data is not copied: do not write to it after `send`.
 */
export function streamPair(): [ByteStream, ByteStream] {
  const one = new PairEnd();
  const two = new PairEnd();
  one.other = two;
  two.other = one;
  return [one, two];
}

/**
 * Joins two streams: what is read from one is sent to the other, with back-pressure; an end with its result, or a reset with
 * its Failure, goes on to the other. Resolves when both directions are over; never rejects.
 */
export async function relay(a: ByteStream, b: ByteStream): Promise<void> {
  await Promise.all([pipe(a, b), pipe(b, a)]);
}

async function pipe(from: ByteStream, to: ByteStream): Promise<void> {
  try {
    for await (const { channel, data } of from) {
      // The reason has to reach `from` before leaving the loop does.
      await to.send(channel, data).catch((error) => {
        from.reset(toFailure(error));
        throw error;
      });
    }
    to.end(await from.result);
  } catch (error) {
    const failure = toFailure(error);
    to.reset(failure);
    from.reset(failure);
  }
}

/** The same stream, with another end. */
export function withResult(stream: ByteStream, result: Promise<unknown>): ByteStream {
  // Whoever reads the stream hears of a failure; somebody who has gone does not.
  result.catch(() => {});
  return {
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
    send: (channel, data) => stream.send(channel, data),
    end: (own) => stream.end(own),
    reset: (error) => stream.reset(error),
    result,
  };
}
