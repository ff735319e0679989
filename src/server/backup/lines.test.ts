import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BackupEntry, BackupWriter, readBackup } from './lines.ts';

const header = {
  cluster: 'c'.repeat(32),
  epoch: 7,
  time: 1_700_000_000_000,
  trama: '0.1.0',
  keys: { publicKey: 'p'.repeat(40), secretKey: 's'.repeat(40) },
};
const entries: BackupEntry[] = [{ k: '/trama/a', v: '{"ü":"\\n"}' }, { k: '/trama/b', v: '' }, { k: '/trama/a' }];

function backupOf(entries: readonly BackupEntry[], revision = 42): Buffer {
  const writer = new BackupWriter();
  const body = entries.map((entry) => writer.entry(entry));
  const fresh = new BackupWriter();
  return Buffer.from(
    [fresh.header(header), ...body.map((_, at) => fresh.entry(entries[at] as BackupEntry)), fresh.end(revision)].join(
      '',
    ),
  );
}

async function* inPieces(bytes: Uint8Array, size = 7) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size?: number) {
  const found: BackupEntry[] = [];
  const end = await readBackup('x.backup', inPieces(bytes, size), (entry) => void found.push(entry));
  return { found, end };
}

async function refusal(bytes: Uint8Array): Promise<string> {
  return read(bytes, 4096).then(
    () => 'taken',
    (error: Error) => error.message,
  );
}

describe('a backup as text', () => {
  test('says again what was written, in whatever pieces it is read', async () => {
    for (const size of [1, 7, 4096]) {
      const { found, end } = await read(backupOf(entries), size);
      expect(found).toEqual(entries);
      expect(end).toMatchObject({ header, revision: 42 });
    }
  });

  test('damage at any place is found: a byte that is another, missing or too many', async () => {
    const whole = backupOf(entries);
    const damaged = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), fc.constantFrom(...kinds));
    await fc.assert(
      fc.asyncProperty(damaged, async ([at, by, kind]) => {
        expect(await refusal(damage(whole, at, by, kind))).toMatch(
          /is damaged at line \d+|is no backup of Trama|was written by a newer Trama/,
        );
      }),
      { numRuns: 1500 },
    );
  });

  test('every single bit counts', async () => {
    const whole = backupOf(entries.slice(0, 1));
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await refusal(bytes), `bit ${bit}`).not.toBe('taken');
    }
  });

  test('lines that are missing, double or exchanged are found; the damaged line is named', async () => {
    const lines = backupOf(entries)
      .toString()
      .split(/(?<=\n)/);
    const joined = (at: readonly number[]) => Buffer.from(at.map((each) => lines[each]).join(''));
    for (const at of [
      [0, 1, 2, 4, 5],
      [0, 2, 1, 3, 4, 5],
      [0, 1, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3],
      [0, 1, 2, 3, 4, 5, 5],
    ])
      expect(await refusal(joined(at))).toMatch(/damaged at line/);
    lines[2] = (lines[2] ?? '').replace('/b', '/c');
    expect(await refusal(Buffer.from(lines.join('')))).toMatch(
      /^x.backup is damaged at line 3 \(it is not as it was written\)/,
    );
  });

  test('one of a newer format, and what is none, are told apart', async () => {
    const newer = Buffer.from('00000000 {"format":"trama-backup","version":2}\n');
    expect(await refusal(newer)).toMatch(/written by a newer Trama \(format 2, this one knows 1\)/);
    for (const text of ['', 'hello', '{}\n', 'hello\nworld\n'])
      expect(await refusal(Buffer.from(text))).toMatch(/no backup/);
  });
});

const kinds = ['flip', 'cut', 'drop', 'add'] as const;

function damage(whole: Buffer, at: number, by: number, kind: (typeof kinds)[number]): Buffer {
  if (kind === 'cut') return whole.subarray(0, at);
  const [before, after] = [whole.subarray(0, at), whole.subarray(at)];
  if (kind === 'add') return Buffer.concat([before, Buffer.from([by]), after]);
  if (kind === 'drop') return Buffer.concat([before, after.subarray(1)]);
  return Buffer.concat([before, Buffer.from([(whole[at] ?? 0) ^ by]), after.subarray(1)]);
}
