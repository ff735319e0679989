/** What a new network may not share with the networks and hosts that there are. */
import { width } from './address.ts';
import { Failure } from './errors.ts';
import { overheadOf } from './network-rules.ts';
import type { Driver, NetworkRecord, NodeRecord } from './records.ts';
import { containsSubnet, formatSubnet, overlaps, parseSubnet, type Subnet } from './subnet.ts';

export type NetworkCandidate = Pick<NetworkRecord, 'name' | 'driver' | 'subnet' | 'vni' | 'mtu'>;
type Existing = Pick<NetworkRecord, 'name' | 'subnet' | 'vni'> & Partial<Pick<NetworkRecord, 'driver'>>;
type Host = Pick<NodeRecord, 'name' | 'address' | 'routes' | 'underlayMtu'>;

/** @returns the sentence that says what clashes with what, or undefined. */
export function clashes(
  candidate: NetworkCandidate,
  networks: Iterable<Existing>,
  nodes: Iterable<Host>,
): string | undefined {
  const known = [...networks];
  const hosts = [...nodes];
  return nameOrVniClash(candidate, known) ?? subnetClash(candidate, known, hosts) ?? mtuClash(candidate, hosts);
}

function nameOrVniClash(candidate: NetworkCandidate, networks: readonly Existing[]): string | undefined {
  for (const network of networks) {
    if (network.name === candidate.name) return `there is a network ${network.name} already: choose another name`;
  }
  for (const network of networks) {
    if (network.vni !== candidate.vni) continue;
    return `VNI ${candidate.vni} belongs to network ${network.name}: choose another, or none to get a free one`;
  }
  return undefined;
}

type Placed = Pick<Existing, 'driver' | 'subnet'>;

function subnetClash(candidate: Placed, networks: Iterable<Existing>, nodes: Iterable<Host>): string | undefined {
  const { subnet: shown } = candidate;
  const subnet = parseSubnet(shown);
  for (const network of networks) {
    if (!overlaps(subnet, parseSubnet(network.subnet))) continue;
    return `subnet ${shown} overlaps network ${network.name} (${network.subnet}): choose another subnet`;
  }
  for (const node of nodes) {
    const route = node.routes.find((cidr) => routeClashes(candidate, cidr));
    if (route === undefined) continue;
    return `subnet ${shown} overlaps the route ${route} of node ${node.name}: choose another subnet`;
  }
  return undefined;
}

/** The subnet of a host's new route that some network already has, as a sentence; for hosts that join. */
export function routeClash(node: Host, networks: Iterable<Existing>): string | undefined {
  for (const network of networks) {
    const route = node.routes.find((cidr) => routeClashes(network, cidr));
    if (route === undefined) continue;
    return `the route ${route} of node ${node.name} overlaps network ${network.name} (${network.subnet})`;
  }
  return undefined;
}

/**
 * Halves of the address space are a default route in disguise, as VPN clients write it. A LAN's subnet is a route of its hosts by
 * nature, within larger ones perhaps; a single address is its router, as DHCP clients write it. Only a part of it that leads
 * elsewhere is a clash.
 */
export function routeClashes(
  { driver, subnet: shown }: { readonly driver?: string; readonly subnet: string },
  cidr: string,
): boolean {
  const [subnet, route] = [parseSubnet(shown), parseSubnet(cidr)];
  if (driver === 'lan' && (containsSubnet(route, subnet) || route.prefix === width(route.family))) return false;
  return route.prefix > 1 && overlaps(subnet, route);
}

function mtuClash({ driver, mtu }: NetworkCandidate, nodes: readonly Host[]): string | undefined {
  const narrow = nodes.find((node) => mtu > node.underlayMtu - overheadOf(driver));
  if (!narrow) return undefined;
  const most = narrow.underlayMtu - overheadOf(driver);
  return `MTU ${mtu} does not fit node ${narrow.name}, whose underlay carries ${narrow.underlayMtu}: choose at most ${most}`;
}

/** What fits every host's underlay; while there is no host, as if it carried 1500. */
export function defaultMtu(nodes: Iterable<Pick<NodeRecord, 'underlayMtu'>>, driver: Driver): number {
  const mtus = [...nodes].map((node) => node.underlayMtu);
  return (mtus.length === 0 ? 1500 : Math.min(...mtus)) - overheadOf(driver);
}

/** The /16s that are tried in order: away from what routers, Docker (172.17…), Swarm (10.0…) and Kubernetes take first. */
const pools: readonly { readonly first: Subnet; readonly count: number }[] = [
  { first: parseSubnet('10.64.0.0/16'), count: 64 },
  { first: parseSubnet('172.24.0.0/16'), count: 8 },
];

/** A subnet for a network that was given none. @throws Failure `exhausted` */
export function chooseSubnet(networks: Iterable<Existing>, nodes: Iterable<Host>): string {
  const known = [...networks];
  const hosts = [...nodes];
  for (const { first, count } of pools) {
    for (let i = 0; i < count; i++) {
      const subnet: Subnet = { ...first, base: first.base + (BigInt(i) << 16n) };
      const cidr = formatSubnet(subnet);
      if (subnetClash({ subnet: cidr }, known, hosts) === undefined) return cidr;
    }
  }
  throw new Failure(
    'exhausted',
    'no subnet is free on all hosts in 10.64.0.0/10 and 172.24.0.0/13: name one with --subnet',
  );
}
