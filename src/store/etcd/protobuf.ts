/**
 * Protocol Buffers on the wire, as much as etcd's messages need: varints and what is counted by its length.
 * https://protobuf.dev/programming-guides/encoding/
 */

/** A field's value; absent and zero values are not sent, as proto3 has it. */
export type FieldValue = number | bigint | boolean | string | Uint8Array;
export type Field = readonly [number: number, value: FieldValue | undefined];

const varintType = 0;
const lengthType = 2;
/** As much of a varint as whole bytes of seven bits put into a number exactly: nearly all there are. */
const exactBits = 49n;
const exact = 2 ** Number(exactBits);

export function encode(fields: Iterable<Field>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (typeof value === 'string' || value instanceof Uint8Array) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      parts.push(varint((number << 3) | lengthType), varint(bytes.length), bytes);
    } else if (value) {
      parts.push(
        varint((number << 3) | varintType),
        varint(Number.isInteger(value) ? (value as number) : BigInt(value)),
      );
    }
  }
  return Buffer.concat(parts);
}

/** Of a whole number from 0 on; beyond 2^53 as bigint. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  if (typeof value === 'bigint' || value >= 2 ** 31) {
    let rest = BigInt(value);
    for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
  } else {
    let rest = value;
    for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

/** A message that has come. What it does not hold reads as zero, empty or nothing; fields nobody asks for are no matter. */
export class Message {
  readonly #fields = new Map<number, (number | bigint | Buffer)[]>();

  /** @throws RangeError when it is cut or no message. */
  constructor(bytes: Buffer) {
    let at = 0;
    const next = (): number | bigint => {
      let value = 0;
      for (let weight = 1; weight < exact; weight *= 128) {
        const byte = bytes.readUInt8(at);
        at += 1;
        value += (byte & 127) * weight;
        if (byte < 128) return value;
      }
      return rest(BigInt(value));
    };
    const rest = (low: bigint): bigint => {
      let value = low;
      for (let shift = exactBits; shift <= 63n; shift += 7n) {
        const byte = bytes.readUInt8(at);
        at += 1;
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
      throw new RangeError('a varint of more than ten bytes');
    };
    const skip = (length: number): Buffer => {
      if (at + length > bytes.length) throw new RangeError('a message that is cut');
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = Number(next());
      const type = tag & 7;
      if (type === varintType) this.#add(tag >>> 3, next());
      else if (type === lengthType) this.#add(tag >>> 3, skip(Number(next())));
      else if (type === 1 || type === 5) skip(type === 1 ? 8 : 4);
      else throw new RangeError(`a field of the unknown wire type ${type}`);
    }
  }

  /** An int64, exact up to 2^53, which revisions do not reach. */
  number(field: number): number {
    const value = this.#varint(field);
    return typeof value === 'number' ? value : Number(BigInt.asIntN(64, value));
  }

  /** A 64-bit number as it is. */
  id(field: number): bigint {
    return BigInt(this.#varint(field));
  }

  flag(field: number): boolean {
    return Number(this.#varint(field)) !== 0;
  }

  text(field: number): string {
    const value = this.#fields.get(field)?.at(-1);
    return Buffer.isBuffer(value) ? value.toString('utf8') : '';
  }

  message(field: number): Message | undefined {
    return this.messages(field).at(-1);
  }

  messages(field: number): Message[] {
    return (this.#fields.get(field) ?? []).flatMap((value) => (Buffer.isBuffer(value) ? new Message(value) : []));
  }

  #varint(field: number): number | bigint {
    const value = this.#fields.get(field)?.at(-1);
    return value === undefined || Buffer.isBuffer(value) ? 0 : value;
  }

  #add(field: number, value: number | bigint | Buffer): void {
    const values = this.#fields.get(field);
    if (values === undefined) this.#fields.set(field, [value]);
    else values.push(value);
  }
}
