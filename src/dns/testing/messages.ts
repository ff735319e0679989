/** Writes questions and reads answers, by RFC 1035 and without the code under test. */

export const numbers = { A: 1, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, OPT: 41, AXFR: 252, ANY: 255 } as const;

export type TypeName = keyof typeof numbers;

export interface Asked {
  readonly id?: number;
  readonly class?: number;
  /** Size that is advertised; none: no EDNS. */
  readonly edns?: number;
  readonly ednsVersion?: number;
  readonly dnssec?: boolean;
  /** The header's second word. */
  readonly flags?: number;
}

export function query(name: string, type: TypeName, asked: Asked = {}): Buffer {
  const header = words(asked.id ?? 0x1234, asked.flags ?? 0x0100, 1, 0, 0, asked.edns === undefined ? 0 : 1);
  const dnssec = asked.dnssec === true ? 0x8000 : 0;
  const opt =
    asked.edns === undefined
      ? []
      : [Buffer.from([0]), words(numbers.OPT, asked.edns, asked.ednsVersion ?? 0, dnssec, 0)];
  return Buffer.concat([header, wireName(name), words(numbers[type], asked.class ?? 1), ...opt]);
}

export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]), Buffer.of(0)]);
}

export function words(...values: number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >>> 8, value & 255]));
}

export interface DecodedRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** An address or a name; of SOA the first name and its minimum; else hex. */
  readonly data: string;
}

export interface Decoded {
  readonly id: number;
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursion: string;
  readonly question: string | undefined;
  readonly answers: readonly DecodedRecord[];
  readonly authority: readonly DecodedRecord[];
  readonly opt?: { readonly size: number; readonly dnssec: boolean };
}

/** @throws when the bytes are no whole message, or there are some behind it */
export function decode(message: Buffer): Decoded {
  const word = (at: number) => message.readUInt16BE(at);
  if ((word(2) & 0x8000) === 0) throw new Error('not a response');
  let at = 12;
  const records: DecodedRecord[][] = [];
  let opt: Decoded['opt'];
  let extended = 0;
  let question: string | undefined;
  for (let i = 0; i < word(4); i++) {
    const name = nameAt(message, at);
    question = name.text;
    at = name.end + 4;
  }
  for (const count of [word(6), word(8), word(10)]) {
    const section: DecodedRecord[] = [];
    for (let i = 0; i < count; i++) {
      const name = nameAt(message, at);
      const [type, size, length] = [word(name.end), word(name.end + 2), word(name.end + 8)];
      const data = { at: name.end + 10, end: name.end + 10 + length };
      if (data.end > message.length) throw new Error('a record ends beyond the message');
      if (type === numbers.OPT) {
        extended = message.readUInt8(name.end + 4);
        opt = { size, dnssec: (word(name.end + 6) & 0x8000) !== 0 };
      } else {
        section.push({
          ...{ name: name.text, type, ttl: message.readUInt32BE(name.end + 4) },
          data: dataText(message, type, data.at, data.end),
        });
      }
      at = data.end;
    }
    records.push(section);
  }
  if (at !== message.length) throw new Error(`${message.length - at} bytes behind the message`);
  const [answers = [], authority = []] = records;
  return {
    id: word(0),
    rcode: (extended << 4) | (word(2) & 15),
    authoritative: (word(2) & 0x0400) !== 0,
    truncated: (word(2) & 0x0200) !== 0,
    recursion: `${(word(2) & 0x0100) === 0 ? '' : 'desired '}${(word(2) & 0x80) === 0 ? '' : 'available'}`.trim(),
    question,
    answers,
    authority,
    ...(opt === undefined ? {} : { opt }),
  };
}

function dataText(message: Buffer, type: number, at: number, end: number): string {
  const data = message.subarray(at, end);
  if (type === numbers.A) return [...data].join('.');
  if (type === numbers.PTR) return nameAt(message, at).text;
  if (type === numbers.SOA) return `${nameAt(message, at).text} ${data.readUInt32BE(data.length - 4)}`;
  return data.toString('hex');
}

function nameAt(message: Buffer, from: number): { text: string; end: number } {
  const labels: string[] = [];
  let end: number | undefined;
  let at = from;
  for (;;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) {
      const target = message.readUInt16BE(at) & 0x3fff;
      if (target >= at) throw new Error('a pointer does not point backwards');
      end ??= at + 2;
      at = target;
    } else if (length === 0) {
      return { text: labels.join('.'), end: end ?? at + 1 };
    } else {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
}
