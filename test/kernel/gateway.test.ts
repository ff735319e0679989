/** The way between the host and a network's bridge: by packets, and in place of the pair that it once was. Needs root. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bridgeName, gatewayName } from '../../src/domain/domain.ts';
import { base, drivers } from '../../src/drivers/table.ts';
import { createReconciler, explain, type KernelObject } from '../../src/kernel/kernel.ts';
import { silentLog, start, systemClock } from '../../src/platform/platform.ts';
import { arpReply, arpRequest, ethernet, hex, ipv4, ipv6, station, tagged, text, udp } from './frames.ts';
import { endpoint, gatewayOf, join, know, network, type SimulatedHost, underlay } from './overlay-hosts.ts';

const app = network(10_001);
const local = network(10_002, { driver: 'bridge', subnet: '10.43.0.0/16', mtu: 1500 });
const routed = network(10_003, { driver: 'routed', subnet: '10.44.0.0/16', mtu: 1500 });
/** c1 and c3 on h1, c2 on h2; r1 and r3 in the routed network on h1. */
const c1 = endpoint(app, 'h1', '10.42.1.1');
const c2 = endpoint(app, 'h2', '10.42.2.1');
const c3 = endpoint(app, 'h1', '10.42.1.3');
const r1 = endpoint(routed, 'h1', '10.44.1.1');
const r3 = endpoint(routed, 'h1', '10.44.1.3');
const way = gatewayName(app.vni);
const bridge = bridgeName(app.vni);

const stack = new AsyncDisposableStack();
let h1: SimulatedHost;
let h2: SimulatedHost;
let former: SimulatedHost;

beforeAll(async () => {
  const [first, second, third] = await underlay(3, stack);
  if (!first || !second || !third) throw new Error('three hosts');
  [h1, h2, former] = [first, second, third];
  await join([h1, h2], [app, local, routed]);
  for (const [name, record] of [
    ['c1', c1],
    ['c3', c3],
  ] as const) {
    await h1.container(name, app, record, gatewayOf(app, h1));
    await know(h2, app, record, h1);
  }
  for (const [name, record] of [
    ['r1', r1],
    ['r3', r3],
  ] as const) {
    await h1.container(name, routed, record, gatewayOf(routed, h1));
  }
  await h2.container('c2', app, c2, gatewayOf(app, h2));
  await know(h1, app, c2, h2);
}, 60_000);

afterAll(() => stack.disposeAsync());

/** Changes rules for as long as `act` takes: shows that a test would fail without them. */
async function without(chain: string, act: () => Promise<void>) {
  await h1.run(['nft', `flush chain bridge trama ${chain}`], 'trama');
  try {
    await act();
  } finally {
    await h1.restoreRules();
  }
}

describe('what the host sends', () => {
  const me = station(app.vni, '10.42.0.11');
  const to = station(app.vni, c1.address);
  const packet = (mark: string, from = me.address, target = to.address) => ipv4(from, target, udp(9, text(mark)));
  const plain = (mark: string, from?: string, target?: string) =>
    ethernet(me.mac, to.mac, 0x0800, packet(mark, from, target));
  const frames: [mark: string, frame: Uint8Array][] = [
    ['ipv6', ethernet(me.mac, to.mac, 0x86dd, ipv6(text('ipv6')))],
    ['strange', ethernet(me.mac, to.mac, 0x88b5, text('strange'.padEnd(50)))],
    ['vlan', tagged(plain('vlan'), 0x8100)],
    ['qinq', tagged(plain('qinq'), 0x88a8)],
    ['housekeeping', plain('housekeeping', '0.0.0.0')],
    ['to-loopback', plain('to-loopback', me.address, '127.0.0.9')],
    ['other-network', plain('other-network', '10.43.1.1')],
    ['as-another', ethernet(station(local.vni, '10.43.0.11').mac, to.mac, 0x0800, packet('as-another'))],
    ['from-outside', plain('from-outside', '198.51.100.7')],
    ['true-arp', ethernet(me.mac, to.mac, 0x0806, arpReply(me, to, 'true-arp'))],
    ['true-ip', plain('true-ip')],
  ];
  const marks = frames.map(([mark]) => mark);
  const heard = (device: string, container?: string) => {
    const send = () =>
      h1.send(
        device,
        frames.map(([, frame]) => hex(frame)),
        container,
      );
    return h1.hears('eth0', 'c1', marks.slice(0, -1), 'true-ip', send);
  };

  test('is IPv4 and ARP, and of no other network', async () => {
    expect(await heard(way)).toEqual(['from-outside', 'true-arp', 'true-ip']);
    await without('output', async () => expect(await heard(way)).toEqual(marks));
  });

  test('is no more if it comes from the bridge itself', async () => {
    expect(await heard(bridge, 'trama')).toEqual(['from-outside', 'true-arp', 'true-ip']);
  });

  test('arrives whole at a container of another host, also in segments that the wire must cut', async () => {
    for (const host of [h1, h2]) await host.run(['ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off']);
    const receive =
      'import socket,hashlib\ns=socket.create_server(("0.0.0.0",7000)); print("ready",flush=True)\nc,_=s.accept(); d=hashlib.sha256()\nwhile b:=c.recv(65536): d.update(b)\nprint(d.hexdigest(),flush=True)';
    const send = `import socket,hashlib\nb=bytes(range(256))*4096\ns=socket.create_connection(("${c2.address}",7000),5); s.sendall(b); s.close(); print(hashlib.sha256(b).hexdigest())`;
    await using receiver = start(h2.inside(['/usr/bin/python3', '-c', receive], 'c2'), (line) => console.error(line));
    const said: string[] = [];
    for await (const line of receiver.lines) {
      if (line === 'ready') said.push((await h1.run(['/usr/bin/python3', '-c', send])).trim());
      else said.push(line);
    }
    expect(said).toHaveLength(2);
    expect(said[0]).toBe(said[1]);
  });
});

describe('what the host gets', () => {
  const promiscuity = async (device: string, ...ns: string[]) =>
    Number(/promiscuity (\d+)/.exec(await h1.run(['ip', ...ns, '-d', 'link', 'show', device]))?.[1]);

  /** Packets from one container to another that the host was handed, while somebody watches a device. */
  async function handed(watched: string, from: string, to: { address: string }, source: string, ...ns: string[]) {
    const rules = `table inet witness { chain c { type filter hook prerouting priority -400; ip saddr ${source} ip daddr ${to.address} counter; }; }`;
    await h1.run(['nft', rules]);
    const watch =
      'import socket,struct,time\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,socket.ntohs(3)); s.bind((__import__("sys").argv[1],0))\ns.setsockopt(263,1,struct.pack("iHH8s",socket.if_nametoindex(__import__("sys").argv[1]),1,0,b""))\nprint("ready",flush=True); time.sleep(60)';
    await using watching = start(h1.inside(['/usr/bin/python3', '-c', watch, watched], ns[0]), (line) =>
      console.error(line),
    );
    for await (const line of watching.lines) if (line === 'ready') break;
    try {
      expect(await h1.pings(to.address, from)).toBe(true);
      return Number(/packets (\d+)/.exec(await h1.run(['nft', 'list', 'table', 'inet', 'witness']))?.[1]);
    } finally {
      await h1.run(['nft', 'delete table inet witness']);
    }
  }

  test('is nothing of what containers say to one another, watched or not', async () => {
    expect(await promiscuity(bridge, '-n', 'trama')).toBe(0);
    expect(await handed(way, 'c1', c3, c1.address)).toBe(0);
    expect(await handed(bridge, 'c1', c3, c1.address, 'trama')).toBe(0);
    expect(await handed(bridgeName(routed.vni), 'r1', r3, r1.address, 'trama')).toBe(0);
    await without('input', async () => {
      expect(await handed(bridge, 'c1', c3, c1.address, 'trama')).toBe(1);
    });
  });

  test('is what is for everybody, and for groups that it has joined; so is it the other way round', async () => {
    const hear = (group: string, ...join: string[]) =>
      `import socket,struct\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("",7001))\n${join.join('')}\ns.settimeout(5); print("ready",flush=True); print(s.recv(100).decode(),"${group}",flush=True)`;
    const joining = (own: string) =>
      `s.setsockopt(socket.IPPROTO_IP,socket.IP_ADD_MEMBERSHIP,socket.inet_aton("239.1.2.3")+socket.inet_aton("${own}"))`;
    const say = (own: string, to: string) =>
      `import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1)\ns.setsockopt(socket.IPPROTO_IP,socket.IP_MULTICAST_IF,socket.inet_aton("${own}")); s.sendto(b"hello",("${to}",7001))`;
    const gateway = gatewayOf(app, h1).address;
    const tries = [
      [undefined, gateway, 'c1', c1.address],
      ['c1', c1.address, undefined, gateway],
    ] as const;
    for (const [hearer, ownOfHearer, speaker, own] of tries) {
      for (const to of ['239.1.2.3', '10.42.255.255']) {
        const script = hear(to, to === '239.1.2.3' ? joining(ownOfHearer) : '');
        await using listener = start(h1.inside(['/usr/bin/python3', '-c', script], hearer), () => {});
        const heard: string[] = [];
        for await (const line of listener.lines) {
          if (line === 'ready') await h1.run(['/usr/bin/python3', '-c', say(own, to)], speaker);
          else heard.push(line);
        }
        expect(heard, `${speaker ?? 'the host'} to ${to}`).toEqual([`hello ${to}`]);
      }
    }
  });

  test('is a container’s question for it, which nobody else hears', async () => {
    const me = station(app.vni, c1.address);
    const ask = (address: string, mark: string) =>
      hex(Uint8Array.from([...ethernet(me.mac, undefined, 0x0806, arpRequest(me, address)), ...text(mark.padEnd(18))]));
    const gateway = gatewayOf(app, h1);
    const questions = [ask(gateway.address, 'of-gateway'), ask('10.42.77.7', 'of-unknown')];
    const act = () => h1.send('eth0', questions, 'c1');
    expect(await h1.hears('eth0', 'c3', ['of-gateway'], 'of-unknown', act)).toEqual(['of-unknown']);
    expect(await h1.run(['arping', '-c', '1', '-w', '2', '-i', 'eth0', gateway.address], 'c1')).toContain(gateway.mac);
    await without('question', async () => {
      expect(await h1.hears('eth0', 'c3', ['of-gateway'], 'of-unknown', act)).toEqual(['of-gateway', 'of-unknown']);
    });
  });

  test('is said by the first container of a network at once, which until then had no port', async () => {
    expect(await h1.pings(gatewayOf(local, h1).address)).toBe(true);
    await h1.container('late', local, endpoint(local, 'h1', '10.43.1.1'), gatewayOf(local, h1));
    expect(await h1.pings(gatewayOf(local, h1).address, 'late')).toBe(true);
  });
});

/** What releases before had: a pair, whose end in the data namespace was a port of the bridge. */
function asFormerly(objects: readonly KernelObject[]): KernelObject[] {
  return objects.flatMap((object): KernelObject[] => {
    if (object.kind === 'link' && object.type === 'bridge') return [{ ...object, mac: '9e:11:0a:00:00:01' }];
    if (object.kind === 'link' && object.type === 'macvlan') {
      const { lower, mode: _, type: __, linkGroup: ___, ...end } = object;
      const port = { ns: lower.ns, name: object.name.replace('trg', 'trh') };
      const { ns, name, mtu, mac } = object;
      const pair = { type: 'veth', peer: { ...port, mtu } } as const;
      const far = { kind: 'link', type: 'veth', ...port, mtu, up: true, master: lower.name, secondary: true } as const;
      return [
        { ...end, ...pair },
        { ...far, peer: { ns, name, mtu, ...(mac === undefined ? {} : { mac }) } },
      ];
    }
    if (object.kind === 'fdb' && object.table === 'self' && object.destination === undefined) {
      return [{ ...object, device: object.device.replace('trb', 'trh'), table: 'master' }];
    }
    if (object.kind === 'neighbour' && object.ns === '') return [];
    if (object.kind === 'nft-set' && object.name === 'homes') return [{ ...object, type: 'type ifname . ipv4_addr' }];
    if (object.kind === 'nft-element' && object.set === 'homes')
      return [{ ...object, key: ['trh10001', '10.42.0.0/16'] }];
    if (object.kind === 'nft-chain' && object.name === 'output') return [{ ...object, rules: ['drop'] }];
    return [object];
  });
}

test('in place of the pair that it once was it is made in one pass, and containers go on', async () => {
  const gateway = gatewayOf(app, former);
  const mine = ['10.42.3.1', '10.42.3.2'].map((address) => endpoint(app, 'h3', address));
  const { host } = former;
  const peer = { vtep: '10.0.0.2', blocks: [], own: gateway.address };
  const wishes = {
    base: base(host),
    network: drivers.overlay.network(host, app, gateway),
    remote: [c2, gatewayOf(app, h2)].flatMap((record) => drivers.overlay.remoteEndpoint(host, app, record, peer)),
  };
  const reconciler = () =>
    createReconciler({ spawn: former.spawn, host: String(former.pid), clock: systemClock, log: silentLog });
  const desire = (
    kernel: ReturnType<typeof reconciler>,
    shape: (objects: readonly KernelObject[]) => KernelObject[],
  ) => {
    for (const [owner, objects] of Object.entries(wishes)) kernel.desire(owner, shape(objects));
    for (const record of mine) {
      kernel.desire(record.id, drivers.overlay.localEndpoint(host, app, record, gateway.address));
    }
  };
  using before = reconciler();
  desire(before, asFormerly);
  for (const [i, record] of mine.entries()) {
    // The engine's part comes between: the far end goes into the container.
    await former.run(['ip', 'netns', 'add', `m${i}`]);
    expect((await before.settle()).failed).toEqual([]);
    await former.run(['ip', 'link', 'set', `trp${record.id.slice(0, 10)}`, 'netns', `m${i}`, 'name', 'eth0']);
    await former.run(['ip', '-n', `m${i}`, 'addr', 'add', `${record.address}/16`, 'dev', 'eth0']);
    await former.run(['ip', '-n', `m${i}`, 'link', 'set', 'eth0', 'up']);
  }
  expect(await former.run(['ip', '-n', 'trama', '-o', 'link'])).toContain('trh10001');
  expect(await former.pings(gateway.address, 'm0')).toBe(true);

  await using talking = start(former.inside(['ping', '-n', '-i', '0.01', '-c', '150', mine[1]?.address ?? ''], 'm0'));
  await delay(200);
  using now = reconciler();
  desire(now, (objects) => [...objects]);
  const pass = await now.resync();
  expect(pass.failed).toEqual([]);
  expect(pass.applied.map(explain)).toContain(
    `Create the macvlan trg10001 on the host over trb10001 in namespace trama.`,
  );
  expect(await now.resync()).toEqual({ applied: [], failed: [] });
  const said: string[] = [];
  for await (const line of talking.lines) said.push(line);
  expect(said.join('\n')).toContain('150 received');
  expect(await former.run(['ip', '-n', 'trama', '-o', 'link'])).not.toContain('trh');
  for (const to of [gateway.address, h2.host.address])
    expect(await former.pings(to, 'm0'), to).toBe(to === gateway.address);
  expect(await former.run(['ip', '-n', 'trama', 'neigh', 'show', 'dev', 'trb10001'])).toContain(c2.address);
  expect((await now.clear()).failed).toEqual([]);
  expect(await former.run(['ip', '-o', 'link'])).not.toMatch(/\btr[a-z][0-9a-f]/);
  expect(await former.run(['ip', 'netns', 'list'])).not.toContain('trama');
});
