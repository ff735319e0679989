import { output, type Spawn } from '../platform/platform.ts';
import { namespaceOf } from './session.ts';

/**
 * What joins the simulated hosts: one namespace that holds two bridges and routes between them. On the first bridge are the
 * hosts, on the other the outside. It knows no route to any container's subnet: whoever reaches the outside from a container
 * was masqueraded.
 */
export const hostsSegment: Segment = { bridge: 'br-hosts', network: '10.99.0.0/24', gateway: '10.99.0.1' };
export const outsideSegment: Segment = { bridge: 'br-outside', network: '198.51.100.0/24', gateway: '198.51.100.254' };
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
  const segments = [hostsSegment, outsideSegment];
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
}

/** Removes the host's namespace and cable at once; the kernel would take its time to remove the link of a dead namespace. */
export async function unplug({ session, name }: Cable, run: Spawn): Promise<void> {
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
