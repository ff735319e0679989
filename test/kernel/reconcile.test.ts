import { describe, expect, onTestFinished, test } from 'vitest';
import {
  commandsOf,
  createReconciler,
  explain,
  type KernelObject,
  type Step,
  shellLine,
  undo,
} from '../../src/kernel/kernel.ts';
import { output, spawn } from '../../src/platform/platform.ts';
import { endpointLink, localEndpoint, network, overlay, remoteEndpoint, stateOf, testHost } from './fixture.ts';

async function host() {
  const made = await testHost();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** Disposed of when the test ends. */
function kept<T extends Disposable>(reconciler: T): T {
  onTestFinished(() => reconciler[Symbol.dispose]());
  return reconciler;
}

const pairs = [
  ['trv00000000fe', '10.42.0.9'],
  ['trv00000000ff', '10.42.0.10'],
] as const;

describe('a reconciler', { timeout: 30_000 }, () => {
  test('makes everything, and the second time writes nothing', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    expect((await reconciler.settle()).failed).toEqual([]);
    const state = await stateOf(h);
    const parts = [
      'trb42',
      'trx42',
      endpointLink,
      '10.42.0.8',
      '192.0.2.3',
      'set ports',
      '-i trg+ -j',
      '/16 -m comment',
    ];
    for (const part of parts) expect(state).toContain(part);
    expect(await reconciler.plan()).toEqual([]);
    h.writes.length = 0;
    expect(await reconciler.resync()).toEqual({ applied: [], failed: [] });
    const another = kept(overlay(h));
    expect(await another.resync()).toEqual({ applied: [], failed: [] });
    expect(h.writes).toEqual([]);
    expect(await stateOf(h)).toBe(state);
  });

  test('has one rule of iptables where a former version wrote it with a comment', async () => {
    const h = await host();
    const former = '-m comment --comment trama:0123456789abcdef -i trg+ -j ACCEPT';
    await h.run(`iptables -A DOCKER-USER ${former}`);
    const reconciler = kept(overlay(h));
    expect((await reconciler.resync()).failed).toEqual([]);
    expect((await h.run('iptables -S DOCKER-USER')).match(/trg\+.*/g)).toEqual(['trg+ -j ACCEPT']);
    expect(await reconciler.resync()).toEqual({ applied: [], failed: [] });
  });

  test('wires an endpoint with one nft transaction and one ip batch, and looks at nothing', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    h.commands.length = 0;
    reconciler.desire('endpoint/new', localEndpoint(h, 'trv00000000ff', '10.42.0.9'));
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(h.commands.map(({ argv }) => argv.find((word) => word === 'nft' || word === 'ip'))).toEqual(['nft', 'ip']);
    expect(await h.run('ip -br link show trp00000000ff')).toContain('02:42:0a:2a:00:09');
    expect(await h.run(`ip -n ${h.data} -d link show trv00000000ff`)).toMatch(/master trb42[\s\S]*learning off/);
  });

  test('an endpoint with its forwarding and neighbour entries takes one process more', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    h.commands.length = 0;
    const mac = '02:42:0a:2a:00:09';
    reconciler.desire('endpoint/new', [
      ...localEndpoint(h, 'trv00000000ff', '10.42.0.9'),
      { kind: 'fdb', ns: h.data, device: 'trv00000000ff', mac, table: 'master' },
      { kind: 'neighbour', ns: h.data, device: 'trb42', address: '10.42.0.9', mac },
    ]);
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(h.commands.map(({ argv }) => argv.find((word) => ['nft', 'ip', 'bridge'].includes(word)))).toEqual([
      'nft',
      'ip',
      'bridge',
    ]);
    expect(await reconciler.plan()).toEqual([]);
  });

  test('what nobody desires is spared as long as it is to be kept, but not when all is cleared', async () => {
    const h = await host();
    await kept(overlay(h)).settle();
    let spare = true;
    const repairs: string[] = [];
    const keep = (object: KernelObject) => spare && object.kind === 'fdb';
    const restarted = kept(createReconciler(h.options({ keep, onRepair: (sentences) => repairs.push(...sentences) })));
    restarted.desire('network/42', network(h));
    restarted.desire('endpoint/local', localEndpoint(h));
    await restarted.resync();
    expect(await h.run(`bridge -n ${h.data} fdb show dev trx42`)).toContain('192.0.2.3');
    expect(await h.run(`ip -n ${h.data} neigh show nud permanent`)).toBe('');
    // Not what it has wanted itself.
    const entry: KernelObject = { kind: 'fdb', ns: h.data, device: 'trx42', mac: '02:42:0a:2a:00:09', table: 'master' };
    restarted.desire('endpoint/other', [entry]);
    await restarted.settle();
    expect(await h.run(`bridge -n ${h.data} fdb show dev trx42`)).toContain(entry.mac);
    restarted.release('endpoint/other');
    await restarted.resync();
    expect(await h.run(`bridge -n ${h.data} fdb show dev trx42`)).not.toContain(entry.mac);
    spare = false;
    await restarted.resync();
    expect(await h.run(`bridge -n ${h.data} fdb show dev trx42`)).not.toContain('192.0.2.3');
    // Nobody has changed anything.
    expect(repairs).toEqual([]);
    spare = true;
    const planned = await restarted.clearPlan();
    expect(planned.every((step) => step.op === 'delete')).toBe(true);
    const { applied, failed } = await restarted.clear();
    expect(failed).toEqual([]);
    expect(applied.map(explain).sort()).toEqual(planned.map(explain).sort());
    expect(await restarted.clearPlan()).toEqual([]);
  });

  test('a replacement that fails half-way is taken back, told to the owner, and tried again', async () => {
    const h = await host();
    const path = `/run/netns/${h.sandbox}`;
    const [link] = localEndpoint(h);
    if (link?.kind !== 'link' || link.type !== 'veth') throw new Error('not a pair');
    let address = '10.300.0.5/16';
    const made: KernelObject = { ...link, peer: { ...link.peer, ns: path, name: 'eth0' } };
    const onMissing = (missing: KernelObject): KernelObject[] | undefined =>
      'name' in missing && missing.name === link.name
        ? [made, { kind: 'address', ns: path, device: 'eth0', cidr: address }]
        : undefined;
    const repairs: string[] = [];
    const reconciler = kept(overlay(h, { onMissing, onRepair: (sentences) => repairs.push(...sentences) }));
    expect((await reconciler.resync()).failed).toHaveLength(1);
    expect(reconciler.failuresOf('endpoint/local')[0]?.message).toContain('10.300.0.5/16');
    expect(await h.run(`ip -n ${h.data} link`)).not.toContain(link.name);
    address = '10.42.0.5/16';
    await expect.poll(() => h.run(`ip -n ${h.sandbox} addr`), { timeout: 5000 }).toContain('10.42.0.5/16');
    await expect.poll(() => reconciler.failuresOf('endpoint/local')).toEqual([]);
    // It never was intact before.
    expect(repairs).toEqual([]);
    await h.run(`ip -n ${h.data} link del ${link.name}`);
    address = '10.300.0.5/16';
    expect((await reconciler.resync()).failed).toHaveLength(1);
    expect(repairs).toEqual([]);
    address = '10.42.0.5/16';
    await expect.poll(() => repairs.join('\n'), { timeout: 5000 }).toContain(link.name);
    expect(repairs.filter((each) => each.includes('10.42.0.5/16'))).toHaveLength(1);
  });

  test('a replacement whose name somebody else has in its sandbox leaves that alone, and comes once the name is free', async () => {
    const h = await host();
    const path = `/run/netns/${h.sandbox}`;
    const inside = async (command: string) => h.run(`ip -n ${h.sandbox} ${command}`);
    for (const command of [
      'link add eth0 mtu 1400 address 02:00:00:00:00:77 type bridge',
      'addr add 172.17.0.2/16 dev eth0',
      'link set eth0 up',
      'route add default via 172.17.0.1',
    ]) {
      await inside(command);
    }
    const [link] = localEndpoint(h);
    if (link?.kind !== 'link' || link.type !== 'veth') throw new Error('not a pair');
    const eth0 = { ns: path, name: 'eth0', mac: '02:42:0a:2a:00:05', mtu: 1450 };
    const outer = { ns: h.data, name: link.name, mtu: 1450 };
    const made: KernelObject[] = [
      { ...link, peer: eth0 },
      { kind: 'link', type: 'veth', ...eth0, up: true, peer: outer, secondary: true },
      { kind: 'address', ns: path, device: 'eth0', cidr: '10.42.0.5/16' },
      { kind: 'route', ns: path, destination: 'default', via: '10.42.0.1', device: 'eth0' },
    ];
    const onMissing = (missing: KernelObject) => ('name' in missing && missing.name === link.name ? made : undefined);
    const state = async () =>
      `${await inside('-o addr show dev eth0')}${await inside('link show')}${await inside('route')}`;
    const before = await state();
    const reconciler = kept(overlay(h, { onMissing }));
    expect((await reconciler.resync()).failed).toHaveLength(1);
    expect(reconciler.failuresOf('endpoint/local')[0]?.message).toContain(link.name);
    expect(await state()).toBe(before);
    expect(await h.run(`ip -n ${h.data} link`)).not.toContain(link.name);
    await inside('link del eth0');
    await expect.poll(() => inside('addr show dev eth0').catch(() => ''), { timeout: 5000 }).toContain('10.42.0.5/16');
    expect(await inside('link show dev eth0')).toMatch(/mtu 1450[\s\S]*02:42:0a:2a:00:05/);
    expect(await inside('route')).toContain('default via 10.42.0.1');
    await expect.poll(() => reconciler.failuresOf('endpoint/local')).toEqual([]);
  });

  test('what is desired while the kernel is being looked at is no repair', async () => {
    const h = await host();
    const repairs: string[] = [];
    const reconciler = kept(overlay(h, { onRepair: (sentences) => repairs.push(...sentences) }));
    await reconciler.settle();
    const pass = reconciler.resync();
    await new Promise((resolve) => setImmediate(resolve));
    reconciler.desire('endpoint/a', localEndpoint(h, 'trv00000000aa', '10.42.0.20'));
    await pass;
    await reconciler.settle();
    expect(await h.run(`ip -n ${h.data} -br link`)).toContain('trv00000000aa');
    expect(repairs).toEqual([]);
  });

  test('what is left of something that nobody desires any more is cleared away, and no repair', async () => {
    const h = await host();
    const told: string[] = [];
    const reconciler = kept(overlay(h, { onRepair: (sentences) => told.push(...sentences) }));
    const pair = (name: string, address: string) => localEndpoint(h, name, address);
    for (const [name, address] of pairs) reconciler.desire(name, pair(name, address));
    expect((await reconciler.settle()).failed).toEqual([]);
    const made = async (name: string) => (await h.run(`ip -n ${h.data} -br link`)).includes(name);
    const again = (name: string, peer: string) =>
      h.run(`ip -n ${h.data} link add ${name} type veth peer name ${peer} netns ${h.name}`);
    const [[first], [second]] = pairs;
    // Found missing, and given up before it was repaired.
    await h.run(`ip -n ${h.data} link del ${first}`);
    expect((await reconciler.plan()).length).toBeGreaterThan(0);
    await again(first, 'trp00000000fe');
    reconciler.release(first);
    await reconciler.resync();
    expect(await made(first)).toBe(false);
    expect(told).toEqual([]);
    // Nobody else’s either is what nobody had desired for long, and yet it is no leftover.
    reconciler.release(second);
    await reconciler.resync();
    expect(told).toEqual([]);
    await again(second, 'trp00000000ff');
    await reconciler.resync();
    expect(await made(second)).toBe(false);
    expect(told).toEqual([expect.stringMatching(new RegExp(`^Delete the veth pair ${second}`))]);
  });

  test('callers that come during a pass share the next one', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    const first = reconciler.settle();
    await new Promise((resolve) => setImmediate(resolve));
    reconciler.desire('endpoint/a', localEndpoint(h, 'trv00000000aa', '10.42.0.20'));
    const second = reconciler.settle();
    reconciler.desire('endpoint/b', localEndpoint(h, 'trv00000000bb', '10.42.0.21'));
    expect(reconciler.settle()).toBe(second);
    await first;
    expect((await second).failed).toEqual([]);
    expect(await h.run(`ip -n ${h.data} -br link`)).toMatch(/trv00000000aa[\s\S]*trv00000000bb/);
  });

  test('leaves what is foreign, and clears away all that is not', async () => {
    const h = await host();
    for (const command of [
      'ip link add trunk0 type bridge',
      'ip link add trv0 type bridge',
      'ip addr add 198.51.100.1/24 dev trunk0',
      'ip link set trunk0 up',
      'ip route add 203.0.113.0/24 dev trunk0 proto static',
      'ip neigh add 198.51.100.9 lladdr 02:00:00:00:00:09 dev trunk0 nud permanent',
      'bridge fdb add 02:00:00:00:00:08 dev trunk0 self permanent',
      'nft add table inet filter2',
      'nft add table ip trama2',
      'iptables -A DOCKER-USER -m comment --comment somebody -j RETURN',
      'iptables -A DOCKER-USER -s 203.0.113.9/32 -i trg+ -j DROP',
      'sysctl -qw net.ipv4.conf.all.rp_filter=1',
    ]) {
      await h.run(command);
    }
    const before = await stateOf(h);
    const values: Record<string, string> = {};
    const remembered = {
      load: async () => ({ ...values }),
      save: async (all: object) => void Object.assign(values, all),
    };
    const reconciler = kept(overlay(h, { remembered }));
    const strict: KernelObject = { kind: 'sysctl', ns: '', key: 'net/ipv4/conf/all/rp_filter', value: '2' };
    reconciler.desire('more', [
      strict,
      { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule: ['-i', 'trg42', '-j', 'ACCEPT'] },
    ]);
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(values).toEqual({ ' net/ipv4/ip_forward': '0', ' net/ipv4/conf/all/rp_filter': '1' });
    for (const line of before
      .split('\n')
      .filter((line) => /trunk0|filter2|trama2|somebody|203\.0\.113\.9/.test(line))) {
      expect(await stateOf(h)).toContain(line);
    }
    // Another process, which knows nothing but what was kept.
    const uninstaller = kept(createReconciler(h.options({ remembered })));
    expect((await uninstaller.clear()).failed).toEqual([]);
    expect(await stateOf(h)).toBe(before);
  });

  test('what sysctls were before a reboot is not put back after it', async () => {
    const h = await host();
    const values: Record<string, string> = { ' net/ipv4/ip_forward': '1' };
    const remembered = {
      load: async () => ({ ...values }),
      save: async (all: object) => {
        delete values[' net/ipv4/ip_forward'];
        Object.assign(values, all);
      },
    };
    const forwarding = async () => (await h.run('sysctl -n net.ipv4.ip_forward')).trim();
    await h.run('sysctl -qw net.ipv4.ip_forward=0');
    const reconciler = kept(createReconciler(h.options({ remembered })));
    reconciler.desire('base', [{ kind: 'namespace', name: h.data }]);
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(await forwarding()).toBe('0');
    expect(values).toEqual({});
  });

  test('who counts on a filter is told when it could not be made', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    const guard = { kind: 'nft-chain', ns: h.data, family: 'bridge', table: 'trama', name: 'later' } as const;
    reconciler.desire('more', [
      { ...guard, hook: { type: 'filter', hook: 'prerouting', priority: 1 }, rules: ['no such thing drop'] },
    ]);
    await reconciler.settle();
    expect(reconciler.failuresOf('endpoint/local')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('later') }),
    ]);
    expect(reconciler.failuresOf('endpoint/7')).toEqual([]);
    reconciler.release('more');
    await reconciler.settle();
    expect(reconciler.failuresOf('endpoint/local')).toEqual([]);
  });

  test('a step that fails stops no other, is told to its owner, and is done once it can be', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    reconciler.desire('broken', [
      { kind: 'fdb', ns: h.data, device: 'trx99', mac: '02:42:00:00:00:99', table: 'master' },
      { kind: 'nft-element', ns: '', family: 'inet', table: 'trama', set: 'nets', key: ['10.42.0.0/99'] },
      { kind: 'address', ns: '', device: 'trg42', cidr: '10.300.0.1/16' },
      { kind: 'route', ns: '', destination: '10.97.0.0/16', device: 'trg7' },
    ]);
    const outcome = await reconciler.settle();
    expect(outcome.failed).toHaveLength(4);
    expect(reconciler.failuresOf('broken')).toHaveLength(4);
    expect(reconciler.failuresOf('network/42')).toEqual([]);
    expect(outcome.failed.map(({ message }) => message).join('\n')).toMatch(
      /10\.42\.0\.0\/99[\s\S]*trx99.*Cannot find device/,
    );
    reconciler.release('broken');
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(await reconciler.plan()).toEqual([]);

    reconciler.desire('early', [
      { kind: 'route', ns: '', destination: '10.97.0.0/16', via: '203.0.113.1', device: 'und' },
    ]);
    expect((await reconciler.settle()).failed).toHaveLength(1);
    await h.run('ip addr add 203.0.113.2/24 dev und');
    await expect.poll(() => h.run('ip route show 10.97.0.0/16'), { timeout: 5000 }).toContain('203.0.113.1');
    await expect.poll(() => reconciler.failuresOf('early')).toEqual([]);
  });

  test("somebody else's route to the same destination is not replaced but reported", async () => {
    const h = await host();
    await h.run('ip route add 10.99.0.0/16 dev und proto static');
    const reconciler = kept(overlay(h));
    const { failed } = await reconciler.settle();
    expect(failed.map(({ message }) => message)).toEqual([expect.stringMatching(/10\.99\.0\.0\/16.*File exists/)]);
    expect(await h.run('ip route show 10.99.0.0/16')).toContain('proto static');
  });

  test('a VXLAN device whose address changes is made anew, with everything on it', async () => {
    const h = await host();
    await h.run('ip addr add 192.0.2.77/24 dev und');
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    const moved = network(h).map((object) =>
      object.kind === 'link' && object.type === 'vxlan' ? { ...object, local: '192.0.2.77' } : object,
    );
    reconciler.desire('network/42', moved);
    const { applied, failed } = await reconciler.settle();
    expect(failed).toEqual([]);
    expect(applied.filter((step) => step.op === 'create' && step.after.kind === 'fdb')).toHaveLength(6);
    expect(await h.run(`ip -n ${h.data} -d link show trx42`)).toContain('local 192.0.2.77');
    expect(await reconciler.plan()).toEqual([]);
  });

  test('a chain, a set and an endpoint that change, and peers that move', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    const changed = network(h).map((object): KernelObject => {
      if (object.kind === 'nft-chain' && object.name === 'guard') return { ...object, rules: ['drop'] };
      if (object.kind === 'nft-set' && object.name === 'nets') return { ...object, type: 'type inet_service' };
      if (object.kind === 'nft-element' && object.set === 'nets') return { ...object, key: ['80'] };
      if (object.kind === 'nft-chain' && object.name === 'outwards')
        return { ...object, rules: ['tcp dport @nets accept'] };
      if (object.kind === 'link' && ['trb42', 'trg42'].includes(object.name)) return { ...object, mtu: 1400 };
      return object;
    });
    reconciler.desire('network/42', changed);
    reconciler.desire('endpoint/7', remoteEndpoint(h, '10.42.0.7', '192.0.2.3'));
    reconciler.release('endpoint/local');
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(await reconciler.plan()).toEqual([]);
    expect(await stateOf(h)).not.toContain(endpointLink);
    expect(await h.run(`bridge -n ${h.data} fdb show dev trx42`)).not.toContain('192.0.2.2');
  });

  test('a port that leads elsewhere is never without a target, and datagrams follow it at once', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    const flow = (port: number) =>
      h.run(`conntrack -I -p udp -s 192.0.2.9 -d 192.0.2.1 --sport 1000 --dport ${port} --timeout 100`);
    await flow(5353);
    await flow(5354);
    reconciler.desire(
      'network/42',
      network(h).map((each) => {
        const udp = each.kind === 'nft-map-element' && each.key[0] === 'udp';
        return udp ? { ...each, value: ['10.42.0.6', '53'] } : each;
      }),
    );
    h.writes.length = 0;
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(h.writes).toEqual([
      expect.stringMatching(/delete element inet trama doors \{ "udp" . 5353 \}\nadd element inet trama doors/),
      expect.stringContaining('conntrack -D'),
    ]);
    const flows = await h.run('conntrack -L -p udp');
    expect(flows).toContain('dport=5354');
    expect(flows).not.toContain('dport=5353');
    // Nothing to forget is no failure.
    reconciler.release('network/42');
    expect((await reconciler.settle()).failed).toEqual([]);
    expect(await h.run('nft list ruleset')).not.toContain('5353');
  });

  test('a map that is of another type is made anew with its table, and all in it', async () => {
    const h = await host();
    const reconciler = kept(overlay(h));
    await reconciler.settle();
    const healthy = await stateOf(h);
    await h.run('nft flush chain inet trama inwards');
    await h.run('nft delete map inet trama doors');
    await h.run('nft add map inet trama doors { type inet_service : ipv4_addr ; }');
    expect((await reconciler.resync()).failed).toEqual([]);
    expect(await stateOf(h)).toBe(healthy);
  });

  test('a lost pair in whose place the hook gives nothing for now stays lost, and is told of once it is there again', async () => {
    const h = await host();
    const repairs: string[] = [];
    let gives: 'later' | undefined = 'later';
    const options = { onMissing: () => gives, onRepair: (sentences: readonly string[]) => repairs.push(...sentences) };
    const reconciler = kept(overlay(h, options));
    gives = undefined;
    await reconciler.settle();
    gives = 'later';
    await h.run(`ip -n ${h.data} link del ${endpointLink}`);
    const entry: KernelObject = {
      kind: 'fdb',
      ns: h.data,
      device: endpointLink,
      table: 'master',
      mac: '9e:11:0a:2a:00:05',
    };
    reconciler.desire('on-it', [entry]);
    // Nobody has looked yet: the command finds no device. Once somebody has, nothing is wrong.
    expect((await reconciler.settle()).failed.map(({ message }) => message)).toEqual([
      expect.stringContaining('Cannot find device'),
    ]);
    for (const pass of ['resync', 'settle', 'resync'] as const) expect((await reconciler[pass]()).failed).toEqual([]);
    expect(await h.run(`ip -n ${h.data} link`)).not.toContain(endpointLink);
    expect(repairs).toEqual([]);
    gives = undefined;
    await reconciler.settle();
    expect(await h.run(`ip -n ${h.data} link`)).toContain(endpointLink);
    expect(repairs.filter((each) => each.includes(endpointLink))).not.toEqual([]);
  });

  test('an interface that stands where an engine took it is not made again, also by a pass that does not look', async () => {
    const h = await host();
    await h.run('ip link add under0 type veth peer name under1');
    const taken: KernelObject = {
      ...{
        kind: 'link',
        type: 'macvlan',
        ns: '',
        name: 'trm0123456789',
        lower: { ns: '', name: 'under0' },
        mode: 'bridge',
      },
      ...{ mac: '9e:11:0a:2a:00:77', mtu: 1500, up: false, handedOver: true },
    };
    const onMissing = (link: KernelObject) => ('name' in link && link.name === taken.name ? [] : undefined);
    const reconciler = kept(overlay(h, { onMissing }));
    await reconciler.settle();
    reconciler.desire('engine', [taken]);
    for (const pass of ['resync', 'settle', 'resync'] as const) expect((await reconciler[pass]()).failed).toEqual([]);
    expect(await h.run('ip link')).not.toContain(taken.name);
    reconciler.release('engine');
    expect((await reconciler.resync()).failed).toEqual([]);
  });

  test('a lost pair is replaced by what the hook gives, also inside a sandbox', async () => {
    const h = await host();
    const path = `/run/netns/${h.sandbox}`;
    const [link, ...others] = localEndpoint(h);
    if (link?.kind !== 'link' || link.type !== 'veth') throw new Error('not a pair');
    const peer = { ...link.peer, ns: path, name: 'eth0' };
    let asked = 0;
    const onMissing = () => {
      asked += 1;
      if (asked === 1) return undefined;
      return [
        { ...link, peer },
        {
          ...link,
          ns: path,
          name: 'eth0',
          peer: { ns: h.data, name: link.name, mtu: 1450 },
          secondary: true,
          up: true,
        },
        { kind: 'address', ns: path, device: 'eth0', cidr: '10.42.0.5/16' },
        { kind: 'route', ns: path, destination: 'default', via: '10.42.0.1', device: 'eth0' },
      ].map((object) => {
        const { master: _, port: __, ...rest } = object as typeof link;
        return object.ns === path && object.kind === 'link' ? rest : object;
      }) as KernelObject[];
    };
    const reconciler = kept(overlay(h, { onMissing }));
    await reconciler.settle();
    expect(others).toHaveLength(1);
    await h.run(`ip -n ${h.data} link del ${endpointLink}`);
    expect((await reconciler.resync()).failed).toEqual([]);
    expect(await h.run(`ip -n ${h.sandbox} -br addr show eth0`)).toMatch(/UP\s+10\.42\.0\.5\/16/);
    expect(await h.run(`ip -n ${h.sandbox} route show default`)).toContain('via 10.42.0.1');
    // Through the bridge to the gateway: the pair works.
    await h.run(`nsenter --net=${path} ping -c1 -W2 10.42.0.1`);
    h.writes.length = 0;
    await reconciler.resync();
    expect(h.writes).toEqual([]);
  });
});

describe('steps as commands', { timeout: 30_000 }, () => {
  const shell = async (h: { name: string }, steps: readonly Step[]) => {
    const lines = steps.flatMap((step) => commandsOf(step, `/run/netns/${h.name}`)).map(shellLine);
    await output(spawn, {
      argv: ['nsenter', `--net=/run/netns/${h.name}`, 'sh', '-e'],
      input: `${lines.join('\n')}\n`,
      timeoutMs: 20_000,
    });
  };

  test('printed and run by a shell make what the reconciler makes, and undone leave nothing', async () => {
    const [printed, reconciled] = [await host(), await host()];
    const before = await stateOf(printed);
    const reconciler = kept(overlay(printed));
    const steps = await reconciler.plan();
    expect(printed.writes.filter((write) => !write.includes('netns list'))).toEqual([]);
    await shell(printed, steps);

    const other = kept(overlay(reconciled));
    await other.settle();
    const same = (text: string) => text.replaceAll(/tk([hds])[0-9a-f]{6}/g, 'tk$1');
    expect(same(await stateOf(printed))).toBe(same(await stateOf(reconciled)));
    expect(await reconciler.plan()).toEqual([]);

    const remembering = steps.map((step): Step => {
      const sysctl = step.op === 'create' && step.after.kind === 'sysctl' && step.after.key.endsWith('ip_forward');
      return sysctl && step.after.kind === 'sysctl' ? { op: 'create', after: { ...step.after, previous: '0' } } : step;
    });
    // A second end goes with its first.
    const undone = remembering
      .toReversed()
      .map(undo)
      .filter((step) => step.op !== 'delete' || step.before.kind !== 'link' || !('secondary' in step.before));
    await shell(printed, undone);
    expect(await stateOf(printed)).toBe(before);
  });
});
