/** What a message asks. Nothing here throws, whatever the bytes are. */
import { flags, headerSize, rcodes, types } from './wire.ts';

export interface Question {
  readonly kind: 'question';
  /** Lower case, without the final dot; bytes that no name of ours has, and dots inside a label, as `\DDD`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question section ends. It begins after the header. */
  readonly end: number;
  readonly edns?: Edns;
}

export interface Edns {
  /** Bytes of a datagram that who asks takes. */
  readonly size: number;
  /** The DO bit; it is echoed (RFC 3225 §3). */
  readonly dnssec: boolean;
  /** Where `size` stands in the message. */
  readonly at: number;
}

/** What is wrong with a message, for the answer that tells it. */
export interface Mistake {
  readonly kind: 'mistake';
  readonly rcode: number;
}

const malformed: Mistake = { kind: 'mistake', rcode: rcodes.formatError };

/**
 * @returns undefined for what is not to be answered: a fragment without a whole header, and a response, lest two servers
 * answer each other for ever
 */
export function readQuestion(message: Buffer): Question | Mistake | undefined {
  if (message.length < headerSize) return undefined;
  const upper = message.readUInt8(2);
  if ((upper & flags.response) !== 0) return undefined;
  if ((upper & flags.opcode) !== 0) return { kind: 'mistake', rcode: rcodes.notImplemented };
  // RFC 9619: more than one question is an error.
  if (message.readUInt16BE(4) !== 1) return malformed;
  const name = readName(message);
  if (name === undefined || name.end + 4 > message.length) return malformed;
  const edns = readEdns(message, name.end + 4);
  if (edns === 'malformed') return malformed;
  if (edns === 'version') return { kind: 'mistake', rcode: rcodes.badVersion };
  return {
    kind: 'question',
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    end: name.end + 4,
    ...(edns === undefined ? {} : { edns }),
  };
}

/** The name after the header. Compressed it cannot be: there is nothing before it to point at. */
function readName(message: Buffer): { text: string; end: number } | undefined {
  let text = '';
  let at = headerSize;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    if (length === 0) return { text, end: at + 1 };
    const next = at + 1 + length;
    // RFC 1035 §2.3.4: 255 bytes with the root's.
    if (next >= message.length || next + 1 - headerSize > 255) return undefined;
    text += `${text === '' ? '' : '.'}${labelText(message.toString('latin1', at + 1, next))}`;
    at = next;
  }
}

/** Printable ASCII but the dot and the backslash. */
const plain = /^[!-\-/-[\]-~]*$/;

function labelText(label: string): string {
  if (plain.test(label)) return label.toLowerCase();
  const escaped = label.replace(/[^!-~]|[.\\]/g, (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`);
  return escaped.toLowerCase();
}

/** Walks the other sections for the OPT record (RFC 6891 §6.1.1: at most one, in the last of them). */
function readEdns(message: Buffer, from: number): Edns | undefined | 'malformed' | 'version' {
  const before = message.readUInt16BE(6) + message.readUInt16BE(8);
  const records = before + message.readUInt16BE(10);
  let edns: Edns | undefined;
  let version = 0;
  let at = from;
  for (let i = 0; i < records; i++) {
    const fixed = skipName(message, at);
    if (fixed === undefined || fixed + 10 > message.length) return 'malformed';
    const end = fixed + 10 + message.readUInt16BE(fixed + 8);
    if (end > message.length) return 'malformed';
    if (message.readUInt16BE(fixed) === types.opt) {
      if (edns !== undefined || i < before || fixed !== at + 1) return 'malformed';
      version = message.readUInt8(fixed + 5);
      const dnssec = (message.readUInt8(fixed + 6) & 0x80) !== 0;
      edns = { size: message.readUInt16BE(fixed + 2), dnssec, at: fixed + 2 };
    }
    at = end;
  }
  return version === 0 ? edns : 'version';
}

/** A pointer ends a name and is not followed, so that none can lead in a circle. */
function skipName(message: Buffer, from: number): number | undefined {
  let at = from;
  for (;;) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
  }
}
