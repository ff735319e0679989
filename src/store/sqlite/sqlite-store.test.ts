import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { heldClock } from '../../../test/conformance/held-clock.ts';
import { expectFailure, keysIn, lines, put, putAll, take } from '../../../test/conformance/store/fixture.ts';
import { createMemoryStore } from '../memory/memory-store.ts';
import { prefixRange } from '../store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';

const all = prefixRange('');
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-store-'));
  path = join(directory, 'state', 'store.db');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (options: Partial<SqliteStoreOptions> = {}) => openSqliteStore({ path, clock: heldClock(), ...options });

describe('a store in a file', () => {
  test('is as it was after it is opened again', async () => {
    {
      await using store = await open();
      await putAll(store, ['a', 'b', 'a']);
      await store.transact([], [{ op: 'delete', key: 'b' }]);
    }
    await using store = await open();
    expect(await store.revision()).toBe(4);
    expect(await store.get('a')).toMatchObject({ createRevision: 1, modRevision: 3, version: 2 });
    expect(lines(await take(store, all, 1, 4))).toEqual(['1: +a', '2: +b', '3: +a', '4: -b']);
    expect(await putAll(store, ['c'])).toBe(5);
  });

  test('never gives a revision or a lease id again, also when nothing is left of them', async () => {
    let lease: string;
    {
      await using store = await open();
      await putAll(store, ['a', 'b']);
      await store.transact([], [{ op: 'delete-range', range: all }]);
      const granted = await store.grantLease(1000);
      await granted.revoke();
      lease = granted.id;
      await store.compact(3);
    }
    await using store = await open();
    expect(await store.revision()).toBe(3);
    expect(await putAll(store, ['c'])).toBe(4);
    expect((await store.grantLease(1000)).id).not.toBe(lease);
    expect(lines(await take(store, all, 2, 9))).toEqual(['compacted 3']);
  });

  test('commits what was asked before it is closed', async () => {
    const first = await open();
    const writing = first.transact([], [put('a')]);
    await first[Symbol.asyncDispose]();
    expect((await writing).succeeded).toBe(true);
    await using store = await open();
    expect(await keysIn(store, all)).toEqual(['a']);
  });

  test('a lease that was running when it closed has its full time to live once more, and then ends', async () => {
    {
      const clock = heldClock();
      await using store = await open({ clock });
      const lease = await store.grantLease(5000);
      await store.transact([], [{ op: 'put', key: 'held', value: 'x', lease: lease.id }, put('free')]);
      await clock.advance(4000);
    }
    const clock = heldClock();
    await using store = await open({ clock });
    await clock.advance(4999);
    expect(await keysIn(store, all)).toEqual(['free', 'held']);
    await clock.advance(1);
    expect(await keysIn(store, all)).toEqual(['free']);
  });

  test('its files are 0600 in a directory 0700', async () => {
    await using store = await open();
    await putAll(store, ['a']);
    const mode = async (name: string) => ((await stat(name)).mode & 0o777).toString(8);
    expect([await mode(join(directory, 'state')), await mode(path), await mode(`${path}-wal`)]).toEqual([
      '700',
      '600',
      '600',
    ]);
  });
});

describe('group commit', () => {
  test('many transactions at once need few commits', async () => {
    const commits: number[] = [];
    await using store = await open({ onCommit: (transactions) => commits.push(transactions) });
    const names = Array.from({ length: 1000 }, (_, index) => `k${index}`);
    await Promise.all(names.map((name) => store.transact([], [put(name)])));
    expect(commits.reduce((sum, members) => sum + members, 0)).toBe(1000);
    expect(commits.length).toBeLessThanOrEqual(2);
    expect(await store.revision()).toBe(1000);
  });

  test('one that sees the state of the one before it in the same commit', async () => {
    const commits: number[] = [];
    await using store = await open({ onCommit: (transactions) => commits.push(transactions) });
    const results = await Promise.all([
      store.transact([{ key: 'a', is: 'absent' }], [put('a', '1')]),
      store.transact([{ key: 'a', is: 'absent' }], [put('a', '2')]),
      store.transact([{ key: 'a', is: 'unchanged', since: 1 }], [put('a', '3')]),
    ]);
    expect(results.map((result) => [result.succeeded, result.revision])).toEqual([
      [true, 1],
      [false, 1],
      [true, 2],
    ]);
    expect(commits).toEqual([3]);
  });
});

describe('compaction by itself', () => {
  test.each(['memory', 'sqlite'])('keeps the last revisions (%s)', async (kind) => {
    const options = { clock: heldClock(), keepRevisions: 100 };
    await using store = kind === 'memory' ? createMemoryStore(options) : await open(options);
    for (let index = 0; index < 250; index += 1) await store.transact([], [put(`k${index % 3}`)]);
    expect(await take(store, all, 151, 100)).toHaveLength(100);
    expect(lines(await take(store, all, 140, 1))[0]).toMatch(/^compacted 1(49|50|51)$/);
    expect(await keysIn(store, all)).toEqual(['k0', 'k1', 'k2']);
  });
});

describe('what cannot be opened', () => {
  test('a file that another store has open, until that is closed', async () => {
    {
      await using store = await open();
      await expectFailure(open(), 'conflict', /store\.db is in use by another process/);
      expect(await putAll(store, ['a'])).toBe(1);
    }
    await using store = await open();
    expect(await keysIn(store, all)).toEqual(['a']);
  });

  test('the file of a newer version, which it leaves as it is', async () => {
    await (await open())[Symbol.asyncDispose]();
    change('PRAGMA user_version = 2');
    await expectFailure(open(), 'invalid', /newer Trama \(format 2, this one knows 1\)/);
    change('PRAGMA user_version = 1');
    await (await open())[Symbol.asyncDispose]();
  });

  test("somebody else's database, and a file that is none", async () => {
    await (await open())[Symbol.asyncDispose]();
    await rm(path);
    change('CREATE TABLE theirs (x)');
    await expectFailure(open(), 'invalid', /no store of Trama/);
    await writeFile(path, 'This is a letter, not a database. '.repeat(100));
    await expectFailure(open(), 'invalid', /no store of Trama/);
  });

  test('a path where nothing can be', async () => {
    await writeFile(join(directory, 'file'), '');
    const impossible = join(directory, 'file', 'store.db');
    await expectFailure(open({ path: impossible }), 'unavailable', /file\/store\.db cannot be made or opened/);
  });
});

describe('without space', () => {
  test('a write fails as exhausted, nothing of it is kept, and smaller ones go on', async () => {
    {
      await using store = await open({ maxBytes: 400_000 });
      await putAll(store, ['a', 'b']);
      const big = 'x'.repeat(500_000);
      const results = await Promise.allSettled([
        store.transact([], [put('c')]),
        store.transact([], [put('a', 'changed'), put('big', big)]),
        store.transact([], [put('d')]),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      await expectFailure(
        store.transact([], [put('a', 'changed'), { op: 'delete', key: 'b' }, put('big', big)]),
        'exhausted',
        /disk is full/,
      );
      expect((await store.get('a'))?.value).toBe('value of a');
      expect(await keysIn(store, all)).toEqual(['a', 'b', 'c', 'd']);
      expect(await store.revision()).toBe(4);
      expect(lines(await take(store, all, 1, 4))).toEqual(['1: +a', '2: +b', '3: +c', '4: +d']);
    }
    await using store = await open();
    expect(await keysIn(store, all)).toEqual(['a', 'b', 'c', 'd']);
    expect(await store.revision()).toBe(4);
  });

  test('what is deleted and forgotten makes room again', async () => {
    await using store = await open({ maxBytes: 600_000 });
    const value = 'x'.repeat(40_000);
    const fill = async () => {
      for (let count = 0; ; count += 1) {
        try {
          await store.transact([], [put('k', `${count}${value}`)]);
        } catch {
          return count;
        }
      }
    };
    expect(await fill()).toBeGreaterThan(2);
    await expectFailure(store.transact([], [put('k', value)]), 'exhausted');
    await store.compact(await store.revision());
    expect(await fill()).toBeGreaterThan(2);
  });
});

function change(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}
