/**
 * Frames of a stream on the local socket: `[u32 length][u8 type][payload]`, big-endian; `length` counts the payload
 * only. Types 0…3 are the channels of `protocol/api.ts`.
 */
import { Failure } from '../../domain/errors.ts';

export const frameTypes = {
  /** First from the client: JSON `{method, params, deadlineMs?}`. */
  open: 16,
  /** First from the server when the stream has begun; empty. */
  opened: 17,
  /** The sender's side is over: JSON result, or empty for none. */
  end: 18,
  /** Both sides are over: JSON `{code, message}`. */
  reset: 19,
} as const;

/** Larger data is cut into several frames. */
export const framePayload = 64 * 1024;

/** A frame that claims to be larger is nobody's we know: room for an `open` with a long command. */
const payloadLimit = 1024 * 1024;

const headerSize = 5;

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

export function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerSize + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.set(payload, headerSize);
  return frame;
}

export function encodeJson(type: number, value: unknown): Buffer {
  return encodeFrame(type, value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value)));
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
