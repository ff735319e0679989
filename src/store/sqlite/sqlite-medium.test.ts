import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { prefixRange, type StoreEvent } from '../store.ts';
import { openDatabase } from './open-database.ts';
import { SqliteMedium } from './sqlite-medium.ts';

async function openMedium(): Promise<SqliteMedium> {
  const directory = await mkdtemp(join(tmpdir(), 'trama-store-'));
  const path = join(directory, 'store.db');
  const medium = new SqliteMedium(path, await openDatabase(path, undefined));
  onTestFinished(async () => {
    medium.close();
    await rm(directory, { recursive: true, force: true });
  });
  return medium;
}

function creation(medium: SqliteMedium, key: string, value = ''): StoreEvent {
  const revision = medium.revision + 1;
  return { type: 'put', entry: { key, value, createRevision: revision, modRevision: revision, version: 1 } };
}

test('of work that throws half-way nothing is left, neither in the file nor in the numbers', async () => {
  const medium = await openMedium();
  medium.atomically(() => medium.write([creation(medium, 'a')]));
  const broken = () =>
    medium.atomically(() => {
      medium.write([creation(medium, 'b')]);
      medium.grant(1000);
      medium.forget(2);
      throw new Error('broken');
    });
  expect(broken).toThrow(/broken/);
  expect(medium.range(prefixRange(''), 0).map((entry) => entry.key)).toEqual(['a']);
  expect([medium.revision, medium.compactedTo, medium.leases()]).toEqual([1, 1, []]);
  expect(medium.history(prefixRange(''), 1).batches.map((batch) => batch.revision)).toEqual([1]);
  medium.atomically(() => medium.write([creation(medium, 'c')]));
  expect(medium.get('c')?.modRevision).toBe(2);
});

test('a long history comes in pieces that join', async () => {
  const medium = await openMedium();
  medium.atomically(() => {
    for (let index = 0; index < 20; index += 1) medium.write([creation(medium, `k${index}`, 'x'.repeat(40_000))]);
  });
  const seen: number[] = [];
  let pieces = 0;
  for (let from = 1; from <= medium.revision; pieces += 1) {
    const piece = medium.history(prefixRange('k'), from);
    seen.push(...piece.batches.map((batch) => batch.revision));
    from = piece.upTo + 1;
  }
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(pieces).toBeGreaterThan(1);
});
