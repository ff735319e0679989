/**
 * The host's own table: VXLAN only from members, networks kept apart and entered by nobody, translation of what leaves.
 *
 * A packet passes every chain of its hook, so a chain per network would slow all of the host's packets down with every
 * network. The chains are there once, with `base`; a network is nothing but elements of their sets, which come and go
 * without the others being known or touched.
 */
import {
  dataNamespace,
  type EndpointRecord,
  gatewayName,
  lanGroup,
  type NetworkRecord,
  outwardGroup,
} from '../../domain/domain.ts';
import type {
  KernelObject,
  NftChainObject,
  NftElementObject,
  NftFamily,
  NftMapElementObject,
} from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { publishing } from '../segment/published.ts';

/**
 * What each filter is called where its drops are told. Those who drop count it, which costs nothing to what passes; what is
 * nobody's packet (the housekeeping of bridges, of the host's IPv6, frames only looked at) is not counted.
 */
export const droppingFilters: readonly {
  readonly ns: string;
  readonly family: NftFamily;
  readonly chains: Readonly<Record<string, string>>;
}[] = [
  {
    ns: '',
    family: 'inet',
    chains: {
      vxlan: 'foreign-vxlan',
      networks: 'loopback',
      apart: 'gateway',
      ends: 'spoofed',
      foreign: 'gateway',
      leaving: 'forward',
      entering: 'forward',
    },
  },
  {
    ns: dataNamespace,
    family: 'bridge',
    chains: { port: 'spoofed', strange: 'foreign-frame', ingress: 'foreign-frame', output: 'foreign-frame' },
  },
];

const table = { ns: '', family: 'inet', table: 'trama' } as const;
const bridgeTable = { ns: dataNamespace, family: 'bridge', table: 'trama' } as const;

/** UDP port and VNI. The VNI is bits 32…55 after the UDP header. Others may use the same port. */
const vxlanOf = 'udp dport . @th,96,24';

/** The table, its sets and its chains, whatever networks there are. */
export function hostFilters(host: Host): KernelObject[] {
  const set = (name: string, type: string) => ({ kind: 'nft-set', ...table, name, type }) as const;
  return [
    { kind: 'nft-table', ...table },
    set('vnis', `typeof ${vxlanOf}`),
    set('vteps', `typeof ${vxlanOf} . ip saddr`),
    set('addresses', 'type ipv4_addr'),
    set('gateways', 'type ifname . ipv4_addr'),
    { ...set('outgoing', 'type ipv4_addr'), flags: 'interval' },
    // Containers in a LAN of the host's, each with the node's address there.
    set('residents', 'type ipv4_addr . ipv4_addr'),
    // A routed network's subnet, twice: both ends of what it carries between hosts.
    { ...set('routed', 'type ipv4_addr . ipv4_addr'), flags: 'interval' },
    ...chains(host),
    ...publishing(),
  ];
}

/** What a network adds to the sets of both tables. */
export function networkElements(
  network: NetworkRecord,
  gateway: EndpointRecord,
): (NftElementObject | NftMapElementObject)[] {
  const device = gatewayName(network.vni);
  const element = (set: string, ...key: string[]) => ({ kind: 'nft-element', ...table, set, key }) as const;
  return [
    element('addresses', gateway.address),
    element('gateways', device, gateway.address),
    ...(network.internal ? [] : [element('outgoing', network.subnet)]),
    { kind: 'nft-element', ...bridgeTable, set: 'subnets', key: [network.subnet] },
    { kind: 'nft-map-element', ...bridgeTable, map: 'gateway-macs', key: [gateway.address], value: [gateway.mac] },
    { kind: 'nft-element', ...bridgeTable, set: 'homes', key: [gateway.mac, network.subnet] },
  ];
}

/** Of a network in the hosts' LAN: its subnet is the LAN's, too, and nothing is judged by it. */
export function lanElements(gateway: EndpointRecord): (NftElementObject | NftMapElementObject)[] {
  return [
    { kind: 'nft-element', ...table, set: 'addresses', key: [gateway.address] },
    { kind: 'nft-map-element', ...bridgeTable, map: 'gateway-macs', key: [gateway.address], value: [gateway.mac] },
  ];
}

/** A container of this host's in such a network may ask it at its address there, whichever way its packets come. */
export function resident(address: string, own: string): NftElementObject {
  return { kind: 'nft-element', ...table, set: 'residents', key: [address, own], admits: true };
}

/** What is between two addresses of the network is neither translated nor refused. */
export function routedWithin({ subnet }: NetworkRecord): NftElementObject[] {
  return [{ kind: 'nft-element', ...table, set: 'routed', key: [subnet, subnet] }];
}

/** A container's own link leads to the node's address, too. */
export function linkElement(device: string, own: string): NftElementObject {
  return { kind: 'nft-element', ...table, set: 'gateways', key: [device, own] };
}

/** VXLAN of this network is taken from its members only. */
export function guardedVni(network: NetworkRecord): NftElementObject {
  return { kind: 'nft-element', ...table, set: 'vnis', key: [`${network.port}`, `${network.vni}`] };
}

/** Another host that may send VXLAN of this network. */
export function allowedVtep(network: NetworkRecord, vtep: string): NftElementObject {
  return {
    kind: 'nft-element',
    ...table,
    set: 'vteps',
    key: [`${network.port}`, `${network.vni}`, vtep],
    admits: true,
  };
}

function chains(host: Host): NftChainObject[] {
  const part = (name: string, rules: readonly string[]): NftChainObject => {
    return { kind: 'nft-chain', ...table, name, rules };
  };
  const chain = (name: string, hook: string, priority: number, rules: readonly string[]): NftChainObject => {
    return { ...part(name, rules), hook: { type: name === 'nat' ? 'nat' : 'filter', hook, priority } };
  };
  return [
    part('vxlan', vxlan),
    part('apart', apartFrom),
    part('ends', ends),
    part('networks', networks),
    chain('arrival', 'prerouting', -300, [`${vxlanOf} @vnis jump vxlan`, 'iifname "trg*" jump networks']),
    part('foreign', foreign),
    chain('input', 'input', 0, input),
    part('leaving', leaving(host)),
    part('entering', entering),
    chain('forward', 'forward', 0, ['iifname "trg*" jump leaving', 'oifname "trg*" jump entering']),
    chain('nat', 'postrouting', 100, nat),
  ];
}

/**
 * VXLAN is accepted from members, and from where the host would answer them: a container can write VXLAN itself, to this
 * host or another, and give it a member's address. What passes here may be for this host or be forwarded to another.
 * Fragments cannot slip through: `forward` uses conntrack, which puts them together before priority -300.
 */
const vxlan = [`${vxlanOf} . ip saddr != @vteps counter drop`, 'fib saddr . iif oif missing counter drop'];

/**
 * Where a port is published, the network's interface takes packets for 127.0.0.1 (`published.ts`). Here answers do not bear
 * that address yet: what does was made by somebody who wants to reach what listens for the host alone.
 */
const networks = [
  ...['daddr', 'saddr'].map((end) => `ip ${end} 127.0.0.0/8 counter drop`),
  'iifname "trg-*" jump ends',
  `iifgroup ${lanGroup} jump apart`,
];

/**
 * By way of the node's address in a LAN nothing of the host is reached but that address, by its containers, and nothing passes the host:
 * the LAN's other machines reach what they reached before.
 */
const apartFrom = ['ip saddr . ip daddr != @residents counter drop'];

/**
 * A container's own link to the host (`routed`), where no bridge filters: it carries IPv4 from the address that the host routes
 * there, and nothing else. Whoever has a MAC of another's on such a link reaches nobody by it.
 */
const ends = ['meta nfproto != ipv4 counter drop', 'fib saddr . iif oif missing counter drop'];

/** Both ends in one routed network, and from where an answer would be sent: of another host's endpoint, by way of that host. */
const withinRouted = 'ip saddr . ip daddr @routed fib saddr . iif oif exists';

/**
 * The node's address in a network is reached from that network, by way of other hosts if it is routed, and from the host itself; in a
 * LAN, by the host's own containers.
 */
const input = ['ip daddr @addresses iifname != "lo" iifname . ip daddr != @gateways jump foreign'];
const foreign = [`${withinRouted} return`, 'ip saddr . ip daddr @residents return', 'counter drop'];

/**
 * What leaves for anywhere else than a network or the host itself bears the host's address. Of what enters by a published
 * port, so does only what would not be answered otherwise, or not by way of here: the host's own that comes from
 * 127.0.0.1, and that of containers, which on the same network would be answered past the host, and on another would
 * not be let in. From anywhere else a container sees who it is.
 */
const nat = [
  'ip saddr @outgoing oifname != "trg*" oifname != "lo" ip saddr . ip daddr != @routed masquerade',
  'oifname "trg*" ct status dnat ip saddr @outgoing masquerade',
  'oifname "trg*" ct status dnat ip saddr 127.0.0.0/8 masquerade',
];

/**
 * Networks are entered only by answers, by what somebody on this host published (DNAT), and routed ones by their own; never
 * from one another by any other way. Of an internal network nothing is passed on, in either direction: only the links of
 * others are of a certain group. (Every packet of every network is asked, and to look into a set takes ten times as long.)
 * To accept here ends this chain's hook only: another table's drop still counts, and so does ours against another's accept.
 * What has nothing to do with networks, such as Docker's own containers, is asked two questions, whatever networks there are.
 */
const entering = [
  `oifgroup != ${outwardGroup} ip saddr . ip daddr != @routed counter drop`,
  'ct state established,related accept',
  'ct status dnat accept',
  `${withinRouted} accept`,
  'counter drop',
];

/**
 * What leaves by the underlay needs no more questions, and is the half of all that networks exchange with the outside.
 * Docker's and libvirt's own bridges are to containers of Trama what they are to any outsider: reached by published ports.
 */
function leaving(host: Host): string[] {
  const guarded = ['docker*', 'br-*', 'virbr*'].map(
    (bridges) => `oifname "${bridges}" ct state new ct status & dnat == 0 counter drop`,
  );
  return [
    `iifgroup != ${outwardGroup} ip saddr . ip daddr != @routed counter drop`,
    `oifname "${host.interface}" accept`,
    'ip saddr . ip daddr @routed return',
    'oifname "trg*" ct status & dnat == 0 counter drop',
    ...(host.dockerUser ? guarded : []),
  ];
}
