import { output, type Spawn } from '../platform/platform.ts';
import { namespaceOf } from './session.ts';

/**
 * What joins the simulated hosts: one namespace that holds three bridges and routes between them. On the first bridge are the
 * hosts, on the second the outside, on the third those hosts that have a second interface, in a LAN besides. It knows no
 * route to any container's subnet: whoever reaches the outside from a container was masqueraded.
 */
export const hostsSegment: Segment = { bridge: 'br-hosts', network: '10.99.0.0/24', gateway: '10.99.0.1' };
export const outsideSegment: Segment = { bridge: 'br-outside', network: '198.51.100.0/24', gateway: '198.51.100.254' };
/** Of hosts' second interfaces. */
const lanSegment: Segment = { bridge: 'br-lan', network: '10.98.0.0/24', gateway: '10.98.0.1' };
export const outsideAddress = '198.51.100.1';

export interface Segment {
  readonly bridge: string;
  readonly network: string;
  /** The router's address in it. */
  readonly gateway: string;
}

/** A cable from the underlay to a host. */
export interface Cable {
  readonly session: string;
  /** The host's name; the port of the bridge is called the same. */
  readonly name: string;
  readonly address: string;
  readonly segment: Segment;
  /** `default`, or the one network that is reached over the gateway. */
  readonly route: string;
  readonly mtu: number;
  /** It has an `eth1` in `lanSegment`, with this address; '': with none. */
  readonly second?: string;
}

const prefixLength = (cidr: string) => cidr.slice(cidr.indexOf('/') + 1);

/** A host keeps its MAC over a power cut, as with a real network card. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '1a', ...bytes].join(':');
}

export async function buildUnderlay(session: string, mtu: number, run: Spawn): Promise<void> {
  const namespace = namespaceOf(session, 'underlay');
  await output(run, { argv: ['ip', 'netns', 'add', namespace] });
  const segments = [hostsSegment, outsideSegment, lanSegment];
  await batch(run, namespace, [
    'link set lo up',
    ...segments.flatMap(({ bridge, network, gateway }) => [
      // Without snooping every multicast packet reaches every host, as on a plain switch.
      `link add ${bridge} mtu ${mtu} type bridge mcast_snooping 0`,
      `address add ${gateway}/${prefixLength(network)} dev ${bridge}`,
      `link set ${bridge} up`,
    ]),
  ]);
  const inside = ['ip', 'netns', 'exec', namespace] as const;
  await output(run, { argv: [...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'] });
  // Present only where br_netfilter is loaded. Nothing filters here; bridged frames need not pass through iptables.
  const bridgeCalls = ['iptables', 'ip6tables', 'arptables'].map((tool) => `net.bridge.bridge-nf-call-${tool}=0`);
  await output(run, { argv: [...inside, 'sysctl', '-eqw', ...bridgeCalls] });
}

/** Makes the host's namespace with its `eth0`, and plugs that in. */
export async function plugIn(cable: Cable, run: Spawn): Promise<void> {
  const { session, name, address, segment, mtu } = cable;
  const namespace = namespaceOf(session, name);
  await output(run, { argv: ['ip', 'netns', 'add', namespace] });
  await batch(run, namespaceOf(session, 'underlay'), [
    `link add ${name} mtu ${mtu} type veth peer name eth0 netns ${namespace} mtu ${mtu} address ${macOf(address)}`,
    `link set ${name} master ${segment.bridge} up`,
  ]);
  await batch(run, namespace, [
    'link set lo up',
    `address add ${address}/${prefixLength(segment.network)} dev eth0`,
    'link set eth0 up',
    `route add ${cable.route} via ${segment.gateway}`,
  ]);
  if (cable.second !== undefined) await plugSecond(cable, cable.second, run);
}

async function plugSecond({ session, name, address, mtu }: Cable, second: string, run: Spawn): Promise<void> {
  const namespace = namespaceOf(session, name);
  const mac = macOf(address).replace('02:1a', '02:1b');
  await batch(run, namespaceOf(session, 'underlay'), [
    `link add ${secondPort(name)} mtu ${mtu} type veth peer name eth1 netns ${namespace} mtu ${mtu} address ${mac}`,
    `link set ${secondPort(name)} master ${lanSegment.bridge} up`,
  ]);
  const own = second === '' ? [] : [`address add ${second}/${prefixLength(lanSegment.network)} dev eth1`];
  await batch(run, namespace, [...own, 'link set eth1 up']);
}

const secondPort = (name: string) => `${name}-lan`;

/** MACs that the switch between the hosts has learned behind the cable of one, of its second interface if it is asked for. */
export async function macsSeen({ session, name }: Cable, second: boolean, run: Spawn): Promise<string[]> {
  const port = second ? secondPort(name) : name;
  const argv = ['bridge', '-n', namespaceOf(session, 'underlay'), '-j', 'fdb', 'show', 'brport', port] as const;
  const listed = JSON.parse((await output(run, { argv: [...argv] })) || '[]') as { mac: string; state: string }[];
  return [...new Set(listed.filter(({ state }) => state !== 'permanent').map(({ mac }) => mac))].sort();
}

/** Removes the host's namespace and cable at once; the kernel would take its time to remove the link of a dead namespace. */
export async function unplug({ session, name, second }: Cable, run: Spawn): Promise<void> {
  if (second !== undefined)
    await run({ argv: ['ip', '-n', namespaceOf(session, 'underlay'), 'link', 'delete', secondPort(name)] });
  await run({ argv: ['ip', '-n', namespaceOf(session, 'underlay'), 'link', 'delete', name] });
  await output(run, { argv: ['ip', 'netns', 'delete', namespaceOf(session, name)] });
}

/** A cut cable is seen by the host: its eth0 has no carrier. */
export async function setCable({ session, name }: Cable, state: 'up' | 'down', run: Spawn): Promise<void> {
  await output(run, { argv: ['ip', '-n', namespaceOf(session, 'underlay'), 'link', 'set', name, state] });
}

/** Of the frames to the host and of those from it, `percent` each are lost, unseen by the host. */
export async function setLoss({ session, name }: Cable, percent: number, run: Spawn): Promise<void> {
  const namespace = namespaceOf(session, 'underlay');
  await output(run, { argv: ['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], input: lossRules(name, percent) });
}

/** Frames to the host (`in`) or from it (`out`) that are lost, all or those of one other host. */
export interface Cut {
  readonly direction: 'in' | 'out';
  /** Name of the other host. */
  readonly peer?: string;
}

/** Replaces the cuts made before. Unseen by the host; they outlive a power cut of it, as loss does. */
export async function setCuts({ session, name }: Cable, cuts: readonly Cut[], run: Spawn): Promise<void> {
  const namespace = namespaceOf(session, 'underlay');
  await output(run, { argv: ['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], input: cutRules(name, cuts) });
}

export function cutRules(port: string, cuts: readonly Cut[]): string {
  const table = `bridge cut-${port}`;
  const replace = `add table ${table}\ndelete table ${table}\n`;
  if (cuts.length === 0) return replace;
  const rules = cuts.map(({ direction, peer }) => {
    const [own, other] = direction === 'in' ? ['oifname', 'iifname'] : ['iifname', 'oifname'];
    return `${own} "${port}" ${peer === undefined ? '' : `${other} "${peer}" `}drop;`;
  });
  return `${replace}table ${table} {
  chain between { type filter hook forward priority -300; ${rules.join(' ')} }
}
`;
}

/** netem is not in every kernel; a drop by chance is. The rules go by the port's name and so outlive a power cut of the host. */
export function lossRules(port: string, percent: number): string {
  const table = `bridge loss-${port}`;
  // nft refuses a comparison that always holds.
  const chance = percent >= 100 ? 'drop' : `numgen random mod 1000 < ${Math.round(percent * 10)} drop`;
  const replace = `add table ${table}\ndelete table ${table}\n`;
  if (percent === 0) return replace;
  return `${replace}table ${table} {
  chain from { type filter hook prerouting priority -300; iifname "${port}" ${chance}; }
  chain to { type filter hook postrouting priority 300; oifname "${port}" ${chance}; }
}
`;
}

async function batch(run: Spawn, namespace: string, lines: readonly string[]): Promise<void> {
  await output(run, { argv: ['ip', '-n', namespace, '-batch', '-'], input: `${lines.join('\n')}\n` });
}
