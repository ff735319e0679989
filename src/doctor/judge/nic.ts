/** Whether the host stands in the cluster with the right interface and address, and whether routes lead past networks. */
import { contains, mayBePlace, parseAddress, routeClashes, routeProtocol, subnetAround } from '../../domain/domain.ts';
import { type Asked, about, type Finding, notAsked } from '../finding.ts';

export interface Interface {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  /** IPv4 of global scope, as `address/prefix`. */
  readonly addresses: readonly string[];
}

export interface Route {
  /** CIDR, or `default`. */
  readonly destination: string;
  readonly device: string;
  /** Who made it, by name or number; see ip-route(8). */
  readonly protocol?: string;
}

export interface NicFact {
  readonly interfaces: readonly Interface[];
  readonly routes: readonly Route[];
  /** As the node is known in the cluster; absent: unknown. */
  readonly known?: { readonly address: string; readonly interface: string };
  /** What --address says. */
  readonly wanted?: string;
  /** Other nodes' addresses. */
  readonly peers: readonly string[];
}

export function judgeNic(fact: NicFact): Finding[] {
  const { pass, warn, fail } = about('nic');
  const candidates = fact.interfaces.filter(({ name, up, addresses }) => up && mayBePlace(name) && addresses[0]);
  const chosen = choice(fact, candidates);
  if (chosen === undefined) {
    const found = 'no default route tells which address is this host’s place among the nodes';
    return [fail('this host', found, 'Say which to use with --address IP.')];
  }
  const { address, device } = chosen;
  const owner = fact.interfaces.find(({ addresses }) => addresses.some((cidr) => cidr.split('/')[0] === address));
  if (owner === undefined) {
    const found = `${address}, by which the other nodes know this one, is none of this host’s addresses`;
    return [fail(device, found, 'Give the host that address again, or restart the agent with --address IP.')];
  }
  const better = candidates.find((each) => each.name !== owner.name && nearer(each, owner, fact.peers));
  if (better !== undefined) {
    const found = `${owner.name} (${address}) was taken, but the other nodes’ addresses are in the subnet of ${better.name}`;
    return [warn(owner.name, found, `Start the agent with --address ${better.addresses[0]?.split('/')[0]}.`)];
  }
  const others = candidates
    .filter(({ name }) => name !== owner.name)
    .map(({ name, addresses }) => `${name} ${addresses[0]}`);
  const found = `${address}, MTU ${owner.mtu}`;
  if (others.length === 0 || fact.wanted !== undefined) return [pass(owner.name, found)];
  const ways = `${found}; there are also ${others.join(', ')}`;
  if (fact.peers.length > 0 && fact.peers.every((peer) => isIn(owner, peer))) return [pass(owner.name, ways)];
  return [
    warn(owner.name, ways, 'If the nodes are to reach each other by another, start the agent with --address IP.'),
  ];
}

function choice(
  { known, wanted, routes, interfaces }: NicFact,
  candidates: readonly Interface[],
): { address: string; device: string } | undefined {
  if (known !== undefined) return { address: known.address, device: known.interface };
  if (wanted !== undefined) return { address: wanted, device: 'this host' };
  const [only, ...others] = candidates;
  const byDefault = routes.find(({ destination }) => destination === 'default')?.device;
  // Where there is no other, none is to be chosen.
  const device = byDefault ?? (others.length === 0 ? only?.name : undefined);
  const address = interfaces.find(({ name }) => name === device)?.addresses[0]?.split('/')[0];
  return device === undefined || address === undefined ? undefined : { address, device };
}

/** All of the nodes are in its subnet, and not all in the other's. */
const nearer = (one: Interface, other: Interface, peers: readonly string[]): boolean =>
  peers.length > 0 && peers.every((peer) => isIn(one, peer)) && !peers.every((peer) => isIn(other, peer));

const isIn = ({ addresses }: Interface, peer: string): boolean =>
  addresses.some((cidr) => contains(subnetAround(cidr), parseAddress(peer)));

export function judgeRoutes(
  routes: readonly Route[],
  networks: Asked<readonly { readonly name: string; readonly driver?: string; readonly subnet: string }[]>,
): Finding[] {
  if ('notAsked' in networks) return [notAsked('routes', 'networks', networks)];
  const { pass, fail } = about('routes');
  const foreign = routes.filter(
    ({ destination, device, protocol }) =>
      destination !== 'default' && protocol !== routeProtocol && !/^tr[bxghvpuwm]/.test(device),
  );
  const found = networks.value.flatMap(({ name, driver, subnet }) => {
    const route = foreign.find(({ destination }) => {
      const cidr = destination.includes('/') ? destination : `${destination}/32`;
      return routeClashes({ ...(driver === undefined ? {} : { driver }), subnet }, cidr);
    });
    if (route === undefined) return [];
    const clash = `${subnet} overlaps this host’s route ${route.destination} by ${route.device}: only one of them is reached`;
    return [
      fail(
        name,
        clash,
        `Remove that route (\`ip route del ${route.destination}\`), or make the network anew with another subnet.`,
      ),
    ];
  });
  if (found.length > 0) return found;
  return [pass('networks', `no route of this host overlaps any of ${networks.value.length}`)];
}
