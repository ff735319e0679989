/** Two servers over one store, the second doing something just before the first one's write. */
import { describe, expect, test } from 'vitest';
import { Cluster, Interrupted, refusal, spec } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { assignableAddresses, Failure, leaseHolds, parseSubnet } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';

async function two(cluster: Cluster) {
  const interrupted = new Interrupted(cluster.store);
  const first = await cluster.server(interrupted.store);
  const second = await cluster.server();
  const network = await ask(second, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
  const h1 = await cluster.node(first, 'h1', '10.0.0.1');
  const h2 = await cluster.node(second, 'h2', '10.0.0.2');
  return { interrupted, first, second, network, h1, h2 };
}

describe('meanwhile', () => {
  test.each([
    [
      'overlapping',
      { name: 'other', subnet: '10.50.7.0/24', vni: 2 },
      /^conflict: subnet 10.50.0.0\/16 overlaps network other/,
    ],
    ['equally named', { name: 'new', subnet: '10.60.0.0/24', vni: 2 }, /^conflict: there is a network new already/],
    [
      'equally numbered',
      { name: 'other', subnet: '10.60.0.0/24', vni: 1 },
      /^conflict: VNI 1 belongs to network other/,
    ],
  ])('an %s network is made: the other is refused', async (_, other, sentence) => {
    await using cluster = await Cluster.create();
    const { interrupted, first, second } = await two(cluster);
    interrupted.before(/networks/, () => ask(second, 'network.create', other));
    const said = await refusal(ask(first, 'network.create', { name: 'new', subnet: '10.50.0.0/16', vni: 1 }));
    expect(said).toMatch(sentence);
    expect(await ask(second, 'network.list', {})).toHaveLength(2);
  });

  test('the block about to be leased gets a fixed address: another is leased', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, network, h1, h2 } = await two(cluster);
    const { cidr } = await h1.ask('block.lease', { network: network.id });
    await h1.ask('block.release', { network: network.id, cidr });
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    interrupted.before(/blocks/, () => h2.ask('address.reserve', { network: network.id, address }));
    const leased = await h1.ask('block.lease', { network: network.id });
    expect(interrupted.happened).toBe(true);
    expect(leaseHolds(leased.cidr, address)).toBe(false);
  });

  test('the address about to be held gets into a block: its new owner is asked', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, first, second, network, h1, h2 } = await two(cluster);
    const { cidr } = await h2.ask('block.lease', { network: network.id });
    await h2.ask('block.release', { network: network.id, cidr });
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    interrupted.before(/reservations/, () => h2.ask('block.lease', { network: network.id }));
    const keeps: RequestHandler = {
      call: () => Promise.reject(new Failure('conflict', 'h2 keeps it')),
      open: () => Promise.reject(new Failure('invalid', 'no streams')),
    };
    // The server that h1 asks has to reach h2.
    await (await cluster.connect(first, h2.keys, keeps)).call('node.list', {});
    expect(await refusal(h1.ask('address.reserve', { network: network.id, address }))).toBe('conflict: h2 keeps it');
    expect((await ask(second, 'network.inspect', { name: 'app' })).nodes).toHaveLength(1);
  });

  test('another node gets the address of the endpoint about to be put: the endpoint is refused', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, second, network, h1, h2 } = await two(cluster);
    const { cidr } = await h1.ask('block.lease', { network: network.id });
    const [address = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    const yields: RequestHandler = {
      call: async () => ({}),
      open: () => Promise.reject(new Failure('invalid', 'no streams')),
    };
    await (await cluster.connect(second, h1.keys, yields)).call('node.list', {});
    interrupted.before(/endpoints/, () => h2.ask('address.reserve', { network: network.id, address }));
    expect(await refusal(h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) }))).toBe(
      `conflict: address ${address} of network app is node h2's, not node h1's: lease a block or reserve the address first`,
    );
    expect(interrupted.happened).toBe(true);
  });

  test('somebody begins to use the network about to be removed: who comes late is refused', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, first, second, network, h2 } = await two(cluster);
    await h2.ask('address.reserve', { network: network.id, address: '10.42.0.5' });
    const late: string[] = [];
    interrupted.before(/networks/, async () => {
      late.push(await refusal(ask(second, 'workload.run', { name: 'web', node: 'h2', spec: spec(['app']) })));
      late.push(await refusal(h2.ask('endpoint.put', { endpoint: h2.endpoint(network, '10.42.0.5') })));
      late.push(await refusal(h2.ask('block.lease', { network: network.id })));
      late.push(await refusal(h2.ask('address.reserve', { network: network.id, address: '10.42.0.6' })));
    });
    await ask(first, 'network.remove', { name: 'app' });
    expect(late).toHaveLength(4);
    for (const said of late) expect(said).toMatch(/^conflict: network app is being removed/);
    expect(await ask(second, 'workload.list', {})).toEqual([]);
  });

  test('the network goes before the first container in it is written: there is no container', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, first, second } = await two(cluster);
    interrupted.before(/workloads/, () => ask(second, 'network.remove', { name: 'app' }));
    const run = ask(first, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    expect(await refusal(run)).toMatch(/^not-found: there is no network "app"/);
  });

  test('a container comes to the node about to be removed: who comes late is refused', async () => {
    await using cluster = await Cluster.create();
    const { interrupted, first, second, network, h2 } = await two(cluster);
    const late: string[] = [];
    interrupted.before(/nodes\/h2/, async () => {
      late.push(await refusal(ask(second, 'workload.run', { name: 'web', node: 'h2', spec: spec(['app']) })));
      late.push(await refusal(h2.ask('block.lease', { network: network.id })));
    });
    await ask(first, 'node.remove', { name: 'h2', force: false });
    expect(late).toHaveLength(2);
    for (const said of late) expect(said).toMatch(/^conflict: node h2 is being removed/);
    expect(await ask(second, 'workload.list', {})).toEqual([]);
  });
});
