/**
 * Seals: proof that a message comes from the session that it names. ZeroMQ does not say which key sent a message, so
 * each carries its session, a counter that only grows, and an HMAC under a key that only the two ends of the session know.
 *
 * Layout: 'S', session (16 bytes), counter (8, big endian), the first 16 bytes of
 * HMAC-SHA256(key, session ‖ counter ‖ length of header (4) ‖ header ‖ payload).
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

export const sessionBytes = 16;
const macBytes = 16;
const macAt = 1 + sessionBytes + 8;
const mark = 'S'.charCodeAt(0);

export class Sealer {
  readonly #session: Buffer;
  readonly #key: KeyObject;
  #counter = 0n;

  constructor(session: Buffer, key: Uint8Array) {
    this.#session = session;
    this.#key = createSecretKey(key);
  }

  seal(header: Uint8Array, payload: Uint8Array): Buffer {
    this.#counter += 1n;
    const seal = Buffer.alloc(macAt + macBytes);
    seal[0] = mark;
    this.#session.copy(seal, 1);
    seal.writeBigUInt64BE(this.#counter, 1 + sessionBytes);
    mac(this.#key, seal, header, payload).copy(seal, macAt);
    return seal;
  }
}

/** Checks one session's seals. */
export class SealChecker {
  readonly #key: KeyObject;
  #last = 0n;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** @returns whether the seal is right and newer than all before. */
  check(seal: Buffer, header: Uint8Array, payload: Uint8Array): boolean {
    if (seal.length !== macAt + macBytes) return false;
    const counter = seal.readBigUInt64BE(1 + sessionBytes);
    if (counter <= this.#last) return false;
    if (!timingSafeEqual(mac(this.#key, seal, header, payload), seal.subarray(macAt))) return false;
    this.#last = counter;
    return true;
  }
}

/** @returns the session that a seal names, in hex; undefined when it is no seal. */
export function sessionOf(seal: Buffer): string | undefined {
  return seal.length === macAt + macBytes && seal[0] === mark ? seal.toString('hex', 1, 1 + sessionBytes) : undefined;
}

/** The key as an object: of bytes one would be made anew for each message, which takes longer than all the rest. */
function mac(key: KeyObject, seal: Buffer, header: Uint8Array, payload: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return createHmac('sha256', key)
    .update(Buffer.concat([seal.subarray(1, macAt), length, header]))
    .update(payload)
    .digest()
    .subarray(0, macBytes);
}
