/** The overlay driver's objects in real kernels: two member hosts and a stranger on one underlay. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bridgeName, endpointPortName, vxlanName } from '../../src/domain/domain.ts';
import { base, drivers } from '../../src/drivers/table.ts';
import { createReconciler, type KernelObject } from '../../src/kernel/kernel.ts';
import { silentLog, systemClock } from '../../src/platform/platform.ts';
import {
  arpReply,
  arpRequest,
  ethernet,
  hex,
  ipv4,
  ipv6,
  reservedGroup,
  station,
  tagged,
  text,
  udp,
  vxlan,
} from './frames.ts';
import { endpoint, gatewayOf, join, know, network, peerOf, type SimulatedHost, underlay } from './overlay-hosts.ts';

const app = network(10_001);
const shut = network(10_002, { subnet: '10.43.0.0/16', internal: true });
const group = network(10_003, { subnet: '10.44.0.0/16', discovery: 'multicast', group: '239.0.39.19' });

/** c1 and c3 on h1, c2 on h2; d1, d2 in the internal network; e1, e2 in the multicast one. */
const c1 = endpoint(app, 'h1', '10.42.1.1');
const c2 = endpoint(app, 'h2', '10.42.2.1');
const c3 = endpoint(app, 'h1', '10.42.1.3');
const d1 = endpoint(shut, 'h1', '10.43.1.1');
const d2 = endpoint(shut, 'h2', '10.43.2.1');
const e1 = endpoint(group, 'h1', '10.44.1.1');
const e2 = endpoint(group, 'h2', '10.44.2.1');

const stack = new AsyncDisposableStack();
let h1: SimulatedHost;
let h2: SimulatedHost;
let stranger: SimulatedHost;
let fourth: SimulatedHost;

beforeAll(async () => {
  const [first, second, third, last] = await underlay(4, stack);
  if (!first || !second || !third || !last) throw new Error('four hosts');
  [h1, h2, stranger, fourth] = [first, second, third, last];
  await join([h1, h2], [app, shut, group]);
  await h1.container('c1', app, c1, gatewayOf(app, h1));
  await h1.container('c3', app, c3, gatewayOf(app, h1));
  const sandbox = { path: '/run/netns/c2', interface: 'eth0', gateway: gatewayOf(app, h2).address };
  await h2.restoredContainer('c2', app, c2, sandbox);
  await h1.container('d1', shut, d1, gatewayOf(shut, h1));
  await h2.container('d2', shut, d2, gatewayOf(shut, h2));
  await h1.container('e1', group, e1, gatewayOf(group, h1));
  await h2.container('e2', group, e2, gatewayOf(group, h2));
  for (const record of [c1, c3]) await know(h2, app, record, h1);
  await know(h1, app, c2, h2);
  await know(h2, shut, d1, h1);
  await know(h1, shut, d2, h2);
  await know(h2, group, e1, h1);
  await know(h1, group, e2, h2);
  await h1.bystander('docker', '172.17.0.1/16', '172.17.0.2/16');
}, 60_000);

afterAll(() => stack.disposeAsync());

/** Changes rules for as long as `act` takes: shows that a test would fail without them. */
async function changed(host: SimulatedHost, change: string, act: () => Promise<void>, ns?: string) {
  await host.run(['nft', change], ns);
  try {
    await act();
  } finally {
    await host.restoreRules();
  }
}

describe('who reaches whom', () => {
  test('containers reach one another on a host and across hosts', async () => {
    expect(await h1.pings(c3.address, 'c1')).toBe(true);
    expect(await h1.pings(c2.address, 'c1')).toBe(true);
    expect(await h2.pings(c1.address, 'c2')).toBe(true);
  });
  test('hosts and containers reach one another, on their own host and across', async () => {
    for (const record of [c1, c2]) expect(await h1.pings(record.address)).toBe(true);
    for (const host of [h1, h2]) expect(await h1.pings(gatewayOf(app, host).address, 'c1')).toBe(true);
    for (const host of [h1, h2]) expect(await h1.pings(host.host.address, 'c1')).toBe(true);
    expect(await h1.pings(gatewayOf(app, h1).address)).toBe(true);
  });
  test('containers reach the outside, which needs no route back', async () => {
    expect(await h1.pings(stranger.host.address, 'c1')).toBe(true);
    expect(await h2.pings(stranger.host.address, 'c2')).toBe(true);
  });
  test('the outside does not reach containers, nor the node’s address in the network', async () => {
    await stranger.run(['ip', 'route', 'add', app.subnet, 'via', h1.host.address]);
    expect(await stranger.pings(c1.address)).toBe(false);
    expect(await stranger.pings(gatewayOf(app, h1).address)).toBe(false);
    await changed(h1, 'flush chain inet trama forward', async () => {
      expect(await stranger.pings(c1.address)).toBe(true);
    });
  });
  test('networks do not reach one another, nor through the address of a node', async () => {
    expect(await h1.pings(d1.address, 'c1')).toBe(false);
    expect(await h1.pings(e1.address, 'c1')).toBe(false);
    expect(await h1.pings(c1.address, 'e1')).toBe(false);
    expect(await h1.pings(gatewayOf(group, h1).address, 'c1')).toBe(false);
    const other = gatewayOf(group, h1).address;
    await changed(
      h1,
      'flush chain bridge trama output',
      async () => expect(await h1.pings(other, 'c1')).toBe(false),
      'trama',
    );
    await changed(h1, 'flush chain inet trama input', async () => {
      expect(await h1.pings(other, 'c1')).toBe(false);
      await h1.run(['nft', 'flush chain bridge trama output'], 'trama');
      expect(await h1.pings(other, 'c1')).toBe(true);
    });
  });
  test('nor while the host’s own rules are flushed, whoever repairs them', async () => {
    await h1.run(['nft', 'flush', 'ruleset']);
    try {
      for (const [from, to] of [
        ['c1', e1],
        ['e1', c1],
        ['c1', d1],
        ['c1', gatewayOf(group, h1)],
      ] as const)
        expect(await h1.pings(to.address, from), `${from} to ${to.address}`).toBe(false);
      expect(await h1.pings(c2.address, 'c1')).toBe(true);
      expect(await h1.pings(c1.address)).toBe(true);
      await h1.run(['nft', 'flush chain bridge trama output'], 'trama');
      expect(await h1.pings(e1.address, 'c1')).toBe(true);
    } finally {
      await h1.restoreRules();
    }
    expect(await h1.pings(e1.address, 'c1')).toBe(false);
  });
  test('an internal network has no way out', async () => {
    expect(await h1.pings(d2.address, 'd1')).toBe(true);
    expect(await h1.pings(gatewayOf(shut, h1).address, 'd1')).toBe(true);
    expect(await h1.pings(stranger.host.address, 'd1')).toBe(false);
  });
  test('multicast discovery finds containers and hosts without being told', async () => {
    expect(await h1.pings(e2.address, 'e1')).toBe(true);
    expect(await h2.pings(e1.address)).toBe(true);
    expect(await h1.pings(stranger.host.address, 'e1')).toBe(true);
  });
  test('a packet of the whole MTU passes unfragmented, a larger one does not', async () => {
    expect(await h1.pings(c2.address, 'c1', '-M', 'do', '-s', String(app.mtu - 28))).toBe(true);
    expect(await h1.pings(c2.address, 'c1', '-M', 'do', '-s', String(app.mtu - 27))).toBe(false);
  });
});

describe('spoofing ends at the port', () => {
  const me = station(app.vni, c1.address);
  const fake = station(app.vni, '10.42.9.9');

  /** Frames from c1's port to `to`; each bears its mark, and only the last two are honest. */
  function attempts(to: typeof me): [mark: string, frame: Uint8Array][] {
    const packet = (mark: string, from = me.address) => ipv4(from, to.address, udp(9, text(mark)));
    const plain = (mark: string) => ethernet(me.mac, to.mac, 0x0800, packet(mark));
    const arp = (mark: string, sender: typeof me, from = me.mac) =>
      ethernet(from, to.mac, 0x0806, arpReply(sender, to, mark));
    return [
      ['bad-mac', ethernet(fake.mac, to.mac, 0x0800, packet('bad-mac'))],
      ['bad-ip', ethernet(me.mac, to.mac, 0x0800, packet('bad-ip', fake.address))],
      ['no-ip', ethernet(me.mac, to.mac, 0x0800, packet('no-ip', '0.0.0.0'))],
      ['arp-of-other-ip', arp('arp-of-other-ip', { ...me, address: fake.address })],
      ['arp-of-other-mac', arp('arp-of-other-mac', { ...me, mac: fake.mac })],
      ['arp-from-other', arp('arp-from-other', me, fake.mac)],
      ['ipv6', ethernet(me.mac, to.mac, 0x86dd, ipv6(text('ipv6')))],
      ['strange', ethernet(me.mac, to.mac, 0x88b5, text('strange'.padEnd(50)))],
      ['vlan', tagged(plain('vlan'), 0x8100)],
      ['qinq', tagged(plain('qinq'), 0x88a8)],
      ['twice', tagged(tagged(plain('twice'), 0x8100), 0x8100)],
      ['true-arp', arp('true-arp', me)],
      ['true-ip', plain('true-ip')],
    ];
  }

  const heard = (host: SimulatedHost, name: string, to: typeof me) => {
    const all = attempts(to);
    const marks = all.map(([mark]) => mark).slice(0, -1);
    const send = () =>
      h1.send(
        'eth0',
        all.map(([, frame]) => hex(frame)),
        'c1',
      );
    return host.hears('eth0', name, marks, 'true-ip', send);
  };

  test('neither on the same host nor on another does a false frame arrive', async () => {
    expect(await heard(h1, 'c3', station(app.vni, c3.address))).toEqual(['true-arp', 'true-ip']);
    expect(await heard(h2, 'c2', station(app.vni, c2.address))).toEqual(['true-arp', 'true-ip']);
  });

  test('a port that the filter does not know sends nothing', async () => {
    const key = `{ "${endpointPortName(c1.id)}" . ${c1.mac} . ${c1.address} }`;
    const forget = `delete element bridge trama ports ${key}`;
    await changed(
      h1,
      forget,
      async () => {
        expect(await h1.pings(c3.address, 'c1')).toBe(false);
      },
      'trama',
    );
    expect(await h1.pings(c3.address, 'c1')).toBe(true);
  });

  test('without the filter every false frame would arrive', async () => {
    const all = attempts(me).map(([mark]) => mark);
    const open = async () => expect(await heard(h1, 'c3', station(app.vni, c3.address))).toEqual(all);
    await changed(h1, 'flush chain bridge trama ingress', open, 'trama');
    await h1.run(['ip', '-n', 'c3', 'neigh', 'flush', 'all']);
    expect(await heard(h1, 'c3', station(app.vni, c3.address))).toEqual(['true-arp', 'true-ip']);
  });

  test('a frame that the bridge takes before its filters moves no MAC', async () => {
    const port = endpointPortName(c1.id);
    const where = async () => {
      const lines = (await h1.run(['bridge', '-n', 'trama', 'fdb', 'show', 'br', bridgeName(app.vni)])).split('\n');
      return lines.find((line) => line.startsWith(c3.mac))?.split(' ')[2];
    };
    const learn = (state: string) =>
      h1.run(['ip', '-n', 'trama', 'link', 'set', port, 'type', 'bridge_slave', 'learning', state]);
    await h1.send('eth0', [hex(reservedGroup(c3.mac))], 'c1');
    expect(await where()).toBe(endpointPortName(c3.id));
    await learn('on');
    await h1.send('eth0', [hex(reservedGroup(c3.mac))], 'c1');
    expect(await where()).toBe(port);
    await learn('off');
    await h1.apply(
      drivers.overlay
        .localEndpoint(h1.host, app, c3, gatewayOf(app, h1).address)
        .filter((object) => object.kind === 'fdb'),
    );
    expect(await h1.pings(c3.address, 'c1')).toBe(true);
  });
});

describe('VXLAN is accepted from members only', () => {
  const from = station(app.vni, c2.address);
  const to = station(app.vni, c1.address);
  const forged = (mark: string, target = to) =>
    udp(
      4789,
      vxlan(app.vni, ethernet(from.mac, target.mac, 0x0800, ipv4(from.address, target.address, udp(9, text(mark))))),
    );
  const packet = (mark: string) => hex(ipv4(stranger.host.address, h1.host.address, forged(mark)));
  const fragments = (mark: string) => {
    const whole = forged(mark);
    const [source, target] = [stranger.host.address, h1.host.address];
    return [hex(ipv4(source, target, whole.subarray(0, 8), 0, true)), hex(ipv4(source, target, whole.subarray(8), 8))];
  };
  const honest = hex(ethernet(from.mac, to.mac, 0x0800, ipv4(from.address, to.address, udp(9, text('honest')))));

  const heard = () =>
    h1.hears('eth0', 'c1', ['forged', 'in-fragments'], 'honest', async () => {
      await stranger.sendPackets(h1.host.address, [packet('forged'), ...fragments('in-fragments')]);
      await h2.send('eth0', [honest], 'c2');
    });

  test('a stranger’s packet is dropped, whole or in fragments', async () => {
    expect(await heard()).toEqual(['honest']);
    const element = `element inet trama vteps { 4789 . ${app.vni} . ${stranger.host.address} }`;
    await changed(h1, `add ${element}`, async () => {
      expect(await heard()).toEqual(['forged', 'in-fragments', 'honest']);
    });
    await h1.run(['nft', `delete ${element}`]);
  });

  test('a container cannot write VXLAN itself, also not with a member’s address', async () => {
    const target = station(app.vni, c2.address);
    const honestBack = hex(
      ethernet(to.mac, target.mac, 0x0800, ipv4(to.address, target.address, udp(9, text('honest')))),
    );
    const listen = () =>
      h2.hears('eth0', 'c2', ['from-trama', 'from-docker'], 'honest', async () => {
        await h1.sendPackets(
          h2.host.address,
          [hex(ipv4(c1.address, h2.host.address, forged('from-trama', target)))],
          'c1',
        );
        const spoofed = ipv4('10.0.0.9', h2.host.address, forged('from-docker', target));
        await h1.sendPackets(h2.host.address, [hex(spoofed)], 'docker');
        await h1.send('eth0', [honestBack], 'c1');
      });
    const member = `element inet trama vteps { 4789 . ${app.vni} . 10.0.0.9 }`;
    for (const host of [h1, h2]) await host.run(['nft', `add ${member}`]);
    expect(await listen()).toEqual(['honest']);
    await changed(h1, 'flush chain inet trama arrival', async () => {
      expect(await listen()).toEqual(['from-trama', 'from-docker', 'honest']);
    });
    for (const host of [h1, h2]) await host.run(['nft', `delete ${member}`]);
  });
});

describe('ARP', () => {
  test('for a known address is answered by the bridge, and leaves the host only for an unknown one', async () => {
    const me = station(app.vni, c1.address);
    const ask = (address: string, mark: string) => {
      const frame = ethernet(me.mac, undefined, 0x0806, arpRequest(me, address));
      return hex(Uint8Array.from([...frame, ...text(mark.padEnd(18))]));
    };
    const marks = ['of-remote', 'of-local', 'of-gateway'];
    const questions = [
      ask(c2.address, 'of-remote'),
      ask(c3.address, 'of-local'),
      ask(gatewayOf(app, h1).address, 'of-gateway'),
      ask('10.42.77.7', 'of-unknown'),
    ];
    const act = () => h1.send('eth0', questions, 'c1');
    expect(await h2.hears(vxlanName(app.vni), 'trama', marks, 'of-unknown', act)).toEqual(['of-unknown']);
    const reply = await h1.run(['arping', '-c', '1', '-w', '2', '-i', 'eth0', c2.address], 'c1');
    expect(reply).toContain(c2.mac);
  });

  test('goes on being answered when a port comes whose MAC is lower than all others’', async () => {
    const neighbours = () => h1.run(['ip', '-n', 'trama', 'neigh', 'show', 'dev', bridgeName(app.vni)]);
    const before = await neighbours();
    expect(before).toContain(c2.address);
    const low = ['ip', '-n', 'trama', 'link', 'add', 'low', 'address', '02:00:00:00:00:01', 'up'] as const;
    await h1.run([...low, 'master', bridgeName(app.vni), 'type', 'veth', 'peer', 'name', 'low1']);
    expect(await neighbours()).toBe(before);
    await h1.run(['ip', '-n', 'trama', 'link', 'del', 'low']);
  });

  test('is all that devices of the data plane ever say by themselves', async () => {
    expect(await h1.run(['ip', '-n', 'trama', '-6', 'addr', 'show'])).toBe('');
  });
});

describe('beside Docker', () => {
  const published = '198.51.100.1';
  const docker = '172.17.0.2';
  const iptables = (...args: string[]) => h1.run(['iptables', ...args]);

  beforeAll(async () => {
    await iptables('-N', 'DOCKER-USER');
    await iptables('-A', 'DOCKER-USER', '-j', 'RETURN');
    await iptables('-A', 'FORWARD', '-j', 'DOCKER-USER');
    await iptables('-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'ACCEPT');
    await iptables('-P', 'FORWARD', 'DROP');
  });

  test('its FORWARD policy is answered in DOCKER-USER', async () => {
    expect(await h1.pings(stranger.host.address, 'c1')).toBe(false);
    await h1.apply(base({ ...h1.host, dockerUser: true }).filter((object) => object.kind !== 'namespace'));
    expect(await h1.pings(stranger.host.address, 'c1')).toBe(true);
    expect(await stranger.pings(c1.address)).toBe(false);
  });

  test('its containers are reached only where they are published', async () => {
    expect(await h1.pings(docker, 'c1')).toBe(false);
    await iptables('-t', 'nat', '-A', 'PREROUTING', '-d', published, '-j', 'DNAT', '--to-destination', docker);
    expect(await h1.pings(published, 'c1')).toBe(true);
    await changed(h1, 'flush chain inet trama forward', async () => expect(await h1.pings(docker, 'c1')).toBe(true));
  });

  test('they reach ours only where these are published', async () => {
    const ours = '198.51.100.2';
    expect(await h1.pings(c1.address, 'docker')).toBe(false);
    await iptables('-t', 'nat', '-A', 'PREROUTING', '-d', ours, '-j', 'DNAT', '--to-destination', c1.address);
    expect(await h1.pings(ours, 'docker')).toBe(true);
    // So does a container of another network: it is published, whoever did it.
    expect(await h1.pings(ours, 'e1')).toBe(true);
    expect(await h1.pings(c1.address, 'e1')).toBe(false);
  });
});

/** The kernel lets such a link wait for up to a second before it carries anything. */
test('no link bears the number of what it leads to, even where both namespaces have counted to the same', async () => {
  const places = ['', 'trama'];
  const next = async (ns: string) => {
    const within = ns === '' ? [] : ['-n', ns];
    await h2.run(['ip', ...within, 'link', 'add', 'probe', 'type', 'bridge']);
    const index = Number((await h2.run(['ip', ...within, '-o', 'link', 'show', 'probe'])).split(':')[0]);
    await h2.run(['ip', ...within, 'link', 'del', 'probe']);
    return index;
  };
  const countToTheSame = async () => {
    const reached = { '': await next(''), trama: await next('trama') };
    for (const ns of ['', 'trama'] as const) {
      while (reached[ns] < Math.max(...Object.values(reached))) reached[ns] = await next(ns);
    }
  };
  const late = network(10_009, { subnet: '10.49.0.0/16' });
  const objects = drivers.overlay.network(h2.host, late, gatewayOf(late, h2));
  const isDevice = (object: KernelObject) => object.kind === 'link' && object.type !== 'macvlan';
  await h2.apply(objects.filter(isDevice));
  await countToTheSame();
  await h2.apply(objects.filter((object) => !isDevice(object)));
  await countToTheSame();
  await h2.container('late', late, endpoint(late, 'h2', '10.49.2.1'), gatewayOf(late, h2));
  for (const ns of places) {
    const listing = await h2.run(['ip', ...(ns === '' ? [] : ['-n', ns]), '-j', '-d', 'link', 'show']);
    const links = JSON.parse(listing) as { ifname: string; ifindex: number; link_index?: number }[];
    const leading = links.filter(({ ifname, link_index }) => /^tr[vg]/.test(ifname) && link_index !== undefined);
    expect(leading.length).toBeGreaterThan(0);
    expect(leading.filter(({ ifindex, link_index }) => ifindex === link_index)).toEqual([]);
  }
});

describe('under the reconciler', () => {
  test('everything is found as it was made, and nothing stays behind', async () => {
    using kernel = createReconciler({
      spawn: fourth.spawn,
      host: String(fourth.pid),
      clock: systemClock,
      log: silentLog,
    });
    kernel.desire('base', base({ ...fourth.host, dockerUser: false }));
    for (const net of [app, shut, group]) {
      kernel.desire(net.id, drivers.overlay.network(fourth.host, net, gatewayOf(net, fourth)));
      const mine = endpoint(net, 'h4', net.subnet.replace('.0.0/16', '.4.1'));
      kernel.desire(
        `${net.id}/local`,
        drivers.overlay.localEndpoint(fourth.host, net, mine, gatewayOf(net, fourth).address),
      );
      const theirs = endpoint(net, 'h1', net.subnet.replace('.0.0/16', '.1.1'));
      kernel.desire(
        `${net.id}/remote`,
        drivers.overlay.remoteEndpoint(fourth.host, net, theirs, peerOf(net, fourth, '10.0.0.1')),
      );
      const gateway = drivers.overlay.remoteEndpoint(
        fourth.host,
        net,
        gatewayOf(net, h1),
        peerOf(net, fourth, '10.0.0.1'),
      );
      kernel.desire(`${net.id}/h1`, gateway);
    }
    const made = await kernel.settle();
    expect(made.failed).toEqual([]);
    expect(made.applied.length).toBeGreaterThan(50);
    expect(await kernel.resync()).toEqual({ applied: [], failed: [] });
    expect((await kernel.clear()).failed).toEqual([]);
    expect(await fourth.run(['ip', '-o', 'link', 'show'])).not.toMatch(/\btr[a-z][0-9a-f]/);
    expect(await fourth.run(['nft', 'list', 'ruleset'])).toBe('');
    expect(await fourth.run(['ip', 'netns', 'list'])).toBe('');
  });
});
