/** Messages over TCP: each behind its length in two bytes (RFC 1035 §4.2.2). */

export function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(2 + message.length);
  bytes.writeUInt16BE(message.length, 0);
  bytes.set(message, 2);
  return bytes;
}

/** Puts a stream's pieces together. Holds less than one message. */
export class Frames {
  #pieces: Buffer[] = [];
  #held = 0;

  /** @returns the messages that are whole with these bytes */
  take(bytes: Buffer): Buffer[] {
    this.#pieces.push(bytes);
    this.#held += bytes.length;
    if (this.#held < 2 || this.#held < this.#wanted()) return [];
    let rest = Buffer.concat(this.#pieces);
    const messages: Buffer[] = [];
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      messages.push(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
    return messages;
  }

  /** Bytes until the first message's end. */
  #wanted(): number {
    const [first, second] = this.#pieces;
    return 2 + (((first?.[0] ?? 0) << 8) | (first?.[1] ?? second?.[0] ?? 0));
  }
}
