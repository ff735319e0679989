/** The store on a real etcd of one member. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/platform.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { storeConformance } from '../conformance/store.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';

let etcd: EtcdCluster;
let stores = 0;
beforeAll(async () => {
  etcd = await EtcdCluster.start();
});
afterAll(() => etcd[Symbol.asyncDispose]());

storeConformance('etcd', async () => {
  stores += 1;
  const store = await openEtcdStore({ hosts: etcd.hosts, prefix: `test${stores}/`, clock: systemClock });
  return {
    store,
    elapse: (ms) => systemClock.sleep(ms),
    ordered: false,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
});

test('a range of several pages is of one revision, also when what it reads is written and compacted meanwhile', async () => {
  const options = { hosts: etcd.hosts, prefix: 'pages/', clock: systemClock };
  await using paged = await openEtcdStore({ ...options, pageEntries: 10 });
  await using other = await openEtcdStore(options);
  const keys = Array.from({ length: 35 }, (_, n) => `/k${String(n).padStart(2, '0')}`);
  const all = { start: '/', end: '0' };
  let writing = true;
  let written = 0;
  const write = async () => {
    while (writing) {
      written += 1;
      // The first and the last always say the same, those between are there in turns.
      const between = keys.slice(1, -1).map((key, n) => {
        if ((n + written) % 2 === 0) return { op: 'put', key, value: `${written}` } as const;
        return { op: 'delete', key } as const;
      });
      const ends = [keys[0] ?? '', keys.at(-1) ?? ''].map((key) => ({ op: 'put', key, value: `${written}` }) as const);
      const { revision } = await other.transact([], [...ends, ...between]);
      if (written % 20 === 0) await other.compact(revision);
    }
  };
  const writer = write();
  try {
    let read = 0;
    for (let seen = 0; read < 100 || seen < 60; read += 1) {
      const { entries, revision, more } = await paged.range(all);
      seen = Number(entries[0]?.value ?? 0);
      expect(more).toBe(false);
      expect(entries.at(-1)?.value ?? '0').toBe(`${seen}`);
      expect(Math.max(0, ...entries.map(({ modRevision }) => modRevision))).toBeLessThanOrEqual(revision);
      const there = keys.slice(1, -1).filter((_, n) => seen > 0 && (n + seen) % 2 === 0);
      expect(entries.slice(1, -1).map(({ key }) => key)).toEqual(there);
    }
  } finally {
    writing = false;
    await writer;
  }
});
