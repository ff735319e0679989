/** Which servers there are, and which of them does what is to be done once. */
import { expect, test } from 'vitest';
import { Cluster, facts, until } from '../../test/server/cluster.ts';
import type { Api } from '../protocol/protocol.ts';
import { ask, clusterTopic, type TopicValue } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';
import { keeperKey, serverKey } from './keys.ts';
import { put } from './records.ts';

const listed = async (api: Api) => {
  const { items } = await ask(api, 'feed.snapshot', { topic: clusterTopic });
  const servers = items.flatMap(({ value }) => ((value as TopicValue).kind === 'server' ? [value as TopicValue] : []));
  return servers.map((each) => (each.kind === 'server' ? each.server.host : '')).sort();
};

/** As a person is told of them. */
const told = async (api: Api) => {
  const { servers } = await ask(api, 'cluster.servers', {});
  for (const { version, since } of servers) expect([version !== '', since]).toEqual([true, expect.any(Number)]);
  return servers.map(({ host, keepsHouse }) => (keepsHouse ? `${host} keeps house` : host)).sort();
};

const keeperOf = async (store: Store) => (await store.get(keeperKey))?.lease;

test('servers are listed while they are there; who joins is told of all, and which one it has asked', async () => {
  await using cluster = await Cluster.create();
  const first = await cluster.server();
  const second = await cluster.server();
  await until('both are listed', async () => (await listed(first)).length === 2);
  const entry = await cluster.connect(second, await cluster.token(second));
  const key = cluster.bus.generateKeys().publicKey;
  const joined = await ask(entry, 'node.join', { ...facts('h1', '10.0.0.1'), key });
  expect((joined.servers ?? []).map(({ host }) => host).sort()).toEqual(['10.255.0.1', '10.255.0.2']);
  expect(joined.server).toBe(`10.255.0.2:${second.ports.requests}`);
  await second[Symbol.asyncDispose]();
  expect(await listed(first)).toEqual(['10.255.0.1']);
});

test('one server keeps house, and the next as soon as it is gone', async () => {
  await using cluster = await Cluster.create();
  const first = await cluster.server();
  await until('there is a keeper', async () => (await keeperOf(cluster.store)) !== undefined);
  const second = await cluster.server();
  const former = await keeperOf(cluster.store);
  await until('the second is listed', async () => (await listed(second)).length === 2);
  expect(await keeperOf(cluster.store)).toBe(former);
  // Each tells so.
  for (const asked of [first, second])
    await until('it says so', async () => (await told(asked)).join() === '10.255.0.1 keeps house,10.255.0.2');
  await first[Symbol.asyncDispose]();
  await until('the second keeps house', async () => ![undefined, former].includes(await keeperOf(cluster.store)));
  await until('it says so', async () => (await told(second)).join() === '10.255.0.2 keeps house');
});

test('a server that has only just begun leaves the house to the others for a while', async () => {
  await using cluster = await Cluster.create();
  const first = await cluster.server();
  // Of a server that does nothing.
  await cluster.store.transact([], [put(serverKey('10.0.0.9:1'), { id: '10.0.0.9:1', host: '10.0.0.9' })]);
  await cluster.server();
  await first[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(await keeperOf(cluster.store)).toBe(undefined);
  cluster.clock.step(15_000);
  await until('the new one keeps house', async () => (await keeperOf(cluster.store)) !== undefined);
});

test('a server whose store does not answer says so with its heartbeats, and that it does again', async () => {
  const cut = { now: false };
  const refuse = () => Promise.reject(new Error('cut off'));
  await using cluster = await Cluster.create(
    'memory',
    (store) =>
      new Proxy(store, {
        get: (target, property) => {
          const value = Reflect.get(target, property);
          if (cut.now && property === 'grantLease') return refuse;
          if (property !== 'grantLease' || cut.now) return typeof value === 'function' ? value.bind(target) : value;
          return async (ttlMs: number) => {
            const lease = await target.grantLease(ttlMs);
            return { ...lease, renew: () => (cut.now ? refuse() : lease.renew()), revoke: () => lease.revoke() };
          };
        },
      }),
  );
  const h1 = await cluster.node(await cluster.server(), 'h1', '10.0.0.1');
  const able = async () => (await h1.ask('node.heartbeat', { topics: {} })).able;
  expect(await able()).toBe(true);
  cut.now = true;
  cluster.clock.step(3000);
  expect(await able()).toBe(false);
  cut.now = false;
  await until('it is able again', async () => (await able()) === true);
});

test('a lease that ran out while the server stood still is taken anew, with its place in the list', async () => {
  await using cluster = await Cluster.create();
  const first = await cluster.server();
  await until('it is listed', async () => (await listed(first)).length === 1);
  const { entries } = await cluster.store.range({ start: '/trama/servers/', end: '/trama/servers0' });
  // As the end of a lease does it.
  for (const { key } of entries) await cluster.store.transact([], [{ op: 'delete', key }]);
  expect(await listed(first)).toEqual([]);
  await until('it is listed again', async () => (await listed(first)).length === 1);
});
