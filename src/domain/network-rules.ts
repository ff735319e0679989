/** What a network may be by itself, whatever else the cluster holds. Clashes with the rest: `clashes.ts`. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { Discovery, Driver } from './records.ts';
import { containsSubnet, formatSubnet, overlaps, parseSubnet, type Subnet } from './subnet.ts';

/** Outer Ethernet, IPv4, UDP and VXLAN headers less the outer Ethernet that the MTU does not count: RFC 7348 §5. */
export const vxlanOverhead = 50;

export const highestVni = 2 ** 24 - 1;

/** Swarm counts its VNIs up from 4096, Calico takes 4096, flannel 1 and Cilium 2, on the same UDP port. */
const firstVni = 10_001;

/**
 * Every IPv4 host must take datagrams of 576 bytes (RFC 791 §3.1), and DNS counts on it; below, IP over the network
 * would work in name only. An IPv4 datagram has at most 65535.
 */
const mtuRange = { least: 576, most: 65535 - vxlanOverhead } as const;

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
  if (name === 'overlay') return name;
  throw new Failure('invalid', `${quoted(name)} is not a driver: there is overlay`);
}

/** @throws Failure `invalid` */
export function checkDiscovery(name: string): Discovery {
  if (name === 'registry' || name === 'multicast') return name;
  throw new Failure('invalid', `${quoted(name)} is not a way of discovery: there are registry and multicast`);
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
