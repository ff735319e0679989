/** Bridges that take the place of a host's interface: the host is never cut off, and has everything back as it was. Over 400 lines: all of it is tried on the one host that the beginning makes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  commandsOf,
  createReconciler,
  type KernelObject,
  type Reconciler,
  type Step,
  shellLine,
  type VethLink,
} from '../../src/kernel/kernel.ts';
import { recoverUplinks, type UplinkRecord, type UplinkStore } from '../../src/kernel/uplinks.ts';
import { output, type Spawn, spawn, start, systemClock } from '../../src/platform/platform.ts';
import { type TestHost, testHost } from './fixture.ts';
import { ownNamespaces } from './own-namespaces.ts';

const bridge = 'trl42';
let host: TestHost;
let lan: string;

/** A disk: what was saved is there for the next process. */
function disk(): UplinkStore & { readonly records: Map<string, UplinkRecord> } {
  const records = new Map<string, UplinkRecord>();
  return {
    records,
    load: async () => new Map(records),
    save: async (device, record) => void (record === undefined ? records.delete(device) : records.set(device, record)),
  };
}

const inLan = (command: string) => output(spawn, { argv: ['ip', '-n', lan, ...command.split(' ')] as never });

beforeEach(async () => {
  host = await testHost();
  lan = `tkl${await ownNamespaces()}`;
  await output(spawn, { argv: ['ip', 'netns', 'add', lan] });
  const ip = (command: string) => host.run(`ip ${command}`);
  // Duplicate address detection takes a second, which is not what is tried here.
  await host.run('sysctl -qw net.ipv6.conf.default.dad_transmits=0 net.ipv6.conf.und.disable_ipv6=1');
  await ip(`link add eth1 address 02:aa:00:00:00:0b mtu 1500 type veth peer name port netns ${lan}`);
  await inLan('addr add 10.1.0.1/24 dev port');
  await inLan('addr add 10.77.0.1/32 dev lo');
  await inLan('link set lo up');
  await inLan('link set port up');
  await ip('addr add 10.1.0.11/24 brd + label eth1:0 dev eth1');
  await ip('addr add 10.1.0.12/24 dev eth1');
  await ip('addr add 10.2.0.12/24 noprefixroute dev eth1');
  await ip('addr add 10.1.0.13/32 metric 77 valid_lft 3000 preferred_lft 2000 dev eth1');
  await ip('addr add 10.8.0.1 peer 10.8.0.2/32 dev eth1');
  await ip('addr add fd00::11/64 dev eth1 nodad');
  await ip('addr add fd00::12/64 dev eth1');
  await ip('link set eth1 up');
  await ip('route add default via 10.1.0.1 dev eth1 metric 100 src 10.1.0.11 proto dhcp');
  await ip('route add default via 10.1.0.2 dev eth1 metric 200');
  await ip('route add 10.9.0.0/16 via 10.1.0.1 table 100 mtu 1400 advmss 1360');
  await ip('route add 10.10.0.0/16 nexthop via 10.1.0.1 dev eth1 weight 2 nexthop via 10.1.0.2 dev eth1');
  await ip('route add 10.11.0.0/16 nexthop via 10.1.0.1 dev eth1 weight 1 nexthop via 192.0.2.9 dev und weight 1');
  await ip('route add 10.12.0.0/16 via 10.5.5.5 dev eth1 onlink');
  await ip('route add 10.13.0.0/16 dev eth1 scope link');
  await ip('route add 10.14.0.0/16 dev und');
  await ip('-6 route add default via fd00::1 dev eth1 metric 1024 expires 1800');
  await ip('-6 route add fd01::/64 via fe80::1 dev eth1');
  await ip('neigh add 10.1.0.200 lladdr 02:00:00:00:00:99 dev eth1 nud permanent');
  await host.run('sysctl -qw net.ipv4.conf.eth1.rp_filter=1 net.ipv4.conf.eth1.arp_announce=2');
  await untilQuiet();
});

afterEach(async () => {
  await host[Symbol.asyncDispose]();
  await spawn({ argv: ['ip', 'netns', 'del', lan] });
});

/** By which others are in the LAN. */
function pair(name: string, other: string, more: Partial<VethLink>): readonly KernelObject[] {
  const peer = { ns: '', name: other, mtu: 1500 };
  return [{ kind: 'link', type: 'veth', ns: '', name, mtu: 1500, up: true, peer, ...more }];
}

const wanted: readonly KernelObject[] = [
  {
    kind: 'link',
    type: 'bridge',
    ns: '',
    name: bridge,
    mac: '02:aa:00:00:00:0b',
    mtu: 1500,
    up: true,
    inPlaceOf: 'eth1',
  },
  { kind: 'fdb', ns: '', device: bridge, mac: '02:aa:00:00:00:0b', table: 'self' },
  ...pair('tru42', 'trw42', { master: bridge }),
  ...pair('trw42', 'tru42', { secondary: true }),
  { kind: 'uplink', ns: '', device: 'eth1', bridge },
];

const reconciler = (uplinks: UplinkStore, more = {}): Reconciler =>
  createReconciler(host.options({ uplinks, ...more }));

/** All that `ip` lists of the host, but for what moves by itself: times, numbers of interfaces. */
async function stateOf(): Promise<unknown> {
  const listings = [
    '-d addr show',
    '-d link show',
    '-d route show table all',
    '-6 -d route show table all',
    'neigh show nud permanent',
    'rule show',
  ];
  const all = await Promise.all(listings.map((each) => host.run(`ip -j ${each}`)));
  return all.map((text) =>
    JSON.parse(text || '[]', (key, value) => {
      // Of the bridge that is the underlay of this test's host, too.
      if (['ifindex', 'link_index', 'expires', 'gc_timer', 'tentative'].includes(key)) return undefined;
      return key.endsWith('_life_time') && value < 2 ** 32 - 1 ? 'finite' : value;
    }),
  );
}

const addressesOn = async (device: string) =>
  (await host.run(`ip -o addr show dev ${device}`))
    .trim()
    .split('\n')
    .flatMap((line) => (/inet6? (\S+)/.exec(line)?.[1] ?? '').replace(/^fe80.*/, '') || [])
    .sort();

const everything = [
  '10.1.0.11/24',
  '10.1.0.12/24',
  '10.1.0.13/32',
  '10.2.0.12/24',
  '10.8.0.1',
  'fd00::11/64',
  'fd00::12/64',
];

/** In order of their destinations, by way of which interfaces. */
async function devicesOfRoutes(): Promise<string> {
  const text = await host.run('ip -j -d route show table all');
  const routes = JSON.parse(text) as {
    dst: string;
    dev?: string;
    protocol: string;
    table: string;
    nexthops?: { dev: string }[];
  }[];
  return routes
    .filter(({ protocol, table }) => protocol !== 'kernel' && table !== 'local')
    .flatMap(({ dst, dev, nexthops = [] }) => `${dst} ${[dev ?? [], nexthops.map((hop) => hop.dev)].flat(2).join('+')}`)
    .sort()
    .join('; ');
}

async function take(uplinks: UplinkStore): Promise<void> {
  using kernel = reconciler(uplinks);
  kernel.desire('lan', wanted);
  expect((await kernel.settle()).failed).toEqual([]);
}

async function giveBack(uplinks: UplinkStore): Promise<void> {
  using kernel = reconciler(uplinks);
  expect((await kernel.resync()).failed).toEqual([]);
}

/** IPv6 has looked whether somebody else has its addresses. */
const untilQuiet = () => expect.poll(() => host.run('ip -6 addr show dev eth1 tentative'), { timeout: 5000 }).toBe('');

test('what stands on the interface stands on the bridge, and the interface has it all back', async () => {
  const [before, uplinks] = [await stateOf(), disk()];
  const routes = await devicesOfRoutes();
  await take(uplinks);
  expect(await addressesOn('eth1')).toEqual([]);
  expect(await addressesOn(bridge)).toEqual(everything);
  expect(await devicesOfRoutes()).toBe(routes.replaceAll('eth1', bridge));
  expect(await host.run(`ip neigh show dev ${bridge} nud permanent`)).toContain('10.1.0.200');
  expect(
    (await host.run(`sysctl -n net.ipv4.conf.${bridge}.rp_filter net.ipv4.conf.${bridge}.arp_announce`)).split(/\s+/),
  ).toEqual(['1', '2', '']);
  expect(await host.run(`ip link show ${bridge}`)).toMatch(/mtu 1500 .*02:aa:00:00:00:0b/s);
  expect(uplinks.records.get('eth1')).toMatchObject({ settled: true, bridge });
  await giveBack(uplinks);
  await untilQuiet();
  expect(await stateOf()).toEqual(before);
  expect(uplinks.records.size).toBe(0);
});

test('nothing moves before the bridge sends what it is given: who must be asked for is asked in time', async () => {
  const enter = ['nsenter', `--net=/run/netns/${host.name}`];
  await using monitor = start([...enter, 'ip', '-o', 'monitor', 'link', 'address'] as never, () => {});
  const seen: string[] = [];
  void (async () => {
    for await (const line of monitor.lines) seen.push(line);
  })();
  await expect
    .poll(async () => {
      for (const length of [900, 1000]) await host.run(`ip link set und txqueuelen ${length}`);
      return seen.length;
    })
    .toBeGreaterThan(0);
  await take(disk());
  const of = (what: RegExp) => seen.findIndex((line) => what.test(line));
  await expect.poll(() => of(/eth1@.* master trl42/)).toBeGreaterThan(-1);
  const sends = of(/trl42: <.*LOWER_UP.* state UP/);
  expect(sends, seen.join('\n')).toBeGreaterThan(-1);
  expect(sends).toBeLessThan(of(/eth1@.* master trl42/));
});

test('a second pass writes nothing; a dry run writes nothing down either', async () => {
  const uplinks = disk();
  using kernel = reconciler(uplinks);
  kernel.desire('lan', wanted);
  const planned = await kernel.plan();
  expect(planned.flatMap((step) => commandsOf(step)).map((argv) => argv.join(' '))).toContain(
    'ip link set dev eth1 master trl42',
  );
  expect(uplinks.records.size).toBe(0);
  await kernel.settle();
  host.writes.length = 0;
  expect((await kernel.resync()).applied).toEqual([]);
  expect(host.writes).toEqual([]);
});

/** Some thirty hosts one after the other, each moved and moved back. */
const manyHostsMs = 240_000;

describe('a crash between any two commands', { timeout: manyHostsMs }, () => {
  /** Every command of the steps, in the order in which they are done. */
  const commands = (steps: readonly Step[]) => steps.flatMap((step) => commandsOf(step));

  async function prefixes(
    plan: () => Promise<{ steps: readonly Step[]; uplinks: ReturnType<typeof disk> }>,
    then: (uplinks: UplinkStore) => Promise<void>,
  ) {
    const { length } = commands((await plan()).steps);
    expect(length).toBeGreaterThan(20);
    return {
      length,
      at: async (count: number) => {
        const { steps, uplinks } = await plan();
        const lines = commands(steps).slice(0, count).map(shellLine);
        await host.spawn({ argv: ['sh', '-ec', lines.join('\n')] });
        await then(uplinks);
      },
    };
  }

  /** Steps as they stand when everything is written down and nothing done. */
  async function prepared(uplinks: ReturnType<typeof disk>, wish: readonly KernelObject[]) {
    let steps: readonly Step[] = [];
    const broken = createReconciler(
      host.options({
        uplinks,
        spawn: (command) =>
          command.argv.includes('-batch') || command.argv.includes('-w')
            ? Promise.reject(new Error('killed'))
            : host.spawn(command),
      }),
    );
    using kernel = broken;
    if (wish.length > 0) kernel.desire('lan', wish);
    steps = await kernel.plan();
    await kernel.resync();
    return { steps, uplinks };
  }

  test('on the way to the bridge', async () => {
    const before = await stateOf();
    const { length, at } = await prefixes(async () => prepared(disk(), wanted), giveBack);
    for (let count = 0; count <= length; count += 1) {
      await at(count);
      await untilQuiet();
      expect(await stateOf(), `after ${count} of ${length}`).toEqual(before);
    }
  });

  test('on the way to the bridge, which is then gone to the end', async () => {
    const routes = (await devicesOfRoutes()).replaceAll('eth1', bridge);
    const { length, at } = await prefixes(async () => prepared(disk(), wanted), take);
    for (let count = 0; count <= length; count += 3) {
      await at(count);
      expect([count, await addressesOn('eth1'), await addressesOn(bridge)]).toEqual([count, [], everything]);
      expect(await devicesOfRoutes()).toBe(routes);
      await giveBack(disk());
      await untilQuiet();
    }
  });

  test('on the way back', async () => {
    const before = await stateOf();
    const uplinks = disk();
    const plan = async () => {
      await take(uplinks);
      return prepared(uplinks, []);
    };
    const { length, at } = await prefixes(plan, giveBack);
    for (let count = 0; count <= length; count += 1) {
      await at(count);
      await untilQuiet();
      expect(await stateOf(), `after ${count} of ${length}`).toEqual(before);
    }
  });
});

test('a bridge that somebody takes away comes back with all that stood on it', async () => {
  const [before, uplinks, stop] = [await stateOf(), disk(), new AbortController()];
  using kernel = createReconciler(host.options({ uplinks }));
  kernel.desire('lan', wanted);
  await kernel.settle();
  const watching = kernel.watch(stop.signal);
  await host.run(`ip link del ${bridge}`);
  await expect.poll(() => addressesOn(bridge).catch(() => []), { timeout: 5000 }).toEqual(everything);
  stop.abort();
  await watching;
  await giveBack(uplinks);
  await untilQuiet();
  expect(await stateOf()).toEqual(before);
});

test('without an agent, too, the host has it back before anything is asked of it', async () => {
  const [before, uplinks] = [await stateOf(), disk()];
  await take(uplinks);
  for (const link of [bridge, 'tru42']) await host.run(`ip link del ${link}`);
  expect(await host.run('ip route show default')).toBe('');
  expect((await recoverUplinks(uplinks, host.spawn, systemClock)).map(({ outcome }) => outcome)).toEqual(['done']);
  await untilQuiet();
  expect(await stateOf()).toEqual(before);
  expect(await recoverUplinks(uplinks, host.spawn, systemClock)).toEqual([]);
});

test('what came to stand on the bridge goes to the interface; what went from it stays away', async () => {
  const uplinks = disk();
  await take(uplinks);
  await host.run(`ip addr add 10.1.0.99/24 dev ${bridge}`);
  await host.run(`ip addr del 10.1.0.12/24 dev ${bridge}`);
  await host.run(`ip route add 10.20.0.0/16 via 10.1.0.1 dev ${bridge}`);
  await host.run(`ip route del 10.12.0.0/16`);
  await giveBack(uplinks);
  expect(await addressesOn('eth1')).toEqual(
    [...everything.filter((each) => each !== '10.1.0.12/24'), '10.1.0.99/24'].sort(),
  );
  expect(await host.run('ip route show 10.20.0.0/16')).toContain('dev eth1');
  expect(await host.run('ip route show 10.12.0.0/16')).toBe('');
});

test('an address that comes to the interface, and an interface that is taken off the bridge, are put right within 5 s', async () => {
  const [uplinks, stop, repairs] = [disk(), new AbortController(), [] as string[]];
  using kernel = reconciler(uplinks, { onRepair: (sentences: readonly string[]) => repairs.push(...sentences) });
  kernel.desire('lan', wanted);
  await kernel.settle();
  const watching = kernel.watch(stop.signal);
  await expect.poll(() => host.commands.some(({ argv }) => argv.includes('monitor'))).toBe(false);
  await host.run('ip addr add 10.1.0.11/24 dev eth1');
  await host.run('ip addr add 10.1.0.98/24 dev eth1');
  await expect.poll(() => addressesOn('eth1'), { timeout: 5000 }).toEqual([]);
  expect(await addressesOn(bridge)).toEqual([...everything, '10.1.0.98/24'].sort());
  await host.run('ip link set eth1 nomaster');
  await expect.poll(() => host.run('ip link show eth1'), { timeout: 5000 }).toContain(`master ${bridge}`);
  await host.run('ip route add 10.30.0.0/16 dev eth1');
  await expect.poll(() => host.run('ip route show 10.30.0.0/16'), { timeout: 5000 }).toContain(`dev ${bridge}`);
  expect(repairs.join('\n')).toContain('place of trl42 for eth1');
  stop.abort();
  await watching;
});

test('a full disk keeps what came to the interface there, and holds up nothing else', async () => {
  const uplinks = disk();
  let full = false;
  const save = (device: string, record: UplinkRecord | undefined) =>
    full ? Promise.reject(new Error('the disk is full')) : uplinks.save(device, record);
  using kernel = reconciler({ ...uplinks, save });
  kernel.desire('lan', wanted);
  expect((await kernel.settle()).failed).toEqual([]);
  full = true;
  await host.run('ip addr add 10.1.0.98/24 dev eth1');
  await host.run(`ip addr add 10.1.0.97/24 dev ${bridge}`);
  kernel.desire('another', [{ kind: 'link', type: 'bridge', ns: '', name: 'trb43', mtu: 1500, up: true }]);
  expect((await kernel.resync()).failed).toMatchObject([
    { message: 'the disk is full', step: { after: { kind: 'uplink' } } },
  ]);
  expect(await host.run('ip -br link show trb43')).toContain('trb43');
  expect(await addressesOn('eth1')).toEqual(['10.1.0.98/24']);
  full = false;
  expect((await kernel.resync()).failed).toEqual([]);
  expect(await addressesOn('eth1')).toEqual([]);
  expect(await addressesOn(bridge)).toEqual([...everything, '10.1.0.97/24', '10.1.0.98/24'].sort());
  expect(uplinks.records.get('eth1')).toMatchObject({ settled: true });
});

test('a move that fails half-way is taken back although the disk is full since it began', async () => {
  const [before, uplinks] = [await addressesOn('eth1'), disk()];
  let full = false;
  const save = async (device: string, record: UplinkRecord | undefined) => {
    if (full) throw new Error('the disk is full');
    await uplinks.save(device, record);
    full = true;
  };
  const refusing: Spawn = ({ input, ...command }) =>
    host.spawn({
      ...command,
      ...(input === undefined
        ? {}
        : { input: input.replace(/(replace .*)10.13.0.0.16 dev trl42/, '$110.13.0.0/99 dev trl42') }),
    });
  {
    using kernel = reconciler({ ...uplinks, save }, { spawn: refusing });
    kernel.desire('lan', wanted);
    expect((await kernel.settle()).failed).toMatchObject([{ step: { after: { kind: 'uplink' } } }]);
    expect(uplinks.records.get('eth1')).toMatchObject({ settled: false });
    expect(await addressesOn('eth1')).toEqual(before);
    expect(await addressesOn(bridge)).toEqual([]);
  }
  await take(uplinks);
  expect(await addressesOn('eth1')).toEqual([]);
  expect(await addressesOn(bridge)).toEqual(before);
});

test('without what was written down, the kernel itself tells whose place the bridge has', async () => {
  await take(disk());
  await giveBack(disk());
  await untilQuiet();
  expect(await addressesOn('eth1')).toEqual(everything);
  expect(await host.run('ip -o link')).not.toContain(bridge);
  expect(await host.run('ip route show default')).toContain('dev eth1');
});

const strange = (device: string) => `ip route add 10.40.0.0/16 nexthop via 10.1.0.1 dev ${device} realm 9`;

test('what cannot be moved keeps everything where it is', async () => {
  await host.run(strange('eth1'));
  await host.run('ip nexthop add id 8 via 10.1.0.1 dev eth1');
  await host.run('ip route add 10.51.0.0/16 nhid 8');
  const [before, uplinks] = [await stateOf(), disk()];
  using kernel = reconciler(uplinks);
  kernel.desire('lan', wanted);
  const { failed } = await kernel.settle();
  expect(failed.map(({ message }) => message).join()).toMatch(/which Trama cannot move/);
  expect(await host.run('ip route show 10.51.0.0/16')).toContain('nhid 8');
  await host.run('ip nexthop del id 8');
  // Nothing of it stays in memory: whoever does as he is told has his network.
  await kernel.settle();
  await host.run('ip route del 10.40.0.0/16');
  await kernel.resync();
  expect((await kernel.settle()).failed).toEqual([]);
  expect(await addressesOn('eth1')).toEqual([]);
  kernel.release('lan');
  await kernel.settle();
  await host.run(strange('eth1'));
  await host.run('ip nexthop add id 8 via 10.1.0.1 dev eth1');
  await host.run('ip route add 10.51.0.0/16 nhid 8');
  await untilQuiet();
  expect(await stateOf()).toEqual(before);
});

test('what cannot be moved and comes later takes nobody the place that is taken', async () => {
  const uplinks = disk();
  using kernel = reconciler(uplinks);
  kernel.desire('lan', wanted);
  await kernel.settle();
  await host.run('ip route add 10.40.0.0/16 dev eth1 realm 9');
  await kernel.resync();
  expect((await kernel.settle()).failed.map(({ message }) => message).join()).toMatch(/which Trama cannot move/);
  expect(await host.run('ip link show eth1')).toContain(`master ${bridge}`);
  expect(await addressesOn('eth1')).toEqual([]);
  await host.run('ip route del 10.40.0.0/16');
  await kernel.resync();
  expect((await kernel.settle()).failed).toEqual([]);
});

test('what cannot be moved keeps nothing else from the way back', async () => {
  const uplinks = disk();
  await take(uplinks);
  await host.run(strange(bridge));
  await giveBack(uplinks);
  expect(await addressesOn('eth1')).toEqual(everything);
  expect(await host.run('ip -o link')).not.toContain(bridge);
});

test('a route by a next-hop object is moved, and comes back without the object', async () => {
  await host.run('ip nexthop add id 7 via 10.1.0.1 dev eth1');
  await host.run('ip route add 10.50.0.0/16 nhid 7');
  const uplinks = disk();
  await take(uplinks);
  expect(await host.run('ip route show 10.50.0.0/16')).toContain(`via 10.1.0.1 dev ${bridge}`);
  await giveBack(uplinks);
  expect(await host.run('ip route show 10.50.0.0/16')).toContain('via 10.1.0.1 dev eth1');
});

test('an address that is renewed on the interface lives as long in its place', async () => {
  await host.run('ip addr add 10.1.0.97/24 dev eth1 valid_lft 300 preferred_lft 200');
  const [uplinks, stop] = [disk(), new AbortController()];
  using kernel = reconciler(uplinks);
  kernel.desire('lan', wanted);
  await kernel.settle();
  const watching = kernel.watch(stop.signal);
  const life = async (device: string) => {
    const shown = await host.run(`ip addr show dev ${device} to 10.1.0.97`);
    return Number(/valid_lft (\d+)sec/.exec(shown)?.[1] ?? 0);
  };
  expect(await life(bridge)).toBeLessThanOrEqual(300);
  await host.run('ip addr replace 10.1.0.97/24 dev eth1 valid_lft 3600 preferred_lft 1800');
  await expect.poll(() => life(bridge), { timeout: 5000 }).toBeGreaterThan(3000);
  expect(await life('eth1')).toBe(0);
  stop.abort();
  await watching;
});

test('an established connection goes on, in both directions and over the return', async () => {
  await using server = start(
    ['nsenter', `--net=/run/netns/${lan}`, 'socat', 'TCP-LISTEN:7007,reuseaddr', 'EXEC:cat'],
    () => {},
  );
  await expect
    .poll(async () => output(spawn, { argv: ['nsenter', `--net=/run/netns/${lan}`, 'ss', '-Hltn'] }))
    .toContain('7007');
  const talk = 'i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.05; done';
  const enter = ['nsenter', `--net=/run/netns/${host.name}`];
  await using client = start([...enter, 'sh', '-c', `(${talk}) | socat -t5 - TCP:10.1.0.1:7007`] as never, () => {});
  const heard: [number, string][] = [];
  const reading = (async () => {
    for await (const line of client.lines) heard.push([Date.now(), line]);
  })();
  await expect.poll(() => heard.length).toBeGreaterThan(5);
  const uplinks = disk();
  await take(uplinks);
  await expect.poll(() => heard.length).toBeGreaterThan(20);
  await giveBack(uplinks);
  await reading;
  expect(heard.map(([, line]) => line)).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`));
  const gaps = heard.slice(1).map(([at], i) => at - (heard[i]?.[0] ?? at));
  expect(Math.max(...gaps)).toBeLessThan(1000);
  void server;
});
