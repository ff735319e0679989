/** What backup, restore and migration must do, whatever the cluster is kept in. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { silentLog, systemClock } from '../../src/platform/platform.ts';
import { dump } from '../../src/server/backup/dump.ts';
import { type BackupEntry, readBackup } from '../../src/server/backup/lines.ts';
import { migrateStore } from '../../src/server/backup/migrate.ts';
import { restoreBackup } from '../../src/server/backup/restore.ts';
import { startServing } from '../../src/server/backup/serving.ts';
import { readEpoch } from '../../src/server/epoch.ts';
import { prefixRange, type Store } from '../../src/store/store.ts';
import { refusal } from '../server/cluster.ts';

export interface Kept extends AsyncDisposable {
  readonly store: Store;
  readonly exclusive: boolean;
}

const key = (name: string) => `/trama/${name}`;
const header = { epoch: 0, time: 1, trama: '0.1.0', keys: { publicKey: 'p'.repeat(40), secretKey: 's'.repeat(40) } };

async function write(store: Store, entries: Readonly<Record<string, string>>): Promise<void> {
  const all = Object.entries(entries);
  for (let at = 0; at < all.length; at += 100) {
    const puts = all.slice(at, at + 100).map(([name, value]) => ({ op: 'put' as const, key: key(name), value }));
    await store.transact([], puts);
  }
}

async function contentOf(store: Store): Promise<Record<string, string>> {
  const { entries } = await store.range(prefixRange('/trama/'));
  const own = entries.filter(
    ({ key, lease }) => lease === undefined && !/\/(epoch|schema|moved|backup|unclaimed\/.*)$/.test(key),
  );
  return Object.fromEntries(own.map(({ key, value }) => [key.slice('/trama/'.length), value]));
}

async function backup(store: Store): Promise<Buffer> {
  const { shift, epoch } = await readEpoch(store);
  const parts: string[] = [];
  for await (const line of dump(store, { shift, header: { ...header, epoch }, now: () => 1 })) parts.push(line);
  return Buffer.from(parts.join(''));
}

async function* pieces(bytes: Buffer, upTo = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < upTo; at += 1000) yield bytes.subarray(at, Math.min(at + 1000, upTo));
  if (upTo < bytes.length) throw new Error('killed');
}

async function restore(bytes: Buffer, { store, exclusive }: Kept, force = false, read = () => pieces(bytes)) {
  const verified = await readBackup('x.backup', pieces(bytes));
  await restoreBackup(store, 'x.backup', verified, read, { exclusive, force, clock: systemClock });
}

const told = async (store: Store) => (await store.revision()) + (await readEpoch(store)).shift;

const serve = ({ store, exclusive }: Kept) =>
  startServing(store, { clock: systemClock, log: silentLog, id: 'one', exclusive, trama: '0.1.0', onLost: () => {} });

const cluster = JSON.stringify('c1');
const nodes = { 'nodes/h1': '{}', 'nodes/h2': '{}', 'users/ana': '{"role":"viewer"}' };
const named = (kept: Kept, name: string) => ({ ...kept, store: kept.store, name });
const options = { force: false, clock: systemClock };

export function backupConformance(name: string, make: () => Promise<Kept>): void {
  describe(`backup, restore and migration of ${name}`, () => {
    test('of 12,000 keys, users among them, all come back, above every revision ever told, with the nodes to claim what they have', async () => {
      await using from = await make();
      await using to = await make();
      const many = Object.fromEntries(Array.from({ length: 12_000 }, (_, at) => [`endpoints/n/${at}`, `${at}`]));
      await write(from.store, { cluster, ...nodes, ...many });
      const bytes = await backup(from.store);
      await restore(bytes, to);
      expect(await contentOf(to.store)).toEqual({ cluster, ...nodes, ...many });
      const { entries } = await to.store.range(prefixRange(key('unclaimed/')));
      expect(entries.map((each) => each.key)).toEqual([key('unclaimed/h1'), key('unclaimed/h2')]);
      const { epoch, shift } = await readEpoch(to.store);
      expect(epoch).toBeGreaterThan(await told(from.store));
      expect((await to.store.get(key('cluster')))?.modRevision).toBeGreaterThan(epoch - shift);
      // Once more, of the restored: again above.
      const again = await backup(to.store);
      const before = await told(to.store);
      await restore(again, to, true);
      expect((await readEpoch(to.store)).epoch).toBeGreaterThan(before);
    });

    test('a backup of a store that is written meanwhile is of one revision', async () => {
      await using from = await make();
      await using to = await make();
      const pairs = Object.fromEntries(
        Array.from({ length: 600 }, (_, at) => [[`a/${at}`, '0'] as const, [`z/${at}`, '0'] as const]).flat(),
      );
      await write(from.store, { cluster, ...pairs });
      let going = true;
      const writing = (async () => {
        for (let at = 0; going; at = (at + 7) % 600) {
          const value = `${Math.random()}`;
          // Some go altogether, some come anew.
          const op = (each: string) =>
            at % 5 === 0
              ? ({ op: 'delete', key: key(each) } as const)
              : ({ op: 'put', key: key(each), value } as const);
          await from.store.transact([], [op(`a/${at}`), op(`z/${at}`)]);
        }
      })();
      // An embedded store answers at once; others write between two pages.
      const slow: Store = {
        ...bound(from.store),
        range: async (...words) => {
          await turn();
          return from.store.range(...words);
        },
      };
      const bytes = await backup(slow).finally(() => {
        going = false;
      });
      await writing;
      let changes = 0;
      await readBackup('x', pieces(bytes), (entry: BackupEntry) => {
        if (entry.k === key('backup')) changes += 1;
      });
      expect(changes).toBe(1);
      await restore(bytes, to);
      const content = await contentOf(to.store);
      for (let at = 0; at < 600; at++) expect(content[`a/${at}`]).toBe(content[`z/${at}`]);
    });

    test('only an empty store is filled, or with force one of the same cluster', async () => {
      await using from = await make();
      await using to = await make();
      await write(from.store, { cluster, ...nodes });
      const bytes = await backup(from.store);
      await write(to.store, { cluster, 'networks/x': '{}' });
      expect(await refusal(restore(bytes, to))).toMatch(/^conflict: the store is not empty/);
      expect(await contentOf(to.store)).toEqual({ cluster, 'networks/x': '{}' });
      await restore(bytes, to, true);
      expect(await contentOf(to.store)).toEqual({ cluster, ...nodes });
      await write(to.store, { cluster: JSON.stringify('c2') });
      expect(await refusal(restore(bytes, to, true))).toMatch(/^conflict: the store holds another cluster/);
    });

    test('one that was killed half-way keeps servers away, and can be done again', async () => {
      await using from = await make();
      await using to = await make();
      const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`endpoints/n/${at}`, `${at}`]));
      await write(from.store, { cluster, ...nodes, ...many });
      const bytes = await backup(from.store);
      await expect(restore(bytes, to, false, () => pieces(bytes, bytes.length >> 1))).rejects.toThrow('killed');
      expect(Object.keys(await contentOf(to.store)).length).toBeGreaterThan(100);
      expect(await refusal(serve(to))).toMatch(
        /^conflict: this store holds half a cluster: a restore into it \(from x.backup\)/,
      );
      await restore(bytes, to);
      expect(await contentOf(to.store)).toEqual({ cluster, ...nodes, ...many });
      await using _server = await serve(to);
    });

    test('a cluster moves there and back: revisions go on, nothing is to be claimed, the former store is left', async () => {
      await using one = await make();
      await using two = await make();
      await write(one.store, { cluster, ...nodes, 'networks/x': '1' });
      for (const [from, to] of [
        [one, two],
        [two, one],
      ] as const) {
        // Of many revisions the other store sees few.
        for (let i = 0; i < 40; i++) await write(from.store, { 'networks/x': `${Math.random()}` });
        const [content, before] = [await contentOf(from.store), await told(from.store)];
        await migrateStore(named(from, 'from'), named(to, 'to'), options);
        expect(await contentOf(to.store)).toEqual(content);
        expect(await told(to.store)).toBeGreaterThan(before);
        expect((await to.store.range(prefixRange(key('unclaimed/')))).entries).toEqual([]);
        expect((await readEpoch(to.store)).epoch).toBe(0);
        expect(await refusal(serve(from))).toMatch(/^conflict: the cluster has moved from this store to to/);
        await (await serve(to))[Symbol.asyncDispose]();
        expect(await refusal(migrateStore(named(from, 'from'), named(to, 'to'), options))).toMatch(
          /has moved from from/,
        );
      }
    });

    test('a migration that was killed leaves the former store as it was, and can be done again', async () => {
      await using one = await make();
      await using two = await make();
      const many = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`endpoints/n/${at}`, `${at}`]));
      await write(one.store, { cluster, ...many });
      let writes = 0;
      const failing: Store = {
        ...bound(two.store),
        transact: (conditions, changes) => {
          writes += 1;
          return writes > 5 ? Promise.reject(new Error('killed')) : two.store.transact(conditions, changes);
        },
      };
      await expect(migrateStore(named(one, 'one'), { ...two, store: failing, name: 'two' }, options)).rejects.toThrow(
        'killed',
      );
      expect(await refusal(serve(two))).toMatch(/half a cluster: a migration into it \(from one\)/);
      await (await serve(one))[Symbol.asyncDispose]();
      await migrateStore(named(one, 'one'), named(two, 'two'), options);
      expect(await contentOf(two.store)).toEqual({ cluster, ...many });
    });

    test('where several processes can open it, servers and these commands keep each other away', async () => {
      await using from = await make();
      await using to = await make();
      if (to.exclusive) return;
      await write(from.store, { cluster });
      const bytes = await backup(from.store);
      const server = await serve(to);
      expect(await refusal(restore(bytes, to))).toMatch(/^conflict: the store is in use by a server on /);
      await server[Symbol.asyncDispose]();
      const gate = Promise.withResolvers<void>();
      const restoring = restore(bytes, to, false, async function* () {
        await gate.promise;
        yield* pieces(bytes);
      });
      while (!(await to.store.get(key('held')))) await turn();
      const refused = await refusal(serve(to));
      expect(refused).toMatch(/^conflict: (this store holds half a cluster|the store is in use by another command)/);
      expect(await refusal(restore(bytes, to))).toMatch(/^conflict: the store is in use by another command/);
      gate.resolve();
      await restoring;
      expect(await contentOf(to.store)).toEqual({ cluster });
    });
  });
}

function bound(store: Store): Store {
  return {
    get: (key) => store.get(key),
    range: (range, options) => store.range(range, options),
    transact: (conditions, writes) => store.transact(conditions, writes),
    watch: (range, from, signal) => store.watch(range, from, signal),
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    compact: (revision) => store.compact(revision),
    revision: () => store.revision(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
