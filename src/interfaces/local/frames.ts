/**
 * Frames of a stream on the local socket: `[u32 length][u8 type][payload]`, big-endian; `length` counts the payload
 * only. Types 0…3 are the channels of `protocol/api.ts`.
 */
import { Failure } from '../../domain/errors.ts';
import { headerSize } from './frame-bytes.ts';

export { encodeFrame, encodeJson, frameTypes } from './frame-bytes.ts';

/** Larger data is cut into several frames. */
export const framePayload = 64 * 1024;

/** A frame that claims to be larger is nobody's we know: room for an `open` with a long command. */
const payloadLimit = 1024 * 1024;

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** @returns undefined for an empty payload. @throws Failure `invalid` */
export function parseJson(payload: Buffer): unknown {
  if (payload.length === 0) return undefined;
  try {
    return JSON.parse(payload.toString());
  } catch (error) {
    throw new Failure('invalid', 'A frame on the local socket holds bad JSON.', { cause: error });
  }
}

/** Cuts what arrives into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Failure `invalid` when what arrives is no sequence of frames. */
  *push(data: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= headerSize) {
      const length = this.#rest.readUInt32BE(0);
      if (length > payloadLimit) {
        throw new Failure('invalid', `A frame of ${length} bytes on the local socket: the limit is ${payloadLimit}.`);
      }
      if (this.#rest.length < headerSize + length) return;
      const frame = { type: this.#rest.readUInt8(4), payload: this.#rest.subarray(headerSize, headerSize + length) };
      this.#rest = this.#rest.subarray(headerSize + length);
      yield frame;
    }
  }
}
