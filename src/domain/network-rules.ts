/** What a network may be by itself, whatever else the cluster holds. Clashes with the rest: `clashes.ts`. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { Discovery, Driver, NetworkRecord } from './records.ts';
import { containsSubnet, formatSubnet, overlaps, parseSubnet, type Subnet } from './subnet.ts';

/** Outer Ethernet, IPv4, UDP and VXLAN headers less the outer Ethernet that the MTU does not count: RFC 7348 §5. */
const vxlanOverhead = 50;

/** Whether containers on different hosts are one network, or those of each host a network of their own. */
export type Reach = 'cluster' | 'node';

const reaches: Readonly<Record<Driver, Reach>> = {
  overlay: 'cluster',
  routed: 'cluster',
  lan: 'cluster',
  bridge: 'node',
};

/** Of a network that reaches the node only, other nodes' endpoints are none of this node's: no packet, no name. */
export const reachOf = ({ driver }: Pick<NetworkRecord, 'driver'>): Reach => reaches[driver];

/** Bytes of the underlay's MTU that the driver needs for itself. */
export const overheadOf = (driver: Driver): number => (driver === 'overlay' ? vxlanOverhead : 0);

/** The network of containers that name none: node-local, made when it is first used. */
export const builtInNetwork = 'bridge';

/** Docker has a `bridge` of its own. */
const builtInInDocker = 'trama-bridge';

/** What Docker calls a network. */
export const dockerNetworkName = (name: string): string => (name === builtInNetwork ? builtInInDocker : name);

/** The network that Docker calls so, if it is one of Trama's at all. */
export const networkNameFromDocker = (name: string): string => (name === builtInInDocker ? builtInNetwork : name);

export const highestVni = 2 ** 24 - 1;

/** Swarm counts its VNIs up from 4096, Calico takes 4096, flannel 1 and Cilium 2, on the same UDP port. */
const firstVni = 10_001;

/**
 * Every IPv4 host must take datagrams of 576 bytes (RFC 791 §3.1), and DNS counts on it; below, IP over the network
 * would work in name only. An IPv4 datagram has at most 65535.
 */
const mtuRange = { least: 576, most: 65535 - vxlanOverhead } as const;

const drivers: readonly Driver[] = ['overlay', 'routed', 'lan', 'bridge'];
const discoveries: readonly Discovery[] = ['registry', 'multicast'];

export const isDriver = (name: string): name is Driver => drivers.some((driver) => driver === name);
export const isDiscovery = (name: string): name is Discovery => discoveries.some((each) => each === name);

const notUnicast: readonly (readonly [cidr: string, what: string])[] = [
  ['0.0.0.0/8', 'means "this network"'],
  ['127.0.0.0/8', 'is loopback'],
  ['169.254.0.0/16', 'is link-local'],
  ['224.0.0.0/4', 'is multicast'],
  ['240.0.0.0/4', 'is reserved'],
];

/** A subnet that a network can have. @throws Failure `invalid` */
export function parseNetworkSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  const shown = formatSubnet(subnet);
  if (subnet.family !== 4) {
    throw new Failure(
      'invalid',
      `${shown} is IPv6, which networks cannot have yet: give an IPv4 subnet like 10.42.0.0/16`,
    );
  }
  if (subnet.prefix < 8 || subnet.prefix > 30) {
    const why = subnet.prefix > 30 ? 'leaves no addresses for containers' : 'is larger than any network needs';
    throw new Failure('invalid', `${shown} ${why}: choose a prefix length from 8 to 30`);
  }
  for (const [cidr, what] of notUnicast) {
    if (!overlaps(subnet, parseSubnet(cidr))) continue;
    const whole = containsSubnet(parseSubnet(cidr), subnet) ? shown : `${shown} contains ${cidr}, which`;
    throw new Failure('invalid', `${whole} ${what} and cannot be a network's subnet: choose one like 10.42.0.0/16`);
  }
  return subnet;
}

/** @throws Failure `invalid` */
export function checkVni(vni: number): number {
  if (Number.isInteger(vni) && vni >= 1 && vni <= highestVni) return vni;
  throw new Failure('invalid', `${vni} is not a VNI: it is a number from 1 to ${highestVni}`);
}

/** @throws Failure `invalid` */
export function checkMtu(mtu: number): number {
  if (Number.isInteger(mtu) && mtu >= mtuRange.least && mtu <= mtuRange.most) return mtu;
  throw new Failure('invalid', `${mtu} is not a usable MTU: it is a number from ${mtuRange.least} to ${mtuRange.most}`);
}

/** @throws Failure `invalid` */
export function checkDriver(name: string): Driver {
  if (isDriver(name)) return name;
  throw new Failure(
    'invalid',
    `${quoted(name)} is not a driver: there are ${drivers.slice(0, -1).join(', ')} and ${drivers.at(-1)}`,
  );
}

/** @throws Failure `invalid` */
export function checkDiscovery(name: string): Discovery {
  if (isDiscovery(name)) return name;
  throw new Failure('invalid', `${quoted(name)} is not a way of discovery: there are registry and multicast`);
}

const ways = {
  routed: 'is routed between hosts',
  lan: "is in the hosts' own LAN",
  bridge: 'stays on each host',
} as const satisfies Partial<Record<Driver, string>>;

/** What only VXLAN has. @throws Failure `invalid` */
export function checkForDriver(driver: Driver, asked: { readonly vni?: number; readonly discovery: Discovery }): void {
  if (driver === 'overlay') return;
  const why = `a network with driver ${driver} ${ways[driver]}`;
  if (asked.discovery !== 'registry') {
    throw new Failure('invalid', `${why}, and has no others to discover by ${asked.discovery}: leave out --discovery`);
  }
  if (asked.vni !== undefined) throw new Failure('invalid', `${why}, without VXLAN, and has no VNI: leave out --vni`);
}

/** The group of a VNI, one to one, from the range for use inside an organisation (RFC 2365). */
export function multicastGroup(vni: number): string {
  return `239.${(vni >>> 16) & 255}.${(vni >>> 8) & 255}.${vni & 255}`;
}

/**
 * One above the highest in use, so that a VNI rests long before a second network gets it; when that is the last, the
 * lowest free one.
 * @throws Failure `exhausted`
 */
export function chooseVni(used: Iterable<number>): number {
  const taken = new Set(used);
  let highest = firstVni - 1;
  for (const vni of taken) if (vni > highest) highest = vni;
  if (highest < highestVni) return highest + 1;
  for (let vni = firstVni; vni <= highestVni; vni++) if (!taken.has(vni)) return vni;
  throw new Failure('exhausted', 'every VNI is in use: remove a network');
}
