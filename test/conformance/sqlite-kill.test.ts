import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { prefixRange } from '../../src/store/store.ts';
import { heldClock } from './held-clock.ts';
import { expectFailure, keysIn } from './store/fixture.ts';

const rounds = 6;

test('what was acknowledged survives SIGKILL, as a whole, and revisions go on', async () => {
  const path = join(await temporaryDirectory(), 'store.db');
  const acknowledged = new Map<string, number>();
  let last = 0;
  for (let round = 0; round < rounds; round += 1) {
    const heard = await writeUntilKilled(path, round, Math.random() * 300);
    expect(heard.size).toBeGreaterThan(0);
    expect(Math.min(...heard.values())).toBeGreaterThan(last);
    for (const [key, revision] of heard) acknowledged.set(key, revision);

    await using store = await openSqliteStore({ path, clock: heldClock(), keepRevisions: 1_000_000 });
    last = await store.revision();
    expect(last).toBeGreaterThanOrEqual(Math.max(...acknowledged.values()));
    const { entries } = await store.range(prefixRange('left/'));
    const found = new Map(entries.map((entry) => [entry.key.slice('left/'.length), entry.modRevision]));
    for (const [key, revision] of acknowledged) expect(found.get(key), key).toBe(revision);
    expect(found.size).toBe(last);
    expect((await keysIn(store, prefixRange('right/'))).map((key) => key.slice('right/'.length))).toEqual([
      ...found.keys(),
    ]);
  }
}, 60_000);

test('a second process is kept out while the first lives, and let in when it was killed', async () => {
  const path = join(await temporaryDirectory(), 'store.db');
  const child = startWriter(path, 0);
  await once(child.stdout, 'data');
  await expectFailure(openSqliteStore({ path, clock: heldClock() }), 'conflict', /in use by another process/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await using store = await openSqliteStore({ path, clock: heldClock() });
  expect(await store.revision()).toBeGreaterThan(0);
}, 20_000);

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trama-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function startWriter(path: string, round: number): ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'sqlite-writer.ts'), path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** @returns key → revision of what it acknowledged in full lines. */
async function writeUntilKilled(path: string, round: number, afterMs: number): Promise<Map<string, number>> {
  const child = startWriter(path, round);
  const heard = new Map<string, number>();
  const reader = createInterface({ input: child.stdout });
  const ended = once(child, 'close');
  let killing: Promise<void> | undefined;
  reader.on('line', (line) => {
    const [key, revision] = line.split(' ');
    // A line cut by the kill is not complete; the pipe keeps whole writes this short, so there is none.
    if (key !== undefined && revision !== undefined) heard.set(key, Number(revision));
    killing ??= delay(afterMs).then(() => {
      child.kill('SIGKILL');
    });
  });
  await ended;
  await killing;
  return heard;
}
