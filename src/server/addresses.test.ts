import { describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, storeKinds } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { assignableAddresses, Failure, leaseHolds, parseSubnet } from '../domain/domain.ts';
import { ask, type NetworkView } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

const yielding = (answer: () => unknown): RequestHandler => ({
  call: async () => answer(),
  open: () => Promise.reject(new Failure('invalid', 'no streams')),
});

async function two(cluster: Cluster, subnet: string, owner = yielding(() => ({}))) {
  const server = await cluster.server();
  const network = await ask(server, 'network.create', { name: 'app', subnet });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1', { handler: owner });
  const h2 = await cluster.node(server, 'h2', '10.0.0.2');
  return { server, network, h1, h2 };
}

const lease = (node: Node, network: NetworkView) => node.ask('block.lease', { network: network.id });
const reserve = (node: Node, network: NetworkView, address: string) =>
  node.ask('address.reserve', { network: network.id, address });

describe('blocks', () => {
  test('are leased one after the other, apart, and end with single addresses and a sentence', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/27');
    const cidrs: string[] = [];
    let said = '';
    while (said === '') {
      const node = cidrs.length % 2 === 0 ? h1 : h2;
      await lease(node, network).then(
        ({ cidr }) => cidrs.push(cidr),
        (error: Error) => {
          said = error.message;
        },
      );
    }
    expect(said).toMatch(/^network app \(10.42.0.0\/27\) has no address left: remove containers from it/);
    const addresses = cidrs.flatMap((cidr) => assignableAddresses(parseSubnet(network.subnet), cidr));
    expect(new Set(addresses).size).toBe(addresses.length);
    // 32 less the network's own, the nominal gateway and the broadcast address.
    expect(addresses).toHaveLength(29);
    expect(cidrs.filter((cidr) => cidr.endsWith('/32')).length).toBeGreaterThan(0);
  });

  test('go back when nothing is in them, by who has them', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/24');
    const { cidr } = await lease(h1, network);
    const release = (node: Node) => node.ask('block.release', { network: network.id, cidr });
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    const endpoint = h1.endpoint(network, address);
    await h1.ask('endpoint.put', { endpoint });
    expect(await refusal(release(h2))).toBe(`denied: block ${cidr} is leased to node h1, not to node h2`);
    expect(await refusal(release(h1))).toBe(`conflict: block ${cidr} has endpoints in it: delete them first`);
    await h1.ask('endpoint.delete', { network: network.id, address, id: endpoint.id });
    await release(h1);
    await release(h1);
    expect(await lease(h1, network)).toEqual({ network: network.id, cidr, node: 'h1' });
  });

  test('of a network that is gone are refused', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1 } = await two(cluster, '10.42.0.0/24');
    await ask(server, 'network.remove', { name: 'app' });
    expect(await refusal(lease(h1, network))).toMatch(/^not-found: there is no network with id/);
  });

  test.each(storeKinds)('two hundred leases at once at two servers give no address twice (%s)', async (kind) => {
    await using cluster = await Cluster.create(kind);
    const { server, network, h1 } = await two(cluster, '10.42.0.0/16');
    const other = await cluster.server();
    const h3 = await cluster.node(other, 'h3', '10.0.0.3');
    const leases = await Promise.all(Array.from({ length: 200 }, (_, i) => lease(i % 2 === 0 ? h1 : h3, network)));
    expect(new Set(leases.map(({ cidr }) => cidr)).size).toBe(200);
    const { nodes } = await ask(server, 'network.inspect', { name: 'app' });
    expect(nodes.map(({ blocks }) => blocks.length)).toEqual([100, 100]);
  });
});

describe('fixed addresses', () => {
  test('of nobody are held for who asks, and no block is leased over them', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/26');
    await reserve(h1, network, '10.42.0.40');
    await reserve(h1, network, '10.42.0.40');
    expect(await refusal(reserve(h2, network, '10.42.0.40'))).toBe(
      'conflict: address 10.42.0.40 of network app is held for a container on node h1: choose another, or none to get a free one',
    );
    for (let i = 0; i < 6; i++) expect(leaseHolds((await lease(h2, network)).cidr, '10.42.0.40')).toBe(false);
    await h2.ask('address.release', { network: network.id, address: '10.42.0.40' });
    expect(await refusal(reserve(h2, network, '10.42.0.40'))).toMatch(/^conflict/);
    await h1.ask('address.release', { network: network.id, address: '10.42.0.40' });
    await reserve(h2, network, '10.42.0.40');
  });

  test('are had again by the node that has not told yet that its former endpoint has ended', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/24');
    const [address, of] = ['10.42.0.77', { network: network.id, address: '10.42.0.77' }];
    await reserve(h1, network, address);
    const endpoint = h1.endpoint(network, address);
    await h1.ask('endpoint.put', { endpoint });
    await h1.ask('address.release', of);
    expect(await refusal(reserve(h2, network, address))).toMatch(/^conflict: .* on node h1/);
    await reserve(h1, network, address);
    await h1.ask('endpoint.delete', { ...of, id: endpoint.id });
    expect(await refusal(reserve(h2, network, address))).toMatch(/held for a container on node h1/);
  });

  test('in the own block need no record', async () => {
    await using cluster = await Cluster.create();
    const { network, h1 } = await two(cluster, '10.42.0.0/24');
    const { cidr } = await lease(h1, network);
    const before = await cluster.store.revision();
    const [, address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    await reserve(h1, network, address);
    expect(await cluster.store.revision()).toBe(before);
  });

  test('in another’s block are asked of it, and then belong to who asked', async () => {
    await using cluster = await Cluster.create();
    const asked: unknown[] = [];
    const handler: RequestHandler = {
      call: async (method, params) => asked.push([method, params]) && {},
      open: () => Promise.reject(new Failure('invalid', 'no streams')),
    };
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/24', handler);
    const { cidr } = await lease(h1, network);
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    await reserve(h2, network, address);
    expect(asked).toEqual([['address.yield', { network: network.id, address }]]);
    await h2.ask('endpoint.put', { endpoint: h2.endpoint(network, address) });
    expect(await refusal(h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address, 'mine') }))).toBe(
      `conflict: address ${address} of network app is in use by container on-${address} on node h2`,
    );
    expect(await refusal(reserve(h1, network, address))).toMatch(
      /^conflict: .* is in use by container on-.* on node h2/,
    );
    // Nothing of h1's is in its block.
    await h1.ask('block.release', { network: network.id, cidr });
  });

  test('that the owner uses are refused with its sentence, and with the container if it is known', async () => {
    await using cluster = await Cluster.create();
    const inUse = yielding(() => {
      throw new Failure('conflict', 'address 10.42.0.99 is in use on node h1');
    });
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/24', inUse);
    const { cidr } = await lease(h1, network);
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    expect(await refusal(reserve(h2, network, address))).toBe('conflict: address 10.42.0.99 is in use on node h1');
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    expect(await refusal(reserve(h2, network, address))).toBe(
      `conflict: address ${address} of network app is in use by container on-${address} on node h1: choose another, or none to get a free one`,
    );
  });

  test('in the block of a node that is down cannot be had', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, h2 } = await two(cluster, '10.42.0.0/24');
    const { cidr } = await lease(h1, network);
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    await h1.client[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await refusal(reserve(h2, network, address))).toBe(
      `unavailable: address ${address} of network app lies in a block of node h1, which is down and cannot give it up: choose another, or none to get a free one`,
    );
  });

  test.each([
    ['10.43.0.5', 'invalid: 10.43.0.5 is not in network app (10.42.0.0/24)'],
    ['10.42.0.0', 'invalid: 10.42.0.0 is the address of network app'],
    ['10.42.0.255', 'invalid: 10.42.0.255 is the broadcast address'],
    ['10.42.0.05', 'invalid: "10.42.0.05" is not an IP address'],
  ])('%s is refused', async (address, sentence) => {
    await using cluster = await Cluster.create();
    const { network, h2 } = await two(cluster, '10.42.0.0/24');
    expect((await refusal(reserve(h2, network, address))).slice(0, sentence.length)).toBe(sentence);
  });

  test('leases and reservations racing at two servers: no block is leased over an address that another holds', async () => {
    await using cluster = await Cluster.create();
    const asked = new Set<string>();
    const handler: RequestHandler = {
      call: async (_method, params) => asked.add((params as { address: string }).address) && {},
      open: () => Promise.reject(new Failure('invalid', 'no streams')),
    };
    const { network, h1 } = await two(cluster, '10.42.0.0/24', handler);
    const other: Server = await cluster.server();
    const h3 = await cluster.node(other, 'h3', '10.0.0.3');
    // As agents do, h1 is connected to every server: each can ask it to yield.
    const elsewhere = await cluster.connect(other, h1.keys, handler);
    await elsewhere.call('node.list', {});
    const held = Array.from({ length: 14 }, (_, i) => `10.42.0.${37 + i * 16}`);
    const leased: string[] = [];
    await Promise.all([
      ...held.map((address) => reserve(h3, network, address)),
      ...held.map(async () => leased.push((await lease(h1, network)).cidr)),
    ]);
    // Its owner gave it up, or it was held before anybody could lease over it.
    const over = held.filter((address) => leased.some((cidr) => leaseHolds(cidr, address)));
    for (const address of over) expect(asked).toContain(address);
    for (const address of held) {
      expect(await refusal(h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) }))).toMatch(/^conflict/);
    }
  });
});
