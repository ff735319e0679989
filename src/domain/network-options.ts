/** Options of drivers: `--opt KEY=VALUE`, flags of their own, or Docker's `-o`. */
import { formatAddress, parseAddress } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { Driver, HostInterface, NetworkRecord } from './records.ts';
import { contains, formatSubnet, parseSubnet, type Subnet, subnetAround } from './subnet.ts';

/** How containers hang on their host: all on one bridge, or each on a link of its own that the host routes to. */
export type Attachment = 'bridge' | 'p2p';

/** By driver, what is wrong with a value. An option that nothing reads would be a promise that nobody keeps. */
const known: Readonly<Record<Driver, Readonly<Record<string, (value: string) => string | undefined>>>> = {
  overlay: {},
  routed: {
    attach: (value) => (value === 'bridge' || value === 'p2p' ? undefined : 'containers are attached by bridge or p2p'),
    via: (value) =>
      value.split(',').every(isIpv4)
        ? undefined
        : 'it is the IPv4 address of the router between the hosts, or one for each LAN of theirs, like 10.0.1.1,10.0.2.1',
  },
  lan: {
    parent: (value) => (isInterfaceName(value) ? undefined : "it is the name of the hosts' interface, like eth1"),
    mode: (value) => (value === 'bridge' || value === 'macvlan' ? undefined : 'it is bridge or macvlan'),
    gateway: (value) => (isIpv4(value) ? undefined : "it is the IPv4 address of the LAN's router"),
    range: (value) => (isIpv4Subnet(value) ? undefined : 'it is a part of the subnet, like 192.168.1.128/26'),
    dhcp: (value) => (value === 'true' ? undefined : 'it is true, or left out'),
  },
  bridge: {},
};

/** @throws Failure `invalid` that lists those there are */
export function checkNetworkOptions(driver: Driver, options: Readonly<Record<string, string>>): void {
  const there = Object.keys(known[driver]);
  for (const [option, value] of Object.entries(options)) {
    const wrong = Object.hasOwn(known[driver], option) ? known[driver][option] : undefined;
    if (wrong === undefined) {
      const others = there.length === 0 ? 'it has none' : `there are ${there.join(', ')}`;
      throw new Failure('invalid', `${quoted(option)} is not an option of driver ${driver}: ${others}`);
    }
    const complaint = wrong(value);
    if (complaint !== undefined) throw new Failure('invalid', `${option} cannot be ${quoted(value)}: ${complaint}`);
  }
}

export const attachmentOf = ({ options }: Pick<NetworkRecord, 'options'>): Attachment =>
  options.attach === 'p2p' ? 'p2p' : 'bridge';

type Routed = Pick<NetworkRecord, 'driver' | 'options'>;

/** A host, by its place in the underlay. */
interface Placed {
  readonly address: string;
  readonly interfaces?: readonly HostInterface[];
}

/** In each LAN of the hosts, the router that all traffic to other hosts goes by; none: each host reaches the others itself. */
const routersOf = ({ driver, options }: Routed): string[] =>
  driver === 'routed' ? (options.via?.split(',') ?? []) : [];

/** That in the host's own LAN: by another nothing can be sent. Undefined: it reaches the others itself. */
export function routerOf(network: Routed, host: Placed): string | undefined {
  const routers = routersOf(network);
  return routers.find((router) => isNear(router, lansOf(host))) ?? routers[0];
}

/** @returns undefined when the node reaches the network's router, or none is needed; otherwise why it does not, and what would help */
export function whyUnrouted(network: Routed, node: Placed & { readonly name: string }): string | undefined {
  const [routers, lans] = [routersOf(network), lansOf(node)];
  const itself = routers.find((router) => addressesOf(node).has(router));
  if (itself !== undefined)
    return `node ${node.name} is itself the router ${itself}: containers in this network can only be on the nodes that send by way of it`;
  if (routers.length === 0 || lans.length === 0 || routers.some((router) => isNear(router, lans))) return undefined;
  const [own, via] = [[...new Set(lans.map(formatSubnet))].join(', '), routers.join(',')];
  return `router ${via} is not in the LAN of node ${node.name}, ${own}: create the network with the router's address there, too, --via ${via},ADDRESS`;
}

const isNear = (router: string, lans: readonly Subnet[]): boolean =>
  lans.some((lan) => contains(lan, parseAddress(router)));

/** All that the host has, of all interfaces. */
const addressesOf = ({ address, interfaces = [] }: Placed): ReadonlySet<string> =>
  new Set([address, ...interfaces.flatMap(({ addresses }) => addresses.map((cidr) => cidr.split('/')[0] ?? ''))]);

/** Subnets of the interface that has the host's address; none of a host's single addresses, which tell of no LAN. */
function lansOf({ address, interfaces = [] }: Placed): Subnet[] {
  const own = interfaces.find(({ addresses }) => addresses.some((cidr) => cidr.split('/')[0] === address));
  return (own?.addresses ?? []).map(subnetAround).filter(({ prefix }) => prefix < 32);
}

/** Linux allows 15 characters; blanks and slashes it does not. */
const isInterfaceName = (text: string): boolean => /^[\w.@:-]{1,15}$/.test(text) && !/^\.\.?$/.test(text);

function isIpv4Subnet(text: string): boolean {
  try {
    return parseSubnet(text).family === 4;
  } catch {
    return false;
  }
}

function isIpv4(text: string): boolean {
  try {
    const address = parseAddress(text);
    return address.family === 4 && formatAddress(address) === text;
  } catch {
    return false;
  }
}
