/** A host in a network namespace of its own, on whose kernel a reconciler works as it does on a real one. */
import type { ReconcilerOptions } from '../../src/kernel/kernel.ts';
import { createReconciler, type KernelObject } from '../../src/kernel/kernel.ts';
import { type Command, output, type Spawn, silentLog, spawn, start, systemClock } from '../../src/platform/platform.ts';
import { ownNamespaces } from './own-namespaces.ts';

export interface TestHost extends AsyncDisposable {
  /** Names of the host's namespace, of its data plane's, and of a container's. */
  readonly name: string;
  readonly data: string;
  readonly sandbox: string;
  /** Runs a command as on the host. */
  readonly spawn: Spawn;
  /** Commands run so far that could write, as text. */
  readonly writes: string[];
  /** All commands run so far. */
  readonly commands: Command[];
  /** Standard output of a command on the host, words split at blanks; fails with it. */
  run(command: string): Promise<string>;
  options(more?: Partial<ReconcilerOptions>): ReconcilerOptions;
}

export async function testHost(): Promise<TestHost> {
  const id = await ownNamespaces();
  const [name, data, sandbox] = [`tkh${id}`, `tkd${id}`, `tks${id}`];
  await output(spawn, { argv: ['ip', 'netns', 'add', name] });
  await output(spawn, { argv: ['ip', 'netns', 'add', sandbox] });
  const enter = ['nsenter', `--net=/run/netns/${name}`] as const;
  const writes: string[] = [];
  const commands: Command[] = [];
  const inHost: Spawn = (command) => {
    commands.push(command);
    if (isWrite(command)) writes.push(`${command.argv.join(' ')}${command.input ? `\n${command.input}` : ''}`);
    return spawn({ ...command, argv: [...enter, ...command.argv] });
  };
  const run = (command: string) => {
    const [first = '', ...rest] = command.split(' ');
    return output(spawn, { argv: [...enter, first, ...rest] });
  };
  await run('ip link set lo up');
  await run('ip link add und type bridge');
  await run('ip addr add 192.0.2.1/24 dev und');
  await run('ip link set und up');
  await run('iptables -N DOCKER-USER');
  return {
    name,
    data,
    sandbox,
    spawn: inHost,
    writes,
    commands,
    run,
    options: (more = {}) => ({
      spawn: inHost,
      start: (argv, onError) => start([...enter, ...argv], onError),
      clock: systemClock,
      log: silentLog,
      namespace: data,
      host: `/run/netns/${name}`,
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      for (const ns of [data, sandbox, name]) await spawn({ argv: ['ip', 'netns', 'del', ns] });
    },
  };
}

/** What is not a listing. */
function isWrite({ argv }: Command): boolean {
  return !argv.some((word) => ['list', 'show', '-L', 'iptables-save', 'grep'].includes(word));
}

/** Everything in the kernel that could have been touched, without counters and times, in comparable text. */
export async function stateOf(host: TestHost): Promise<string> {
  const parts: string[] = [];
  for (const ns of ['', host.data]) {
    if (ns !== '' && !(await host.run('ip netns list')).split('\n').some((line) => line.split(' ')[0] === ns)) continue;
    const n = ns === '' ? '' : ` -n ${ns}`;
    const nft = ns === '' ? 'nft' : `nsenter --net=/run/netns/${ns} nft`;
    parts.push(
      byLink(withoutVolatile(await host.run(`ip${n} -d addr show`))),
      await host.run(`ip${n} route show`),
      sorted(withoutVolatile(await host.run(`ip${n} neigh show nud permanent`))),
      sorted(withoutVolatile(await host.run(`bridge${n} fdb show`))),
      sorted(await host.run(`${nft} list ruleset`)),
    );
  }
  parts.push(sorted((await host.run('iptables-save')).replace(/^#.*$/gm, '').replace(/\[\d+:\d+\]/g, '')));
  parts.push(await host.run('sysctl net.ipv4.ip_forward net.ipv4.conf.all.rp_filter'));
  return parts.join('\n----\n');
}

/** In the order of names: that of creation says nothing. */
const byLink = (text: string) =>
  text
    .trimEnd()
    .split(/\n(?=\S)/)
    .sort()
    .join('\n');
const sorted = (text: string) => text.split('\n').sort().join('\n');

/** Interface numbers, timers, MACs that the kernel made up, and what a device on a bridge can send, which it has from the ports that the bridge had then. */
function withoutVolatile(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/inet6 fe80|valid_lft|33:33:|01:00:5e/.test(line))
    .map((line) =>
      line
        .replace(/^\d+: /, '')
        .replace(/@\S+:/, ':')
        .replace(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, (mac) => (/^(02:42:0a:2a|02:00:00|00:00:00)/.test(mac) ? mac : 'MAC'))
        .replace(/(bridge_id|designated_root|designated_bridge) \S+/g, '')
        .replace(/\S*_?timer\s+\S+/g, '')
        .replace(/tso_max_size \d+ /, '')
        .replace(/(NO-CARRIER,|,LOWER_UP|,M-DOWN)/g, '')
        .replace(/state \S+/g, '')
        .replace(/qdisc \S+/g, '')
        // An interface number of another namespace, shown as if it were one of this.
        .replace(/(local \S+) dev \S+/, '$1')
        .replace(/link-netns\S* \S+/g, '')
        .replace(/(port_no|port_id|designated_port) \S+/g, '')
        .replace(/(\S)\s+/g, '$1 ')
        .trimEnd(),
    )
    .join('\n');
}

export const endpointLink = 'trv0011223344';

/** A namespace and a network's part of an overlay. */
export function network(host: TestHost): KernelObject[] {
  const data = host.data;
  const table = { ns: data, family: 'bridge', table: 'trama' } as const;
  return [
    { kind: 'namespace', name: data },
    { kind: 'link', ns: data, name: 'trb42', type: 'bridge', mtu: 1450, up: true, mac: '02:42:0a:2a:00:01' },
    {
      ...{ kind: 'link', ns: data, name: 'trx42', type: 'vxlan', mtu: 1450, up: true, master: 'trb42' },
      ...{ vni: 42, dstPort: 4789, local: '192.0.2.1', device: 'und', learning: false, ttl: 16 },
      port: { learning: false, neighSuppress: true },
    },
    {
      ...{ kind: 'link', ns: '', name: 'trg42', type: 'macvlan', mtu: 1450, up: true, mac: '02:42:0A:2A:00:01' },
      ...{ lower: { ns: data, name: 'trb42' }, mode: 'passthru nopromisc', linkGroup: 84 },
    },
    { kind: 'fdb', ns: data, device: 'trb42', mac: '02:42:0A:2A:00:01', table: 'self' },
    { kind: 'address', ns: '', device: 'trg42', cidr: '10.42.0.1/16' },
    { kind: 'route', ns: '', destination: '10.99.0.0/16', via: '10.42.0.2', device: 'trg42' },
    { kind: 'route', ns: '', destination: '10.98.0.1/32', device: 'trg42', source: '10.42.0.1' },
    { kind: 'nft-table', ...table },
    { kind: 'nft-set', ...table, name: 'ports', type: 'typeof iifname . ether saddr . ip saddr' },
    { kind: 'nft-chain', ...table, name: 'guard', rules: ['iifname . ether saddr . ip saddr @ports accept', 'drop'] },
    {
      ...{ kind: 'nft-chain', ...table, name: 'ingress', hook: { type: 'filter', hook: 'prerouting', priority: -300 } },
      rules: ['iifname "trv*" ether type ip jump guard'],
    },
    { kind: 'nft-table', ns: '', family: 'inet', table: 'trama' },
    {
      kind: 'nft-set',
      ns: '',
      family: 'inet',
      table: 'trama',
      name: 'nets',
      type: 'type ipv4_addr',
      flags: 'interval',
    },
    { kind: 'nft-element', ns: '', family: 'inet', table: 'trama', set: 'nets', key: ['10.42.0.0/16'] },
    {
      ...{ kind: 'nft-chain', ns: '', family: 'inet', table: 'trama', name: 'outwards' },
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
      rules: ['ip saddr @nets ip daddr != @nets masquerade'],
    },
    {
      ...{ kind: 'nft-map', ns: '', family: 'inet', table: 'trama', name: 'doors' },
      type: 'type inet_proto . inet_service : ipv4_addr . inet_service',
    },
    door('tcp', 8080, '10.42.0.5', 80),
    door('udp', 5353, '10.42.0.5', 53),
    {
      ...{ kind: 'nft-chain', ns: '', family: 'inet', table: 'trama', name: 'inwards' },
      hook: { type: 'nat', hook: 'prerouting', priority: -100 },
      rules: ['meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @doors'],
    },
    { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule: ['-i', 'trg+', '-j', 'ACCEPT'] },
    { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule: ['-d', '10.42.0.0/16', '-j', 'ACCEPT'] },
    { kind: 'sysctl', ns: '', key: 'net/ipv4/ip_forward', value: '1' },
    { kind: 'sysctl', ns: '', key: 'net/ipv4/conf/trg42/rp_filter', value: '2' },
  ];
}

/** A port of the host that leads to one of a container. */
function door(protocol: 'tcp' | 'udp', port: number, address: string, containerPort: number): KernelObject {
  return {
    ...{ kind: 'nft-map-element', ns: '', family: 'inet', table: 'trama', map: 'doors' },
    key: [protocol, `${port}`],
    value: [address, `${containerPort}`],
  };
}

/** An endpoint of this host's. */
export function localEndpoint(host: TestHost, link = endpointLink, address = '10.42.0.5'): KernelObject[] {
  const mac = macOf(address);
  return [
    {
      ...{ kind: 'link', ns: host.data, name: link, type: 'veth', mtu: 1450, up: true, master: 'trb42' },
      peer: { ns: '', name: link.replace('trv', 'trp'), mtu: 1450, mac },
      port: { learning: false, isolated: false, flood: true },
    },
    {
      ...{ kind: 'nft-element', ns: host.data, family: 'bridge', table: 'trama', set: 'ports' },
      key: [link, mac, address],
    },
  ];
}

/** An endpoint of another host's, behind 192.0.2.2. */
export function remoteEndpoint(host: TestHost, address = '10.42.0.7', vtep = '192.0.2.2'): KernelObject[] {
  const mac = macOf(address);
  return [
    { kind: 'fdb', ns: host.data, device: 'trx42', mac, table: 'self', destination: vtep },
    { kind: 'fdb', ns: host.data, device: 'trx42', mac, table: 'master' },
    { kind: 'fdb', ns: host.data, device: 'trx42', mac: '00:00:00:00:00:00', table: 'self', destination: vtep },
    { kind: 'neighbour', ns: host.data, device: 'trb42', address, mac },
    { kind: 'neighbour', ns: '', device: 'trg42', address, mac },
  ];
}

const macOf = (address: string) =>
  `02:42:${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;

/** A reconciler that wants one network with one local and two remote endpoints. */
export function overlay(host: TestHost, more: Partial<ReconcilerOptions> = {}) {
  const reconciler = createReconciler(host.options(more));
  reconciler.desire('network/42', network(host));
  reconciler.desire('endpoint/local', localEndpoint(host));
  reconciler.desire('endpoint/7', remoteEndpoint(host));
  reconciler.desire('endpoint/8', remoteEndpoint(host, '10.42.0.8', '192.0.2.3'));
  return reconciler;
}
