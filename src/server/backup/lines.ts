/**
 * A backup as text: lines of JSON, each after the CRC-32 of its bytes, so that damage is found where it is; the last holds the
 * SHA-256 of all before it. Nothing of a file counts before its last line has been read.
 *
 *     <crc> {"format":"trama-backup","version":1,"cluster":…,"epoch":…,"time":…,"trama":…,"keys":{…}}
 *     <crc> {"k":KEY,"v":VALUE}     written, also over an earlier line's
 *     <crc> {"k":KEY}               deleted
 *     <crc> {"revision":…,"lines":…}
 *     <crc> {"sha256":…}
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { Failure, quoted } from '../../domain/domain.ts';

const backupVersion = 1;

const header = z.object({
  format: z.literal('trama-backup'),
  version: z.number(),
  cluster: z.string(),
  epoch: z.number(),
  /** When it was begun, milliseconds since the epoch. */
  time: z.number(),
  /** Trama's version. */
  trama: z.string(),
  /** The servers' own: what nodes know them by. */
  keys: z.object({ publicKey: z.string().length(40), secretKey: z.string().length(40) }),
});
const entry = z.strictObject({ k: z.string().min(1), v: z.string().optional() });
const trailer = z.object({ revision: z.number(), lines: z.number() });
const digest = z.object({ sha256: z.string() });

export type BackupHeader = z.infer<typeof header>;
/** `v` absent: the key is gone. */
export type BackupEntry = z.infer<typeof entry>;

/** The whole, verified. */
export interface BackupEnd {
  readonly header: BackupHeader;
  /** Of the cluster, that everything is as of. */
  readonly revision: number;
  readonly sha256: string;
}

/** The longest line: a value of 1 MiB as JSON. */
const lineLimit = 16 * 1024 * 1024;
const newline = 0x0a;

export class BackupWriter {
  readonly #hash = createHash('sha256');
  #lines = 0;

  header(value: Omit<BackupHeader, 'format' | 'version'>): string {
    return this.#line({ format: 'trama-backup', version: backupVersion, ...value });
  }

  entry(value: BackupEntry): string {
    this.#lines += 1;
    return this.#line(value);
  }

  end(revision: number): string {
    const last = this.#line({ revision, lines: this.#lines });
    return last + lineOf({ sha256: this.#hash.digest('hex') });
  }

  #line(value: unknown): string {
    const text = lineOf(value);
    this.#hash.update(text);
    return text;
  }
}

function lineOf(value: unknown): string {
  const json = JSON.stringify(value);
  return `${crcOf(Buffer.from(json))} ${json}\n`;
}

const crcOf = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

/**
 * Reads a backup to its end. Cost: one line of memory.
 * @param onEntry called before the whole is verified: only a reader that has come to the end before may act on it.
 * @throws Failure `invalid` that names the line
 */
export async function readBackup(
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  onEntry: (entry: BackupEntry, header: BackupHeader) => Promise<void> | void = () => {},
): Promise<BackupEnd> {
  const hash = createHash('sha256');
  let at = 0;
  let head: BackupHeader | undefined;
  let entries = 0;
  let end: z.infer<typeof trailer> | undefined;
  let sha256: string | undefined;
  for await (const line of linesOf(name, bytes)) {
    at += 1;
    if (sha256 !== undefined) throw damaged(name, at, 'there is more after its end');
    if (end !== undefined) {
      sha256 = parsed(name, at, line, digest).sha256;
      if (hash.digest('hex') !== sha256) throw damaged(name, at, 'lines are missing, double or exchanged');
      continue;
    }
    hash.update(line).update('\n');
    if (head === undefined) head = readHeader(name, line);
    else if (line.includes('"k"', 9)) {
      entries += 1;
      await onEntry(parsed(name, at, line, entry), head);
    } else end = parsed(name, at, line, trailer);
    if (end !== undefined && end.lines !== entries) throw damaged(name, at, 'lines are missing');
  }
  if (head === undefined) throw notABackup(name);
  if (end === undefined || sha256 === undefined) throw damaged(name, at + 1, 'the end is missing');
  return { header: head, revision: end.revision, sha256 };
}

function readHeader(name: string, line: Buffer): BackupHeader {
  const loose = z.object({ format: z.literal('trama-backup'), version: z.number() });
  const known = loose.safeParse(jsonOf(line)).data;
  if (known === undefined) throw isWhole(line) ? notABackup(name) : notOrDamaged(name, line);
  if (known.version > backupVersion) {
    throw new Failure(
      'invalid',
      `${name} was written by a newer Trama (format ${known.version}, this one knows ${backupVersion}): restore it with that version or a later one`,
    );
  }
  return parsed(name, 1, line, header);
}

function parsed<T>(name: string, at: number, line: Buffer, schema: z.ZodType<T>): T {
  if (!isWhole(line)) throw damaged(name, at, 'it is not as it was written');
  const value = schema.safeParse(jsonOf(line));
  if (value.success) return value.data;
  throw damaged(name, at, 'it is not what stands there in a backup');
}

const isWhole = (line: Buffer): boolean => line.toString('latin1', 0, 9) === `${crcOf(line.subarray(9))} `;

function jsonOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8', 9));
  } catch {
    return undefined;
  }
}

function damaged(name: string, at: number, why: string): Failure {
  return new Failure('invalid', `${name} is damaged at line ${at} (${why}): nothing was restored, use another backup`);
}

function notABackup(name: string): Failure {
  return new Failure('invalid', `${quoted(name)} is no backup of Trama: name a file that \`trama store backup\` wrote`);
}

const notOrDamaged = (name: string, line: Buffer): Failure =>
  line.includes('trama-backup') ? damaged(name, 1, 'it is not as it was written') : notABackup(name);

async function* linesOf(name: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  let at = 1;
  for await (const piece of bytes) {
    rest = Buffer.concat([rest, piece]);
    let from = 0;
    for (let to = rest.indexOf(newline); to !== -1; to = rest.indexOf(newline, from)) {
      yield rest.subarray(from, to);
      at += 1;
      from = to + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > lineLimit) throw damaged(name, at, 'it has no end');
  }
  if (rest.length > 0) throw at === 1 ? notABackup(name) : damaged(name, at, 'it is cut off');
}
