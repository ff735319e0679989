/**
 * Networks in the hosts' own LAN (`driver: lan`, docs/adr/0019-lan-networks.md): what they are made of, on which hosts they can be,
 * and what is chosen for them that was left open.
 */
import { formatAddress, parseAddress } from './address.ts';
import type { AddressSpace } from './blocks.ts';
import { Failure } from './errors.ts';
import type { HostInterface, NetworkRecord, NodeRecord } from './records.ts';
import {
  contains,
  containsSubnet,
  firstUsable,
  formatSubnet,
  parseSubnet,
  type Subnet,
  subnetAround,
} from './subnet.ts';

export interface Lan {
  /** Interface of the hosts. */
  readonly parent: string;
  /** All on a bridge that the interface is a port of; or each beside the host on the interface itself. */
  readonly mode: 'bridge' | 'macvlan';
  /** The LAN's router; absent: containers have no way out of it. */
  readonly gateway?: string;
  /** What addresses are assigned from; absent: the whole subnet. */
  readonly range?: string;
  /** The LAN's own server assigns them. */
  readonly dhcp: boolean;
}

type Network = Pick<NetworkRecord, 'driver' | 'options'>;
type Candidate = Pick<NetworkRecord, 'driver' | 'options' | 'subnet'>;
type Node = Pick<NodeRecord, 'name' | 'interfaces'>;

/** Undefined: it is no such network. */
export function lanOf({ driver, options }: Network): Lan | undefined {
  if (driver !== 'lan') return undefined;
  const { parent = '', mode, gateway, range, dhcp } = options;
  return {
    parent,
    mode: mode === 'macvlan' ? 'macvlan' : 'bridge',
    ...(gateway === undefined ? {} : { gateway }),
    ...(range === undefined ? {} : { range }),
    dhcp: dhcp === 'true',
  };
}

/** Whether its containers are on the LAN by themselves, without a bridge of Trama's. */
export const isMacvlan = (network: Network): boolean => lanOf(network)?.mode === 'macvlan';

/** Where addresses of a network are assigned from. */
export function spaceOf(network: Candidate): AddressSpace {
  const subnet = parseSubnet(network.subnet);
  const lan = lanOf(network);
  if (lan === undefined) return subnet;
  const range = lan.range === undefined ? subnet : parseSubnet(lan.range);
  const gateway = lan.gateway === undefined ? {} : { gateway: parseAddress(lan.gateway).value };
  return { ...range, within: subnet, ...gateway };
}

/** For whoever makes it; undefined: what addresses are assigned from was said. */
export function whyShared(network: Network): string | undefined {
  const lan = lanOf(network);
  if (lan === undefined || lan.dhcp || lan.range !== undefined) return undefined;
  return "any address of the LAN may be assigned, also one that another machine there has: give a range that is the cluster's alone (--range), or have the LAN's DHCP server assign them (--dhcp)";
}

/** What Docker is told is the network's gateway. Of a LAN it is its router; of others nobody has it. */
export const nominalGateway = (network: Candidate): string =>
  lanOf(network)?.gateway ?? formatAddress(firstUsable(parseSubnet(network.subnet)));

/**
 * The containers' next hop to everywhere else.
 * @param own this node's address in the network @param told the router, by the LAN's own server; only where nobody else has said which
 */
export function wayOut(
  network: Candidate & Pick<NetworkRecord, 'internal'>,
  own: string,
  told?: string,
): string | undefined {
  const lan = lanOf(network);
  if (network.internal) return undefined;
  if (lan === undefined) return own;
  const near = told !== undefined && contains(parseSubnet(network.subnet), parseAddress(told));
  return lan.gateway ?? (near ? told : undefined);
}

export const parentOf = (network: Network, node: Pick<NodeRecord, 'interfaces'>): HostInterface | undefined =>
  node.interfaces?.find(({ name }) => name === lanOf(network)?.parent);

/** Whether an address of the interface's own is in the subnet. */
export const isIn = ({ addresses }: HostInterface, subnet: string): boolean =>
  addresses.some((cidr) => formatSubnet(subnetAround(cidr)) === subnet);

/** @returns undefined when the node can be in the network; otherwise why it cannot, and what would help */
export function whyNotOn(network: Candidate, node: Node): string | undefined {
  const parent = lanOf(network)?.parent;
  if (parent === undefined) return undefined;
  const found = parentOf(network, node);
  if (found === undefined) return `node ${node.name} has no interface ${parent}`;
  return unfit(found, node.name) ?? elsewhere(found, node.name, network.subnet);
}

function unfit({ name, master, up }: HostInterface, node: string): string | undefined {
  if (master !== undefined) return `${name} of node ${node} is a port of ${master}: name ${master} as the parent`;
  if (up) return undefined;
  return `${name} of node ${node} has no link: see to its cable, and set it up with ip link set dev ${name} up`;
}

function elsewhere(found: HostInterface, node: string, subnet: string): string | undefined {
  const { name, addresses } = found;
  if (addresses.length === 0 || isIn(found, subnet)) return undefined;
  const own = [...new Set(addresses.map((cidr) => formatSubnet(subnetAround(cidr))))].join(', ');
  return `${name} of node ${node} is in ${own}, not in ${subnet}: give the LAN's own subnet`;
}

export interface AskedLan {
  readonly options: Readonly<Record<string, string>>;
  readonly subnet?: string;
  readonly internal: boolean;
}

/**
 * A network in a LAN as it will be: its subnet and its gateway are the parent's, unless somebody says otherwise.
 * @param subnet canonical @param networks those that there are @throws Failure `invalid`, `conflict`
 */
export function decideLan(
  { options, subnet, internal }: AskedLan,
  networks: Iterable<Network & Pick<NetworkRecord, 'name'>>,
  nodes: Iterable<Node>,
): { readonly subnet: string; readonly options: Readonly<Record<string, string>> } {
  const lan = lanOf({ driver: 'lan', options });
  if (lan === undefined || lan.parent === '')
    throw new Failure('invalid', "a lan network needs the hosts' interface in the LAN: name it with --parent");
  const other = [...networks].find((each) => lanOf(each)?.parent === lan.parent);
  if (other !== undefined)
    throw new Failure(
      'conflict',
      `${lan.parent} is the parent of network ${other.name} already: use that network, or another parent`,
    );
  const all = [...nodes];
  const chosen = subnet ?? onlySubnet(lan.parent, all);
  checkNodes({ driver: 'lan', options, subnet: chosen }, all);
  const whole = parseSubnet(chosen);
  checkRange(lan, whole);
  const gateway = internal ? undefined : (lan.gateway ?? gatewayIn(lan.parent, whole, all));
  if (internal && lan.gateway !== undefined)
    throw new Failure('invalid', 'an internal network has no way out, and no use for a gateway: leave out --gateway');
  if (gateway !== undefined) checkGateway(gateway, whole);
  return { subnet: chosen, options: { ...options, ...(gateway === undefined ? {} : { gateway }) } };
}

/** Somebody must be able to be in it; while there is no node yet, somebody will. */
function checkNodes(network: Candidate, nodes: readonly Node[]): void {
  const reasons = nodes.map((node) => whyNotOn(network, node));
  if (nodes.length === 0 || reasons.includes(undefined)) return;
  const parent = lanOf(network)?.parent ?? '';
  // Of those that have it, since that can be mended.
  const said = nodes.flatMap((node, i) => (parentOf(network, node) === undefined ? [] : (reasons[i] ?? [])));
  throw new Failure(
    'invalid',
    said[0] ?? `no node has an interface ${parent}: name one that ip link shows on the hosts`,
  );
}

function onlySubnet(parent: string, nodes: readonly Node[]): string {
  const found = nodes.flatMap((node) => parentOf({ driver: 'lan', options: { parent } }, node)?.addresses ?? []);
  // A host's single addresses tell of no LAN.
  const wide = found.map(subnetAround).filter(({ prefix }) => prefix <= 30);
  const subnets = [...new Set(wide.map(formatSubnet))];
  if (subnets.length === 1 && subnets[0] !== undefined) return subnets[0];
  const why = subnets.length === 0 ? 'has no address on any node that would tell it' : `is in ${subnets.join(' and ')}`;
  throw new Failure('invalid', `give the LAN's subnet with --subnet: ${parent} ${why}`);
}

/** Of the parents' default routes, the first that is in the LAN. */
function gatewayIn(parent: string, subnet: Subnet, nodes: readonly Node[]): string | undefined {
  const gateways = nodes.map((node) => parentOf({ driver: 'lan', options: { parent } }, node)?.gateway);
  return gateways.find((gateway) => gateway !== undefined && contains(subnet, parseAddress(gateway)));
}

function checkRange({ range, dhcp }: Lan, subnet: Subnet): void {
  if (range === undefined) return;
  if (dhcp)
    throw new Failure(
      'invalid',
      "addresses are of --range or of the LAN's own server (--dhcp), not of both: leave out one",
    );
  if (containsSubnet(subnet, parseSubnet(range))) return;
  const shown = formatSubnet(subnet);
  throw new Failure('invalid', `range ${range} is not in subnet ${shown}: choose a part of the subnet`);
}

function checkGateway(gateway: string, subnet: Subnet): void {
  const address = parseAddress(gateway);
  const shown = formatSubnet(subnet);
  if (!contains(subnet, address))
    throw new Failure('invalid', `gateway ${gateway} is not in subnet ${shown}: give the address of the LAN's router`);
  const last = subnet.base + (1n << BigInt(32 - subnet.prefix)) - 1n;
  if (address.value !== subnet.base && address.value !== last) return;
  throw new Failure('invalid', `gateway ${gateway} is no host's address in ${shown}: give that of the LAN's router`);
}

/** The sentence for whoever publishes a port of a container that is on such networks only. */
export const noPortsIn = (network: string): string =>
  `containers of network ${network} have addresses of the LAN, where their ports are reached as they are: leave out -p`;
