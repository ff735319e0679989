import { describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, storeKinds } from '../../test/server/cluster.ts';
import { assignableAddresses, type EndpointRecord, parseSubnet } from '../domain/domain.ts';
import { ask, type NetworkView } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';
import { endpointKey, macKey } from './keys.ts';

async function two(cluster: Cluster, subnet = '10.42.0.0/16') {
  const server = await cluster.server();
  const network = await ask(server, 'network.create', { name: 'app', subnet });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const h2 = await cluster.node(server, 'h2', '10.0.0.2');
  return { server, network, h1, h2 };
}

async function addresses(node: Node, network: NetworkView): Promise<string[]> {
  const { cidr } = await node.ask('block.lease', { network: network.id });
  return assignableAddresses(parseSubnet(network.subnet), cidr);
}

const put = (node: Node, endpoint: EndpointRecord) => node.ask('endpoint.put', { endpoint });

async function stored(cluster: Cluster, prefix: string): Promise<string[]> {
  const { entries } = await cluster.store.range({ start: prefix, end: `${prefix.slice(0, -1)}0` });
  return entries.map(({ key }) => key);
}

/** When something was written last, other than what has been asked. */
async function written(cluster: Cluster): Promise<number> {
  const { entries } = await cluster.store.range({ start: '/trama/', end: '/trama0' });
  const kept = entries.filter(({ key }) => !key.startsWith('/trama/requests/'));
  return Math.max(...kept.map(({ modRevision }) => modRevision));
}

describe('an endpoint', () => {
  test('is put once, again without another write than that it was asked, and goes by its id only', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1 } = await two(cluster);
    const [address = ''] = await addresses(h1, network);
    const endpoint = h1.endpoint(network, address);
    await put(h1, endpoint);
    const before = await written(cluster);
    await put(h1, endpoint);
    await h1.ask('endpoint.delete', { network: network.id, address, id: 'another' });
    expect(await written(cluster)).toBe(before);
    expect((await ask(server, 'network.inspect', { name: 'app' })).containers).toEqual([
      { name: `on-${address}`, node: 'h1', address, mac: endpoint.mac },
    ]);
    await h1.ask('endpoint.delete', { network: network.id, address, id: endpoint.id });
    expect(await stored(cluster, '/trama/endpoints/')).toEqual([]);
    expect(await stored(cluster, '/trama/macs/')).toEqual([]);
  });

  test('with another MAC leaves the former one free', async () => {
    await using cluster = await Cluster.create();
    const { network, h1 } = await two(cluster);
    const [address = ''] = await addresses(h1, network);
    const endpoint = h1.endpoint(network, address);
    await put(h1, endpoint);
    await put(h1, { ...endpoint, mac: '02:00:00:00:00:77' });
    expect(await stored(cluster, '/trama/macs/')).toEqual([macKey(network.id, '02:00:00:00:00:77')]);
  });

  test('is refused where the node holds nothing, and where another has it', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster);
    const [address = '', second = ''] = await addresses(h1, network);
    const [own = ''] = await addresses(h2, network);
    await put(h1, h1.endpoint(network, address));
    expect(await refusal(put(h2, h2.endpoint(network, address)))).toBe(
      `conflict: address ${address} of network app is in use by container on-${address} on node h1`,
    );
    expect(await refusal(put(h2, h2.endpoint(network, second)))).toBe(
      `conflict: address ${second} of network app is node h1's, not node h2's: lease a block or reserve the address first`,
    );
    expect(await refusal(put(h2, h2.endpoint(network, '10.42.0.9')))).toBe(
      "conflict: address 10.42.0.9 of network app is leased to no node, not node h2's: lease a block or reserve the address first",
    );
    const { mac } = h1.endpoint(network, address);
    expect(await refusal(put(h2, { ...h2.endpoint(network, own), mac }))).toBe(
      `conflict: MAC ${mac} of network app is in use by container on-${address} on node h1 (${address}): choose another`,
    );
    expect(await refusal(put(h2, { ...h2.endpoint(network, own), mac: '01:00:00:00:00:01' }))).toMatch(/^invalid: 01:/);
    expect(await refusal(put(h2, h2.endpoint(network, '10.43.0.9')))).toMatch(
      /^invalid: 10.43.0.9 is not in network app/,
    );
  });

  test('is told by its own node only', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster);
    const [address = ''] = await addresses(h1, network);
    const endpoint = h1.endpoint(network, address);
    expect(await refusal(put(h2, endpoint))).toBe('denied: node h2 cannot speak for node h1');
    await put(h1, endpoint);
    expect(await refusal(h2.ask('endpoint.delete', { network: network.id, address, id: endpoint.id }))).toBe(
      'denied: node h2 cannot speak for node h1',
    );
    const sync = { network: network.id, endpoints: [endpoint] };
    expect(await refusal(h2.ask('endpoint.sync', sync))).toBe('denied: node h2 cannot speak for node h1');
  });
});

describe('a sync', () => {
  test('puts what is new, drops what is gone, refuses what is another’s, and leaves other nodes alone', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1, h2 } = await two(cluster);
    const [a = '', b = '', c = ''] = await addresses(h1, network);
    const [d = ''] = await addresses(h2, network);
    await put(h1, h1.endpoint(network, a));
    await put(h1, h1.endpoint(network, b));
    await put(h2, h2.endpoint(network, d));
    const said = [
      h1.endpoint(network, b),
      // The dropped one's MAC at another address: what goes, goes first.
      { ...h1.endpoint(network, c), mac: h1.endpoint(network, a).mac },
      h1.endpoint(network, d, 'late'),
      h1.endpoint(network, '10.99.0.1', 'outside'),
    ];
    expect(await h1.ask('endpoint.sync', { network: network.id, endpoints: said })).toEqual({
      refused: ['late', 'outside'],
    });
    const { containers } = await ask(server, 'network.inspect', { name: 'app' });
    expect(containers.map(({ address, node }) => `${address} ${node}`).sort()).toEqual(
      [`${b} h1`, `${c} h1`, `${d} h2`].sort(),
    );
    const before = await written(cluster);
    await h1.ask('endpoint.sync', { network: network.id, endpoints: said });
    expect(await written(cluster)).toBe(before);
  });
});

describe('a sync of many', () => {
  /** What is said by a node with so many endpoints in one block. */
  const many = async (cluster: Cluster, count: number) => {
    const { server, network, h1, h2 } = await two(cluster);
    const free = await addresses(h1, network);
    const said = free.slice(0, count).map((address) => h1.endpoint(network, address));
    const sync = (endpoints = said) => h1.ask('endpoint.sync', { network: network.id, endpoints });
    return { server, network, h1, h2, said, sync };
  };

  test('costs a fraction of single tellings, and next to nothing when nothing has changed', async () => {
    const counted = { operations: 0, entries: 0 };
    await using cluster = await Cluster.create('memory', (store) => counting(store, counted));
    const { server, said, sync } = await many(cluster, 60);
    counted.operations = 0;
    expect(await sync()).toEqual({ refused: [] });
    expect(counted.operations).toBeLessThan(20);
    const { containers } = await ask(server, 'network.inspect', { name: 'app' });
    expect(containers.map(({ address }) => address).sort()).toEqual(said.map(({ address }) => address).sort());
    const before = await written(cluster);
    counted.operations = 0;
    await sync();
    expect(counted.operations).toBeLessThan(15);
    expect(await written(cluster)).toBe(before);
  });

  test('an endpoint that cannot be put keeps none of the others away', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1, h2, said, sync } = await many(cluster, 40);
    const [first, second, ...rest] = said;
    if (first === undefined || second === undefined) throw new Error('there are none');
    // Another node's has the MAC of one; two say the same MAC.
    const [theirs = ''] = await addresses(h2, network);
    await put(h2, { ...h2.endpoint(network, theirs), mac: first.mac });
    const double = { ...second, mac: rest[0]?.mac ?? '' };
    const { refused } = await sync([first, ...rest, double]);
    expect(refused).toHaveLength(2);
    expect(refused).toContain(first.id);
    // Whichever of the two came first has it.
    expect(refused.includes(double.id)).not.toBe(refused.includes(rest[0]?.id ?? ''));
    const { containers } = await ask(server, 'network.inspect', { name: 'app' });
    expect(containers.filter(({ node }) => node === h1.name)).toHaveLength(rest.length);
  });

  test('what is said anew of a known one is told, and the rest is not', async () => {
    await using cluster = await Cluster.create();
    const { network, said, sync } = await many(cluster, 10);
    await sync();
    const before = await written(cluster);
    const renamed = said.map((each, at) => (at === 3 ? { ...each, aliases: ['new'] } : each));
    expect(await sync(renamed)).toEqual({ refused: [] });
    const { entries } = await cluster.store.range({ start: '/trama/endpoints/', end: '/trama/endpoints0' });
    const later = entries.filter(({ modRevision }) => modRevision > before);
    expect(later.map(({ key }) => key)).toEqual([endpointKey(network.id, said[3]?.address ?? '')]);
  });
});

describe('races', () => {
  test.each(storeKinds)(
    '200 endpoints put at once by two nodes at two servers: no address, no MAC twice (%s)',
    async (kind) => {
      await using cluster = await Cluster.create(kind);
      const { server, network, h1 } = await two(cluster, '10.42.0.0/24');
      const h3 = await cluster.node(await cluster.server(), 'h3', '10.0.0.3');
      // Both claim the same hundred addresses, of which each holds some.
      const mine = new Set([...(await addresses(h1, network)), ...(await addresses(h1, network))]);
      const theirs = new Set([...(await addresses(h3, network)), ...(await addresses(h3, network))]);
      const claims = [...mine, ...theirs, ...Array.from({ length: 40 }, (_, i) => `10.42.0.${32 + i}`)];
      const mac = (i: number) => `02:00:00:00:00:${(i % 50).toString(16).padStart(2, '0')}`;
      const results = await Promise.allSettled(
        claims.flatMap((address, i) =>
          [h1, h3].map((node) =>
            put(node, { ...node.endpoint(network, address, `${node.name}-${address}`), mac: mac(i) }),
          ),
        ),
      );
      expect(results.length).toBeGreaterThanOrEqual(200);
      const { containers } = await ask(server, 'network.inspect', { name: 'app' });
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(containers.length);
      expect(containers.length).toBeGreaterThan(40);
      expect(new Set(containers.map((each) => each.mac)).size).toBe(containers.length);
      for (const { address, node } of containers) expect((node === 'h1' ? mine : theirs).has(address)).toBe(true);
    },
  );
});

describe('cost', () => {
  test('an endpoint’s change takes as many store operations, over as many entries, with 10,000 endpoints as with 100', async () => {
    const counted = { operations: 0, entries: 0 };
    await using cluster = await Cluster.create('memory', (store) => counting(store, counted));
    const { network, h1 } = await two(cluster);
    const [address = ''] = await addresses(h1, network);
    const measure = async () => {
      const costs = [];
      for (const change of ['put', 'put again', 'delete'] as const) {
        counted.operations = 0;
        counted.entries = 0;
        const endpoint = h1.endpoint(network, address);
        if (change === 'delete') await h1.ask('endpoint.delete', { network: network.id, address, id: endpoint.id });
        else await put(h1, endpoint);
        costs.push({ change, ...counted });
      }
      return costs;
    };
    await fill(cluster.store, network, 0, 100);
    const few = await measure();
    await fill(cluster.store, network, 100, 10_000);
    expect(await measure()).toEqual(few);
    expect(few[0]?.operations).toBeLessThan(12);
  });
});

async function fill(store: Store, network: NetworkView, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1) {
    const address = `10.42.${128 + (i >> 8)}.${i & 255}`;
    const record = { id: `e${i}`, network: network.id, node: 'h9', kind: 'container', address, mac: 'x' };
    await store.transact([], [{ op: 'put', key: endpointKey(network.id, address), value: JSON.stringify(record) }]);
  }
}

/** Counts calls, and entries that travelled either way. */
function counting(store: Store, counted: { operations: number; entries: number }): Store {
  return new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (!['get', 'range', 'transact'].includes(String(property))) return value.bind(target);
      return async (...args: never[]) => {
        counted.operations += 1;
        if (property === 'transact') counted.entries += (args as never[][]).flat().length;
        const result = await Reflect.apply(value, target, args);
        counted.entries += (result as { entries?: unknown[] } | undefined)?.entries?.length ?? 1;
        return result;
      };
    },
  });
}
