/**
 * Docker's multiplexed stream of a container without a terminal: frames of one byte stream type (1 stdout, 2 stderr, 3 an
 * error of the engine), three zero bytes, a big-endian 32-bit length, and the payload. See "Attach to a container" in the
 * Engine API documentation.
 */
import { Failure } from '../../domain/domain.ts';
import { channels, type StreamChunk } from '../../protocol/protocol.ts';

const headerLength = 8;
const stdin = 0;
const stdout = 1;
const stderr = 2;
const engineError = 3;

/** Payloads are handed on as they come: nothing but a header is ever kept. */
export class Demultiplexer {
  readonly #header = Buffer.alloc(headerLength);
  #headerFilled = 0;
  #remaining = 0;
  #type = stdout;

  /** @throws Failure when the engine reports an error or the bytes are no such stream. */
  *push(data: Buffer): Generator<StreamChunk> {
    let rest = data;
    while (rest.length > 0) {
      if (this.#remaining === 0) {
        rest = this.#readHeader(rest);
        continue;
      }
      const payload = rest.subarray(0, this.#remaining);
      rest = rest.subarray(payload.length);
      this.#remaining -= payload.length;
      yield this.#chunk(payload);
    }
  }

  #readHeader(data: Buffer): Buffer {
    const part = data.subarray(0, headerLength - this.#headerFilled);
    part.copy(this.#header, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled === headerLength) {
      this.#headerFilled = 0;
      this.#type = this.#header.readUInt8(0);
      this.#remaining = this.#header.readUInt32BE(4);
      if (this.#type > engineError) throw new Failure('internal', 'Docker sent a stream of an unknown format.');
    }
    return data.subarray(part.length);
  }

  #chunk(data: Buffer): StreamChunk {
    switch (this.#type) {
      case engineError:
        throw new Failure('internal', `Docker broke off the stream: ${data.toString().trim()}`);
      case stderr:
        return { channel: channels.stderr, data };
      case stdin:
      case stdout:
        return { channel: channels.stdout, data };
      default:
        throw new Failure('internal', 'Docker sent a stream of an unknown format.');
    }
  }
}

/** What comes out of a terminal is one stream. */
export function* unframed(data: Buffer): Generator<StreamChunk> {
  yield { channel: channels.stdout, data };
}
