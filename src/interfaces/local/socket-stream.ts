/** A ByteStream over a socket that speaks frames. Its back-pressure is the socket's own. */
import type { Duplex } from 'node:stream';
import { Failure, type FailureCode, failureCodes, toFailure } from '../../domain/errors.ts';
import type { ByteStream, Channel, StreamChunk } from '../../protocol/api.ts';
import { costOf, StreamInbox, streamWindow } from '../../protocol/inbox.ts';
import { encodeFrame, encodeJson, type Frame, FrameReader, framePayload, frameTypes, parseJson } from './frames.ts';

/** How long a reset may wait for the other side to read what was written before it. Milliseconds. */
const lingerMs = 1000;

/**
 * INVARIANTS
 *   - The socket is paused while `streamWindow` or more waits unread, so the other process feels it.
 *   - The socket is closed when both sides have ended, or after a reset; a close before that fails both sides.
 */
export class SocketStream implements ByteStream {
  readonly #socket: Duplex;
  readonly #inbox: StreamInbox;
  readonly #reader: FrameReader;
  /** Handshake frames go here until the stream has begun. */
  readonly #onHandshake: (frame: Frame, stream: SocketStream) => void;
  #unread = 0;
  #ended = false;
  #failure: Failure | undefined;

  /** @param onHandshake is given `open` and `opened` frames. */
  constructor(socket: Duplex, onHandshake: (frame: Frame, stream: SocketStream) => void) {
    this.#socket = socket;
    this.#onHandshake = onHandshake;
    this.#reader = new FrameReader();
    this.#inbox = new StreamInbox(
      (cost) => this.#release(cost),
      () => this.reset(new Failure('unavailable', 'The reader of the stream went away before its end.')),
    );
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('error', () => {}); // 'close' follows and tells.
    socket.on('close', () => this.#lost());
    // Sockets of an HTTP server stay half open when their other side is gone.
    socket.on('end', () => {
      this.#lost();
      socket.end();
    });
  }

  get result(): Promise<unknown> {
    return this.#inbox.result;
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    return this.#inbox[Symbol.asyncIterator]();
  }

  async send(channel: Channel, data: Uint8Array): Promise<void> {
    for (let start = 0; start === 0 || start < data.length; start += framePayload) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) throw new Failure('invalid', 'This side of the stream has ended: nothing can be sent any more.');
      const frame = encodeFrame(channel, data.subarray(start, start + framePayload));
      if (!this.#socket.write(frame)) await this.#drained();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(result?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.write(encodeJson(frameTypes.end, result));
    this.#closeIfOver();
  }

  reset(error: Error): void {
    const failure = toFailure(error);
    if (this.#over()) return;
    this.#fail(failure);
    this.#socket.end(encodeJson(frameTypes.reset, { code: failure.code, message: failure.message }));
    // Nobody reads any more; without this a paused socket would never see the other side's close.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  /** For the handshake. */
  handshake(type: number, value?: unknown): void {
    this.#socket.write(encodeJson(type, value));
  }

  #receive(data: Buffer): void {
    try {
      for (const frame of this.#reader.push(data)) this.#accept(frame);
    } catch (error) {
      this.reset(toFailure(error));
    }
  }

  #accept({ type, payload }: Frame): void {
    if (this.#failure !== undefined) return;
    if (type <= 3) {
      this.#inbox.push({ channel: type as Channel, data: payload });
      this.#unread += costOf(payload);
      if (this.#unread >= streamWindow) this.#socket.pause();
    } else if (type === frameTypes.end) {
      this.#inbox.finish(parseJson(payload));
      this.#closeIfOver();
    } else if (type === frameTypes.reset) {
      this.#fail(failureFrom(parseJson(payload)));
      this.#socket.end();
    } else if (type === frameTypes.open || type === frameTypes.opened) {
      this.#onHandshake({ type, payload }, this);
    } else {
      throw new Failure(
        'invalid',
        `A frame of unknown type ${type} on the local socket: are both sides the same version?`,
      );
    }
  }

  #release(cost: number): void {
    this.#unread -= cost;
    if (this.#unread < streamWindow) this.#socket.resume();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
      if (this.#socket.destroyed) done();
    });
  }

  #over(): boolean {
    return this.#failure !== undefined || (this.#ended && !this.#inbox.open);
  }

  #closeIfOver(): void {
    if (this.#over()) this.#socket.end();
  }

  #lost(): void {
    if (!this.#over()) this.#fail(new Failure('unavailable', 'the other side of the local socket went away'));
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.#inbox.fail(failure);
  }
}

/** A Failure as it travels, `{code, message}`; anything else becomes `internal`. */
export function failureFrom(value: unknown): Failure {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  const known = failureCodes.find((one): one is FailureCode => one === code);
  return new Failure(
    known ?? 'internal',
    typeof message === 'string' ? message : 'The answer on the local socket is not understood.',
  );
}
