/** The store on a real etcd of three members, which are killed, paused and cut off under load. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isFailure } from '../../src/domain/domain.ts';
import { systemClock } from '../../src/platform/platform.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import type { MemberAddress } from '../../src/store/etcd/grpc.ts';
import { type Entry, prefixRange, type Store, type WatchItem } from '../../src/store/store.ts';
import { expectFailure, put, take } from '../conformance/store/fixture.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { CuttingProxy } from '../etcd/proxy.ts';
import { until } from '../server/cluster.ts';

const all = prefixRange('');
let spaces = 0;

/** @param hosts through which it is reached; all see the same keys until the next call without `space`. */
function open(hosts: readonly MemberAddress[], space = nextSpace(), deadlineMs = 5000): Promise<Store> {
  return openEtcdStore({ hosts, prefix: space, clock: systemClock, deadlineMs });
}

function nextSpace(): string {
  spaces += 1;
  return `space${spaces}/`;
}

describe('three members', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ members: 3 });
  });
  afterAll(() => etcd?.[Symbol.asyncDispose]());

  const follower = async () => {
    const leader = await etcd.leader();
    return etcd.names.find((name) => name !== leader) ?? '';
  };
  /** All hosts, beginning with this member's, which is asked first. */
  const from = (name: string) =>
    [...etcd.names].sort((a, b) => Number(b === name) - Number(a === name)).map((each) => etcd.address(each));
  const restart = (...names: readonly string[]) => {
    for (const name of names) etcd.run(name);
    return etcd.ready();
  };

  test('a follower is killed, and comes back', async () => {
    const name = await follower();
    await underLoad(from(name), async (goesOn) => {
      await etcd.kill(name);
      await goesOn();
      await restart(name);
    });
  });

  test('the leader is killed, and comes back', async () => {
    const name = await etcd.leader();
    await underLoad(from(name), async (goesOn) => {
      await etcd.kill(name);
      await goesOn();
      await restart(name);
    });
  });

  test('each in turn is stopped in order and started again', async () => {
    for (const name of etcd.names) {
      await underLoad(from(name), async (goesOn) => {
        await etcd.kill(name, 'SIGTERM');
        await goesOn();
        await restart(name);
      });
    }
  });

  test('the leader hands over', async () => {
    const [leader, to] = [await etcd.leader(), await follower()];
    const line = await etcd.etcdctl(['endpoint', 'status', '-w', 'fields'], to);
    const id = BigInt(/"MemberID" : (\d+)/.exec(line)?.[1] ?? 0).toString(16);
    await underLoad(from(leader), async () => void (await etcd.etcdctl(['move-leader', id], leader)));
    expect(await etcd.leader()).toBe(to);
  });

  test.each(['a follower', 'the leader'])('%s is paused, and goes on', async (which) => {
    const name = which === 'a follower' ? await follower() : await etcd.leader();
    await underLoad(from(name), async (goesOn) => {
      await etcd.pause(name);
      try {
        await goesOn();
      } finally {
        etcd.resume(name);
      }
    });
  });

  test('all are killed at once, and come back', async () => {
    await underLoad(etcd.hosts, async () => {
      await Promise.all(etcd.names.map((name) => etcd.kill(name)));
      await restart(...etcd.names);
    });
  });

  test('without a majority reads and writes fail in time, with what to do; then they go on', async () => {
    await using store = await open(etcd.hosts, nextSpace(), 1500);
    await store.transact([], [put('a')]);
    const [kept, ...others] = etcd.names;
    for (const name of others) await etcd.pause(name);
    try {
      const asked = performance.now();
      await expectFailure(store.get('a'), 'unavailable', /does not answer: see that a majority of its members runs/);
      await expectFailure(store.transact([], [put('b')]), 'unavailable');
      expect(performance.now() - asked).toBeLessThan(8000);
    } finally {
      for (const name of others) etcd.resume(name);
    }
    expect(kept).toBeDefined();
    await until('it answers again', () => store.get('a').then(Boolean, () => false), 15_000);
    expect((await store.get('a'))?.version).toBe(1);
  });

  test('the answer to a transaction is lost: it is not made twice, and reads go on elsewhere', async () => {
    const [first, second] = etcd.hosts as [MemberAddress, MemberAddress];
    await using proxy = await CuttingProxy.start(first);
    const space = nextSpace();
    await using direct = await open([second], space);
    for (let round = 0; round < 3; round += 1) {
      proxy.heal();
      await using store = await open([proxy.address], space);
      const key = `k${round}`;
      proxy.swallowAnswers();
      const writing = expectFailure(store.transact([], [put(key)]), 'unavailable', /may be there or not/);
      await until('it is written', async () => (await direct.get(key)) !== undefined);
      proxy.cut();
      await writing;
      expect((await direct.get(key))?.version).toBe(1);
    }
    proxy.heal();
    await using either = await open([proxy.address, proxy.address, second], space);
    proxy.swallowAnswers();
    for (let index = 0; index < 3; index += 1) expect((await either.get('k0'))?.version).toBe(1);
  });

  test('a watch that was cut off misses nothing, or is told that history is gone', async () => {
    const [first, second] = etcd.hosts as [MemberAddress, MemberAddress];
    await using proxy = await CuttingProxy.start(first);
    const space = nextSpace();
    await using direct = await open([second], space);
    await using store = await open([proxy.address], space, 20_000);
    const base = await direct.revision();
    const items: WatchItem[] = [];
    const watching = (async () => {
      for await (const item of store.watch(all, base + 1, new AbortController().signal)) items.push(item);
    })();
    const keys = () => items.flatMap((item) => (item.kind === 'events' ? item.events.map(keyOf) : ['compacted']));
    await direct.transact([], [put('a')]);
    await until('a is heard of', () => keys().length === 1);
    proxy.cut();
    await direct.transact([], [put('b')]);
    await direct.transact([], [put('c'), { op: 'delete', key: 'a' }]);
    proxy.heal();
    await until('b and c are heard of', () => keys().length === 4);
    expect(keys()).toEqual(['a', 'b', 'c', 'a']);
    proxy.cut();
    await direct.transact([], [put('d')]);
    await direct.transact([], [{ op: 'delete', key: 'd' }]);
    await direct.compact((await direct.transact([], [put('e')])).revision);
    proxy.heal();
    await watching;
    expect(keys()).toEqual(['a', 'b', 'c', 'a', 'compacted']);
  });

  test('history that ends with a deletion is not told without it', async () => {
    await using store = await open(etcd.hosts);
    await store.transact([], [put('a')]);
    const { revision } = await store.transact([], [{ op: 'delete', key: 'a' }]);
    await store.transact([], [put('b')]);
    // Of `a` etcd 3.4 has nothing left now, and still lets a watch begin at its deletion.
    await store.compact(revision + 1);
    expect(await take(store, all, revision, 1)).toEqual([{ kind: 'compacted', compactedTo: revision + 1 }]);
    expect(await take(store, all, revision + 1, 1)).toMatchObject([{ kind: 'events', revision: revision + 1 }]);
  });
});

test('a full etcd refuses writes and says what to do; reads, watches and deletions go on', async () => {
  await using etcd = await EtcdCluster.start({ args: ['--quota-backend-bytes', String(8 * 1024 * 1024)] });
  await using store = await open(etcd.hosts);
  const base = await store.revision();
  await store.transact([], [put('small')]);
  let full: unknown;
  for (let index = 0; full === undefined && index < 50; index += 1) {
    await store.transact([], [put(`big${index}`, 'x'.repeat(500_000))]).catch((error: unknown) => {
      full = error;
    });
  }
  expect(isFailure(full, 'exhausted')).toBe(true);
  expect((full as Error).message).toMatch(/is full and takes deletions only: .*quota-backend-bytes.*alarm disarm/);
  expect((await store.get('small'))?.version).toBe(1);
  const several = await Promise.all(['small', 'none', 'big0'].map((key) => store.get(key)));
  expect(several.map((entry) => entry?.key)).toEqual(['small', undefined, 'big0']);
  expect((await store.range(prefixRange('big'), { limit: 1 })).entries).toHaveLength(1);
  const { revision } = await store.transact([], [{ op: 'delete', key: 'small' }]);
  expect(await take(store, prefixRange('small'), base + 1, 2)).toMatchObject([
    { events: [{ type: 'put' }] },
    { revision, events: [{ type: 'delete' }] },
  ]);
  // What the sentence says helps.
  await store.transact([], [{ op: 'delete-range', range: prefixRange('big') }]);
  await etcd.etcdctl(['compact', String(await store.revision())]);
  await etcd.etcdctl(['defrag']);
  await etcd.etcdctl(['alarm', 'disarm']);
  await store.transact([], [put('again')]);
});

function keyOf(event: (WatchItem & { readonly kind: 'events' })['events'][number]): string {
  return event.type === 'put' ? event.entry.key : event.key;
}

/**
 * Writes while something happens, and checks that what was acknowledged is there, nothing is there twice, and a watch has
 * told all of it, once, in order. `fault` is given something to wait with until writing goes on.
 */
async function underLoad(
  hosts: readonly MemberAddress[],
  fault: (goesOn: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const space = nextSpace();
  await using store = await open(hosts, space);
  await using watcher = await open(hosts, space, 30_000);
  const stop = new AbortController();
  const acknowledged = new Set<string>();
  const doubtful = new Set<string>();
  const doubled: string[] = [];
  let number = 0;
  const writer = async () => {
    while (!stop.signal.aborted) {
      number += 1;
      const key = `k${number}`;
      try {
        const { succeeded } = await store.transact([{ key, is: 'absent' }], [put(key)]);
        if (succeeded) acknowledged.add(key);
        else doubled.push(key);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        doubtful.add(key);
      }
      await systemClock.sleep(5);
    }
  };
  const heard: string[] = [];
  const base = await store.revision();
  const watching = (async () => {
    for await (const item of watcher.watch(all, base + 1, stop.signal)) {
      heard.push(...(item.kind === 'events' ? item.events.map(keyOf) : ['compacted']));
    }
  })();
  const writers = Array.from({ length: 4 }, writer);
  const goesOn = async () => {
    const [before, heardBefore] = [acknowledged.size, heard.length];
    await until('writing goes on', () => acknowledged.size >= before + 40 && heard.length >= heardBefore + 40, 20_000);
  };
  let entries: readonly Entry[];
  try {
    await goesOn();
    await fault(goesOn);
    await goesOn();
    entries = (await store.range(all)).entries;
  } finally {
    stop.abort();
  }
  await Promise.all(writers);
  const final = (await store.range(all)).entries.sort((a, b) => a.modRevision - b.modRevision);
  expect(entries.length).toBeGreaterThanOrEqual(80);
  expect(doubled).toEqual([]);
  expect(final.filter((entry) => entry.version !== 1)).toEqual([]);
  const keys = new Set(final.map((entry) => entry.key));
  expect([...acknowledged].filter((key) => !keys.has(key))).toEqual([]);
  expect([...keys].filter((key) => !acknowledged.has(key) && !doubtful.has(key))).toEqual([]);
  await watching;
  expect(heard).toEqual(final.map((entry) => entry.key).slice(0, heard.length));
  expect(heard.length).toBeGreaterThanOrEqual(entries.length - 40);
}
