/** A request that is asked again, under its id, at another server or after a restart: it is done once, and answered the same. */
import { describe, expect, test } from 'vitest';
import { Cluster, Interrupted, refusal, spec, storeKinds } from '../../test/server/cluster.ts';
import { addressAt, formatAddress, parseSubnet } from '../domain/domain.ts';
import { ask, type MethodName, networkTopic, type Params } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';

/** One node that is connected to two servers. */
async function scene(cluster: Cluster) {
  const first = await cluster.server();
  const h1 = await cluster.node(first, 'h1', '10.0.0.1');
  // Begun when it can know the node.
  const second = await cluster.server();
  const there = await cluster.rejoin(second, 'h1', '10.0.0.1', h1.keys);
  const twice = async <M extends MethodName>(method: M, params: Params<M>, id: string = method) => {
    const once = await ask(h1.client, method, params, { id });
    const again = await ask(there.client, method, params, { id });
    return [once, again] as const;
  };
  return { first, second, h1, there, twice };
}

const keys = async (store: Store, collection: string) =>
  (await store.range({ start: `/trama/${collection}/`, end: `/trama/${collection}0` })).entries.map(({ key }) => key);

describe.each(storeKinds)('asked at two servers over %s', (kind) => {
  test('what makes something makes one, and both answer it', async () => {
    await using cluster = await Cluster.create(kind);
    const { twice } = await scene(cluster);
    const before = (await keys(cluster.store, 'tokens')).length;
    const [network, sameNetwork] = await twice('network.create', { name: 'app' });
    expect(sameNetwork).toEqual(network);
    const [token, sameToken] = await twice('token.create', { uses: 1, ttlMs: 60_000 });
    expect(sameToken).toEqual(token);
    expect(await keys(cluster.store, 'tokens')).toHaveLength(before + 1);
    const [block, sameBlock] = await twice('block.lease', { network: network.id });
    expect(sameBlock).toEqual(block);
    expect(await keys(cluster.store, 'blocks')).toHaveLength(1);
    const [named, sameNamed] = await twice('workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    expect(sameNamed).toEqual(named);
    const [invented, sameInvented] = await twice('workload.run', { node: 'h1', spec: spec() }, 'another');
    expect(sameInvented.id).toBe(invented.id);
    expect(await keys(cluster.store, 'workloads')).toHaveLength(2);
  });

  test('what a node has told since is not undone by a try that was late', async () => {
    await using cluster = await Cluster.create(kind);
    const { first, h1, there } = await scene(cluster);
    const network = await ask(first, 'network.create', { name: 'app' });
    const { cidr } = await ask(h1.client, 'block.lease', { network: network.id });
    const [address, other] = [2, 3].map((offset) => formatAddress(addressAt(parseSubnet(cidr), offset))) as [
      string,
      string,
    ];
    const endpoint = h1.endpoint(network, address);
    const named = { ...endpoint, container: { id: 'c'.repeat(64), name: 'web' } };
    const kept = async () => (await ask(first, 'feed.snapshot', { topic: networkTopic(network.id) })).items;
    const nameKept = async () => JSON.stringify(await kept()).includes('"name":"web"');

    await ask(there.client, 'endpoint.put', { endpoint }, { id: 'claim' });
    await ask(there.client, 'endpoint.put', { endpoint: named });
    await ask(h1.client, 'endpoint.put', { endpoint }, { id: 'claim' });
    expect(await nameKept()).toBe(true);

    // Also one that found nothing to change.
    await ask(there.client, 'endpoint.put', { endpoint: named }, { id: 'same' });
    await ask(there.client, 'endpoint.put', { endpoint });
    await ask(h1.client, 'endpoint.put', { endpoint: named }, { id: 'same' });
    expect(await nameKept()).toBe(false);

    const all = { network: network.id, endpoints: [endpoint] };
    expect(await ask(there.client, 'endpoint.sync', all, { id: 'sync' })).toEqual({ refused: [] });
    await ask(there.client, 'endpoint.put', { endpoint: h1.endpoint(network, other) });
    await ask(there.client, 'endpoint.put', { endpoint: named });
    expect(await ask(h1.client, 'endpoint.sync', all, { id: 'sync' })).toEqual({ refused: [] });
    expect(await nameKept()).toBe(true);
    expect(JSON.stringify(await kept())).toContain(`"${other}"`);

    const gone = { network: network.id, address, id: endpoint.id };
    await ask(there.client, 'endpoint.delete', gone, { id: 'delete' });
    await ask(there.client, 'endpoint.put', { endpoint: named });
    await ask(h1.client, 'endpoint.delete', gone, { id: 'delete' });
    expect(await nameKept()).toBe(true);
  });

  test('what removes something has done it, and does not remove what came after it', async () => {
    await using cluster = await Cluster.create(kind);
    const { first, h1, twice } = await scene(cluster);
    await ask(first, 'network.create', { name: 'app' });
    expect(await twice('network.remove', { name: 'app' })).toEqual([{}, {}]);
    await ask(first, 'network.create', { name: 'app' });
    const third = await cluster.rejoin(await cluster.server(), 'h1', '10.0.0.1', h1.keys);
    expect(await ask(third.client, 'network.remove', { name: 'app' }, { id: 'network.remove' })).toEqual({});
    expect(await keys(cluster.store, 'networks')).toHaveLength(1);
    expect(await keys(cluster.store, 'removing')).toEqual([]);
    const run = () => ask(first, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const { id } = await run();
    const removing = { name: 'web', force: true };
    const [removed, again] = await twice('workload.remove', removing);
    expect([removed, again]).toEqual(Array(2).fill({ removing: { name: 'web', id } }));
    const gone = {
      name: 'web',
      id,
      node: 'h1',
      generation: 2,
      phase: 'removing',
      message: 'gone',
      networks: [],
    } as const;
    await h1.ask('workload.report', { status: gone });
    await expect.poll(() => ask(third.client, 'workload.remove', removing, { id: 'workload.remove' })).toEqual(removed);
    const after = await run();
    const fourth = await cluster.rejoin(await cluster.server(), 'h1', '10.0.0.1', h1.keys);
    expect(await ask(fourth.client, 'workload.remove', removing, { id: 'workload.remove' })).toEqual(removed);
    expect(await ask(first, 'workload.inspect', { name: 'web' })).toMatchObject({ id: after.id, status: 'pending' });
    await cluster.node(first, 'h2', '10.0.0.2');
    const leaving = { name: 'h2', force: true };
    expect(await twice('node.remove', leaving)).toEqual([{}, {}]);
    await cluster.node(first, 'h2', '10.0.0.2');
    expect(await ask(third.client, 'node.remove', leaving, { id: 'node.remove' })).toEqual({});
    expect((await keys(cluster.store, 'nodes')).length).toBe(2);
  });
});

describe('a request that is withdrawn', () => {
  const wish = { name: 'web', node: 'h1', spec: spec() };

  test('is not done when it arrives later, at whatever server', async () => {
    await using cluster = await Cluster.create();
    const { h1, there } = await scene(cluster);
    await ask(h1.client, 'request.withdraw', { request: 'one' });
    expect(await refusal(ask(there.client, 'workload.run', wish, { id: 'one' }))).toMatch(
      /^conflict: who asked for this/,
    );
    expect(await refusal(ask(h1.client, 'workload.run', wish, { id: 'one' }))).toMatch(/^conflict: who asked for this/);
    expect(await keys(cluster.store, 'workloads')).toEqual([]);
    await ask(there.client, 'workload.run', wish, { id: 'two' });
    expect(await keys(cluster.store, 'workloads')).toHaveLength(1);
  });

  test('in the midst of it is not done, or stays done', async () => {
    const interrupted: { of?: Interrupted } = {};
    await using cluster = await Cluster.create('memory', (store) => {
      interrupted.of = new Interrupted(store);
      return interrupted.of.store;
    });
    const { h1, there } = await scene(cluster);
    interrupted.of?.before(/workloads/, async () => {
      await ask(there.client, 'request.withdraw', { request: 'one' });
    });
    expect(await refusal(ask(h1.client, 'workload.run', wish, { id: 'one' }))).toMatch(/^conflict: who asked for this/);
    expect(await keys(cluster.store, 'workloads')).toEqual([]);
    const { id } = await ask(h1.client, 'workload.run', wish, { id: 'two' });
    await ask(there.client, 'request.withdraw', { request: 'two' });
    expect(await ask(there.client, 'workload.run', wish, { id: 'two' })).toMatchObject({ id });
  });

  test('is one of the caller’s own', async () => {
    await using cluster = await Cluster.create();
    const { first, h1 } = await scene(cluster);
    const h2 = await cluster.node(first, 'h2', '10.0.0.2');
    await h2.ask('request.withdraw', { request: 'one' });
    await ask(h1.client, 'workload.run', wish, { id: 'one' });
    expect(await keys(cluster.store, 'workloads')).toHaveLength(1);
  });
});

test('an id is its caller’s: another node under the same id is another request', async () => {
  await using cluster = await Cluster.create();
  const { first, h1 } = await scene(cluster);
  const h2 = await cluster.node(first, 'h2', '10.0.0.2');
  const network = await ask(first, 'network.create', { name: 'app' });
  const lease = (client: typeof h1.client) => ask(client, 'block.lease', { network: network.id }, { id: 'one' });
  expect((await lease(h1.client)).cidr).not.toBe((await lease(h2.client)).cidr);
});

test('at two servers at the same time: one does it, the other tells', async () => {
  const interrupted: { of?: Interrupted } = {};
  await using cluster = await Cluster.create('memory', (store) => {
    interrupted.of = new Interrupted(store);
    return interrupted.of.store;
  });
  const { h1, there } = await scene(cluster);
  const run = (client: typeof h1.client) => ask(client, 'workload.run', { node: 'h1', spec: spec() }, { id: 'one' });
  let other: Awaited<ReturnType<typeof run>> | undefined;
  // After the first has decided, and before it writes.
  interrupted.of?.before(/workloads/, async () => {
    other = await run(there.client);
  });
  const one = await run(h1.client);
  expect(one.id).toBe(other?.id);
  expect(await keys(cluster.store, 'workloads')).toHaveLength(1);
});

test('what was refused has not been done, and may be done the next time', async () => {
  await using cluster = await Cluster.create();
  const { first, h1, there } = await scene(cluster);
  await ask(first, 'network.create', { name: 'app' });
  const remove = (client: typeof h1.client) => ask(client, 'network.remove', { name: 'app' }, { id: 'one' });
  const { id } = await ask(first, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
  expect(await refusal(remove(h1.client))).toMatch(/^conflict: network app is in use/);
  await ask(first, 'workload.remove', { name: 'web', force: true });
  const gone = {
    name: 'web',
    id,
    node: 'h1',
    generation: 2,
    phase: 'removing',
    message: 'gone',
    networks: [],
  } as const;
  await h1.ask('workload.report', { status: gone });
  expect(await remove(there.client)).toEqual({});
});

test('records go by themselves: all of a while under one lease', async () => {
  await using cluster = await Cluster.create();
  const { h1 } = await scene(cluster);
  for (const name of ['a', 'b', 'c']) await ask(h1.client, 'network.create', { name });
  const { entries } = await cluster.store.range({ start: '/trama/requests/', end: '/trama/requests0' });
  expect(entries).toHaveLength(3);
  expect(new Set(entries.map(({ lease }) => lease)).size).toBe(1);
  expect(entries[0]?.lease).toBeDefined();
});

test('a lease that is gone is replaced: a server that stood still for long goes on', async () => {
  let lost = 0;
  await using cluster = await Cluster.create('memory', (store) => ({
    ...bound(store),
    async grantLease(ttlMs) {
      const lease = await store.grantLease(ttlMs);
      if (ttlMs > 60_000 && lost === 0) {
        lost += 1;
        await lease.revoke();
      }
      return lease;
    },
  }));
  const { h1 } = await scene(cluster);
  expect(await ask(h1.client, 'network.create', { name: 'app' })).toMatchObject({ name: 'app' });
  expect(lost).toBe(1);
});

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
