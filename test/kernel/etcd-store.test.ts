/** The store on a real etcd of one member. */
import { afterAll, beforeAll } from 'vitest';
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
