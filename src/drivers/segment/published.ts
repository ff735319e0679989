/**
 * Published ports: a port of the host that leads to one of a container. Two maps, one for ports of one of the host's
 * addresses and one for those of all of them; an element per port, so that a connection costs the same whatever the
 * number of ports. `filters.ts` lets in what was translated here, and sees to the way back. See ADR 0007.
 */
import { type EndpointRecord, gatewayName, type NetworkRecord, type PublishedPort } from '../../domain/domain.ts';
import type { KernelObject, NftChainObject, NftMapElementObject, NftMapObject } from '../../kernel/objects.ts';

const table = { ns: '', family: 'inet', table: 'trama' } as const;

/** The maps and the chains that look into them, whatever ports there are. */
export function publishing(): (NftMapObject | NftChainObject)[] {
  const map = (name: string, key: string) =>
    ({ kind: 'nft-map', ...table, name, type: `type ${key} : ipv4_addr . inet_service` }) as const;
  // Just before Docker's, which are at -100: what has been translated, the kernel asks no later chain about.
  const chain = (name: string, hook: string, rules: readonly string[]) =>
    ({ kind: 'nft-chain', ...table, name, hook: { type: 'nat', hook, priority: -101 }, rules }) as const;
  return [
    map('published', 'inet_proto . inet_service'),
    map('published-at', 'ipv4_addr . inet_proto . inet_service'),
    // Elsewhere the kernel refuses such packets, but only after this chain: translated, they would be let through.
    chain('publish', 'prerouting', ['ip daddr 127.0.0.0/8 return', ...translation]),
    chain('publish-own', 'output', translation),
  ];
}

/** The node's addresses in networks are where containers ask for names, whoever has that port of the host's others. */
const translation = [
  'ip daddr @addresses meta l4proto { tcp, udp } th dport 53 return',
  'meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published-at',
  'meta l4proto { tcp, udp } fib daddr type local dnat ip to meta l4proto . th dport map @published',
];

/**
 * What an endpoint's ports add. A connection of the host's own to 127.0.0.1 keeps that destination until it is translated,
 * and its answers have it again: the kernel takes them at an interface for which this is switched on.
 */
export function published(
  network: NetworkRecord,
  { address, ports = [] }: EndpointRecord,
  device = gatewayName(network.vni),
): KernelObject[] {
  if (ports.length === 0) return [];
  const key = `net/ipv4/conf/${device}/route_localnet`;
  return [...ports.map((port) => entry(port, address)), { kind: 'sysctl', ns: '', key, value: '1', previous: '0' }];
}

function entry(
  { hostAddress, hostPort, containerPort, protocol }: PublishedPort,
  address: string,
): NftMapElementObject {
  const key = [protocol, `${hostPort}`];
  return {
    kind: 'nft-map-element',
    ...table,
    ...(hostAddress === undefined ? { map: 'published', key } : { map: 'published-at', key: [hostAddress, ...key] }),
    value: [address, `${containerPort}`],
  };
}
