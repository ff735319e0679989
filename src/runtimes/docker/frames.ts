/**
 * Docker's multiplexed stream of a container without a terminal: frames of one byte stream type (1 stdout, 2 stderr, 3 an
 * error of the engine), three zero bytes, a big-endian 32-bit length, and the payload. See "Attach to a container" in the
 * Engine API documentation.
 */
import { Failure } from '../../domain/domain.ts';
import { type Channel, channels, type StreamChunk } from '../../protocol/protocol.ts';

const headerLength = 8;
const stdin = 0;
const stdout = 1;
const stderr = 2;
const engineError = 3;

/** What a stream of the engine's is read by: pieces go in as they come, chunks come out. */
export interface Reading {
  /** @throws Failure when the engine reports an error, or the bytes are no such stream. */
  push(data: Buffer): readonly StreamChunk[];
  /** What was kept back, at the stream's end. */
  finish(): readonly StreamChunk[];
}

/**
 * Frames of one channel that follow each other come out as one chunk: a log is a frame for each line. Nothing is kept but a
 * header.
 */
export class Demultiplexer implements Reading {
  readonly #header = Buffer.alloc(headerLength);
  #headerFilled = 0;
  #remaining = 0;
  #channel: Channel | 'error' = channels.stdout;

  push(data: Buffer): readonly StreamChunk[] {
    // In place: what comes out is shorter than what went in.
    const joined = new Joined(data);
    for (let at = 0; at < data.length; ) {
      if (this.#remaining === 0) {
        at += this.#readHeader(data, at);
        continue;
      }
      const end = Math.min(data.length, at + this.#remaining);
      if (this.#channel === 'error') throw brokenOff(data.subarray(at, end));
      joined.add(this.#channel, data, at, end);
      this.#remaining -= end - at;
      at = end;
    }
    return joined.chunks();
  }

  finish(): readonly StreamChunk[] {
    return [];
  }

  /** @returns bytes taken */
  #readHeader(data: Buffer, at: number): number {
    const count = Math.min(headerLength - this.#headerFilled, data.length - at);
    data.copy(this.#header, this.#headerFilled, at, at + count);
    this.#headerFilled += count;
    if (this.#headerFilled === headerLength) {
      this.#headerFilled = 0;
      ({ channel: this.#channel, length: this.#remaining } = readHeader(this.#header, 0));
    }
    return count;
  }
}

/** @throws Failure for a type of stream that there is not. */
function readHeader(data: Buffer, at: number): { readonly channel: Channel | 'error'; readonly length: number } {
  const type = data.readUInt8(at);
  const length = data.readUInt32BE(at + 4);
  if (type === stdin || type === stdout) return { channel: channels.stdout, length };
  if (type === stderr) return { channel: channels.stderr, length };
  if (type === engineError) return { channel: 'error', length };
  throw new Failure('internal', 'Docker sent a stream of an unknown format.');
}

const brokenOff = (text: Buffer): Failure =>
  new Failure('internal', `Docker broke off the stream: ${text.toString().trim()}`);

/** Larger than any message that an engine keeps in a log: of those it makes parts of 16 KiB. */
const frameLimit = 1024 * 1024;

/** Whole frames, each by itself. At most one is kept back. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Failure as `Demultiplexer`, and for a frame beyond 1 MiB. */
  *push(data: Buffer): Generator<{ readonly channel: Channel; readonly data: Buffer }> {
    const all = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (all.length - at >= headerLength) {
      const { channel, length } = readHeader(all, at);
      if (length > frameLimit) throw new Failure('internal', `Docker sent a message of ${length} bytes in a log.`);
      const from = at + headerLength;
      if (all.length - from < length) break;
      const payload = all.subarray(from, from + length);
      if (channel === 'error') throw brokenOff(payload);
      at = from + length;
      yield { channel, data: payload };
    }
    this.#rest = all.subarray(at);
  }
}

/** Bytes put together while they are of one channel. */
export class Joined {
  readonly #buffer: Buffer;
  readonly #chunks: StreamChunk[] = [];
  #from = 0;
  #to = 0;
  #channel: Channel | undefined;

  /** @param buffer room for all of them */
  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  add(channel: Channel, data: Buffer, from: number, to: number): void {
    if (channel !== this.#channel) this.#cut();
    this.#channel = channel;
    this.#to += data.copy(this.#buffer, this.#to, from, to);
  }

  /** Comes after all that was added so far. */
  append(chunk: StreamChunk): void {
    this.#cut();
    this.#chunks.push(chunk);
  }

  get size(): number {
    return this.#to;
  }

  chunks(): readonly StreamChunk[] {
    this.#cut();
    return this.#chunks;
  }

  #cut(): void {
    if (this.#channel !== undefined && this.#to > this.#from) {
      this.#chunks.push({ channel: this.#channel, data: this.#buffer.subarray(this.#from, this.#to) });
    }
    this.#from = this.#to;
    this.#channel = undefined;
  }
}

/** What comes out of a terminal is one stream. */
export const unframed: Reading = {
  push: (data) => [{ channel: channels.stdout, data }],
  finish: () => [],
};
