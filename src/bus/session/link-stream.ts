import { Failure, toFailure } from '../../domain/domain.ts';
import type { ByteStream, Channel, StreamChunk } from '../../protocol/protocol.ts';
import { costOf, StreamInbox, streamWindow } from '../../protocol/protocol.ts';
import type { Mark, Pace } from './pace.ts';
import type { Header, Line } from './wire.ts';
import { decodeJson, encodeJson, noPayload } from './wire.ts';

/** Larger chunks are cut, so that other messages of the session get their turn. */
const pieceBytes = 64 * 1024;

export type StreamHeader = Extract<Header, { t: 'data' | 'credit' | 'end' | 'reset' }>;

/**
 * One side of a stream over a session. The writer may have `streamWindow` unread at the other side; `credit` gives back
 * what was read. The side that answered `open` closes the stream with its `end`: what the opener still sends is dropped
 * then, as input of a process that has exited.
 */
export class LinkStream implements ByteStream {
  readonly #id: string;
  readonly #side: 'opener' | 'answerer';
  readonly #line: Line;
  readonly #pace: Pace;
  readonly #onOver: () => void;
  readonly #inbox: StreamInbox;
  #state: 'open' | 'over' | 'failed' = 'open';
  #failure: Failure | undefined;
  #ended = false;
  /** Keeps what is sent in order while it waits for credit. */
  #tail: Promise<void> = Promise.resolve();
  #credit = streamWindow;
  readonly #mark: Mark = { at: 0 };
  #wake: () => void = () => {};
  /** Cost of what was received and not read yet; and of what was read and not given back yet. */
  #held = 0;
  #owed = 0;

  /** @param onOver is called once, when the stream needs no message any more. */
  constructor(id: string, side: 'opener' | 'answerer', line: Line, pace: Pace, onOver: () => void) {
    this.#id = id;
    this.#side = side;
    this.#line = line;
    this.#pace = pace;
    this.#onOver = onOver;
    this.#inbox = new StreamInbox(
      (cost) => this.#giveBack(cost),
      () => this.reset(new Failure('unavailable', 'The reader of the stream went away before its end.')),
    );
  }

  get result(): Promise<unknown> {
    return this.#inbox.result;
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    return this.#inbox[Symbol.asyncIterator]();
  }

  send(channel: Channel, data: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) {
      return Promise.reject(new Failure('invalid', 'This side of the stream has ended: nothing can be sent any more.'));
    }
    const sent = this.#tail.then(() => this.#write(channel, data));
    this.#tail = sent.catch(() => {});
    return sent;
  }

  end(result?: unknown): void {
    if (this.#ended) return;
    let payload: Uint8Array;
    try {
      payload = encodeJson(result);
    } catch (error) {
      this.reset(toFailure(error));
      return;
    }
    this.#ended = true;
    this.#tail = this.#tail.then(() => {
      if (this.#state !== 'open') return;
      this.#line.send({ t: 'end', id: this.#id }, payload);
      if (this.#side === 'answerer') this.#finish();
    });
  }

  reset(error: Error): void {
    const failure = toFailure(error);
    if (this.#state !== 'open') return;
    this.#line.send({ t: 'reset', id: this.#id, code: failure.code, message: failure.message }, noPayload);
    this.fail(failure);
  }

  /** Ends the stream here, without a word to the other side: it said so, or is gone. */
  fail(failure: Failure): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = failure;
    this.#ended = true;
    this.#inbox.fail(failure);
    this.#wake();
    this.#onOver();
  }

  receive(header: StreamHeader, payload: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (header.t === 'credit') {
      this.#credit += header.cost;
      this.#wake();
    } else if (header.t === 'data') {
      this.#held += costOf(payload);
      if (this.#held > 2 * streamWindow) {
        this.reset(new Failure('overloaded', 'The stream was ended: its writer did not wait for its reader.'));
      } else this.#inbox.push({ channel: header.channel, data: payload });
    } else if (header.t === 'reset') {
      this.fail(new Failure(header.code, header.message));
    } else {
      this.#inbox.finish(resultOf(payload));
      if (this.#side === 'opener') this.#finish();
    }
  }

  #finish(): void {
    this.#state = 'over';
    this.#inbox.finish(undefined);
    this.#wake();
    this.#onOver();
  }

  async #write(channel: Channel, data: Uint8Array): Promise<void> {
    let at = 0;
    do {
      while (this.#credit <= 0 && this.#state === 'open') {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      const piece = data.subarray(at, at + pieceBytes);
      await this.#pace.before(costOf(piece), this.#mark);
      if (this.#state === 'open') this.#line.send({ t: 'data', id: this.#id, channel }, piece);
      this.#pace.after();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#state !== 'open') return;
      this.#credit -= costOf(piece);
      at += pieceBytes;
    } while (at < data.length);
  }

  #giveBack(cost: number): void {
    this.#held -= cost;
    this.#owed += cost;
    if (this.#owed < streamWindow / 4 || this.#state !== 'open' || !this.#inbox.open) return;
    this.#line.send({ t: 'credit', id: this.#id, cost: this.#owed }, noPayload);
    this.#owed = 0;
  }
}

function resultOf(payload: Uint8Array): unknown {
  try {
    return decodeJson(payload);
  } catch {
    return undefined;
  }
}
