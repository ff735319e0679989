/** Backup, restore and migration over a real etcd. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/platform/platform.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { backupConformance } from '../conformance/backup.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';

let etcd: EtcdCluster;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
});
afterAll(() => etcd?.[Symbol.asyncDispose]());

backupConformance('an etcd', async () => {
  const prefix = `${randomBytes(8).toString('hex')}/`;
  const store = await openEtcdStore({ hosts: etcd.hosts, prefix, clock: systemClock });
  return { store, exclusive: false, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
