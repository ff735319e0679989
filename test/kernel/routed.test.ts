/** Routed networks between simulated hosts, with bridges and point to point, by packets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drivers } from '../../src/drivers/table.ts';
import { endpoint, gatewayOf, join, know, network, peerOf, type SimulatedHost, underlay } from './overlay-hosts.ts';

const routed = { driver: 'routed', mtu: 1500 } as const;
const app = network(10_011, { ...routed, subnet: '10.45.0.0/16' });
const links = network(10_012, { ...routed, subnet: '10.46.0.0/16', options: { attach: 'p2p' } });
const shut = network(10_013, { ...routed, subnet: '10.47.0.0/16', internal: true });
const shutLinks = network(10_014, { ...routed, subnet: '10.48.0.0/16', internal: true, options: { attach: 'p2p' } });
const over = network(10_015, { subnet: '10.49.0.0/16' });
const nets = [app, links, shut, shutLinks, over];

/** Of every network one container on each host, and a second on h1. */
const on1 = nets.map((net) => endpoint(net, 'h1', net.subnet.replace('.0.0/16', '.1.1')));
const on2 = nets.map((net) => endpoint(net, 'h2', net.subnet.replace('.0.0/16', '.2.1')));
const also1 = nets.map((net) => endpoint(net, 'h1', net.subnet.replace('.0.0/16', '.1.3')));
const name = (i: number, where: string) => `${nets[i]?.name}-${where}`;
const [appIndex, linksIndex, shutIndex, shutLinksIndex] = [0, 1, 2, 3];
const routedOnes = [appIndex, linksIndex, shutIndex, shutLinksIndex];

const stack = new AsyncDisposableStack();
let h1: SimulatedHost;
let h2: SimulatedHost;
let stranger: SimulatedHost;

beforeAll(async () => {
  const [first, second, third] = await underlay(3, stack);
  if (!first || !second || !third) throw new Error('three hosts');
  [h1, h2, stranger] = [first, second, third];
  await join([h1, h2], nets);
  for (const [i, net] of nets.entries()) {
    const [one, two, three] = [on1[i], on2[i], also1[i]];
    if (!one || !two || !three) throw new Error('a container each');
    await h1.container(name(i, '1'), net, one, gatewayOf(net, h1));
    await h1.container(name(i, '3'), net, three, gatewayOf(net, h1));
    const sandbox = { path: `/run/netns/${name(i, '2')}`, interface: 'eth0', gateway: gatewayOf(net, h2).address };
    await h2.restoredContainer(name(i, '2'), net, two, sandbox);
    await know(h1, net, two, h2);
    for (const record of [one, three]) await know(h2, net, record, h1);
  }
}, 60_000);

afterAll(() => stack.disposeAsync());

const addressOf = (records: readonly { address: string }[], i: number): string => records[i]?.address ?? '';

/** Packets that come from an address, counted where the test says. */
async function counted(host: SimulatedHost, source: string, act: () => Promise<unknown>, container?: string) {
  const rules = `table inet witness { chain c { type filter hook prerouting priority -400; ip saddr ${source} counter; }; }`;
  await host.run(['nft', rules], container);
  try {
    await act();
    const listed = await host.run(['nft', 'list', 'table', 'inet', 'witness'], container);
    return Number(/packets (\d+)/.exec(listed)?.[1]);
  } finally {
    await host.run(['nft', 'delete table inet witness'], container);
  }
}

/** Changes rules for as long as `act` takes: shows that a test would fail without them. */
async function without(host: SimulatedHost, chain: string, act: () => Promise<void>) {
  await host.run(['nft', `flush chain inet trama ${chain}`]);
  try {
    await act();
  } finally {
    await host.restoreRules();
  }
}

describe.each(routedOnes.map((i) => [nets[i]?.options.attach ?? 'bridge', nets[i]?.internal, i] as const))(
  'attached by %s, internal %s',
  (_attach, internal, i) => {
    test('containers reach one another on a host and across hosts', async () => {
      expect(await h1.pings(addressOf(also1, i), name(i, '1'))).toBe(true);
      expect(await h1.pings(addressOf(on2, i), name(i, '1'))).toBe(true);
      expect(await h2.pings(addressOf(on1, i), name(i, '2'))).toBe(true);
    });

    test('hosts and containers reach one another, on their own host and across', async () => {
      const net = nets[i] ?? app;
      for (const records of [on1, on2]) expect(await h1.pings(addressOf(records, i))).toBe(true);
      for (const host of [h1, h2]) expect(await h1.pings(gatewayOf(net, host).address, name(i, '1'))).toBe(true);
    });

    test('by way of the hosts, in packets of the underlay’s whole size, under their own addresses', async () => {
      const ping = ['ping', '-n', '-c1', '-W2', '-Mdo', '-s1472', addressOf(on2, i)] as const;
      const said: string[] = [];
      const arrived = async () => said.push(await h1.run(ping, name(i, '1')));
      expect(await counted(h2, addressOf(on1, i), arrived, name(i, '2'))).toBe(1);
      expect(said[0]).toContain('ttl=62');
    });

    test(internal ? 'there is no way out' : 'the outside is reached, which needs no route back', async () => {
      expect(await h1.pings(stranger.host.address, name(i, '1'))).toBe(!internal);
      expect(await h2.pings(stranger.host.address, name(i, '2'))).toBe(!internal);
    });

    test('the outside does not get in', async () => {
      const net = nets[i] ?? app;
      await stranger.run(['ip', 'route', 'replace', net.subnet, 'via', h1.host.address]);
      expect(await stranger.pings(addressOf(on1, i))).toBe(false);
      expect(await stranger.pings(gatewayOf(net, h1).address)).toBe(false);
      await without(h1, 'forward', async () => {
        if (!internal) expect(await stranger.pings(addressOf(on1, i))).toBe(true);
      });
      await without(h1, 'input', async () => {
        expect(await stranger.pings(gatewayOf(net, h1).address)).toBe(true);
      });
    });

    test('nor does it with an address of the network that is another’s', async () => {
      const net = nets[i] ?? app;
      for (const claimed of [net.subnet.replace('.0.0/16', '.9.9'), addressOf(also1, i)]) {
        await stranger.run(['ip', 'addr', 'add', `${claimed}/32`, 'dev', 'lo']);
        await stranger.run(['ip', 'route', 'replace', addressOf(on1, i), 'via', h1.host.address]);
        const send = () =>
          stranger.run(['sh', '-c', `ping -n -c2 -i0.2 -W1 -I ${claimed} ${addressOf(on1, i)} || true`]);
        expect(await counted(h1, claimed, send, name(i, '1'))).toBe(0);
        await without(h1, 'forward', async () => {
          expect(await counted(h1, claimed, send, name(i, '1'))).toBeGreaterThan(0);
        });
        await stranger.run(['ip', 'addr', 'del', `${claimed}/32`, 'dev', 'lo']);
      }
    });

    test('other networks are not reached, nor are this one’s containers from them', async () => {
      const tries = [...nets.keys()]
        .filter((j) => j !== i)
        .flatMap((j) => [
          { from: name(i, '1'), to: addressOf(on1, j) },
          { from: name(i, '1'), to: addressOf(on2, j) },
          { from: name(j, '1'), to: addressOf(on1, i) },
        ]);
      const reached = await Promise.all(
        tries.map(async ({ from, to }) => ((await h1.pings(to, from)) ? { from, to } : [])),
      );
      expect(reached.flat()).toEqual([]);
    });

    test('a container speaks for its own address only', async () => {
      const claimed = (nets[i] ?? app).subnet.replace('.0.0/16', '.1.77');
      const container = name(i, '1');
      await h1.run(['ip', 'addr', 'add', `${claimed}/32`, 'dev', 'eth0'], container);
      const send = () =>
        h1.run(['sh', '-c', `ping -n -c2 -i0.2 -W1 -I ${claimed} ${addressOf(on2, i)} || true`], container);
      expect(await counted(h2, claimed, send)).toBe(0);
      await h1.run(['ip', 'addr', 'del', `${claimed}/32`, 'dev', 'eth0'], container);
    });
  },
);

test('on a link of its own the host’s filter is what holds a container to its address', async () => {
  const [claimed, container] = ['10.46.1.77', name(linksIndex, '1')];
  await h1.run(['ip', 'addr', 'add', `${claimed}/32`, 'dev', 'eth0'], container);
  const send = () => h1.run(['sh', '-c', `ping -n -c2 -i0.2 -W1 -I ${claimed} 10.46.2.1 || true`], container);
  await without(h1, 'ends', async () => {
    expect(await counted(h2, claimed, send)).toBeGreaterThan(0);
  });
  await h1.run(['ip', 'addr', 'del', `${claimed}/32`, 'dev', 'eth0'], container);
});

test('a block is routed as a whole, an address outside it by itself, also where that lies in another’s block', async () => {
  const host = h1.host;
  const peer = { ...peerOf(app, h1, '10.0.0.2'), blocks: ['10.45.96.0/19'] };
  await h1.apply(drivers.routed.remoteBlock?.(host, app, '10.45.96.0/19', peer) ?? []);
  const inside = endpoint(app, 'h2', '10.45.96.5');
  expect(drivers.routed.remoteEndpoint(host, app, inside, peer)).toEqual([]);
  const out = await h1.run(['ip', 'route', 'get', '10.45.97.1']);
  expect(out).toMatch(/via 10\.0\.0\.2 dev eth0 src 10\.45\.0\.11/);
  // This host's own, in the other's block.
  const own = endpoint(app, 'h1', '10.45.100.1');
  await h1.container('guest', app, own, gatewayOf(app, h1));
  expect(await h1.pings(own.address)).toBe(true);
  expect(await h1.pings(own.address, name(appIndex, '1'))).toBe(true);
});

test('a router between the hosts is the next hop to all of them', async () => {
  const far = { ...app, options: { via: '10.0.0.254' } };
  const [route] = drivers.routed.remoteEndpoint(
    h1.host,
    far,
    endpoint(app, 'h2', '10.45.2.9'),
    peerOf(app, h1, '10.7.0.2'),
  );
  expect(route).toMatchObject({ via: '10.0.0.254', destination: '10.45.2.9/32' });
});
