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
  gatewayPortName,
  type NetworkRecord,
} from '../../domain/domain.ts';
import type { KernelObject, NftChainObject, NftElementObject } from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { publishing } from '../segment/published.ts';

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
    set('internal', 'type ifname'),
    { ...set('outgoing', 'type ipv4_addr'), flags: 'interval' },
    ...chains(host),
    ...publishing(),
  ];
}

/** What a network adds to the sets of both tables. */
export function networkElements(network: NetworkRecord, gateway: EndpointRecord): NftElementObject[] {
  const device = gatewayName(network.vni);
  const element = (set: string, ...key: string[]) => ({ kind: 'nft-element', ...table, set, key }) as const;
  return [
    element('addresses', gateway.address),
    element('gateways', device, gateway.address),
    network.internal ? element('internal', device) : element('outgoing', network.subnet),
    { kind: 'nft-element', ...bridgeTable, set: 'subnets', key: [network.subnet] },
    { kind: 'nft-element', ...bridgeTable, set: 'homes', key: [gatewayPortName(network.vni), network.subnet] },
  ];
}

/** VXLAN of this network is taken from its members only. */
export function guardedVni(network: NetworkRecord): NftElementObject {
  return { kind: 'nft-element', ...table, set: 'vnis', key: [`${network.port}`, `${network.vni}`] };
}

/** Another host that may send VXLAN of this network. */
export function allowedVtep(network: NetworkRecord, vtep: string): NftElementObject {
  return { kind: 'nft-element', ...table, set: 'vteps', key: [`${network.port}`, `${network.vni}`, vtep] };
}

function chains(host: Host): NftChainObject[] {
  const chain = (name: string, hook: string, priority: number, rules: readonly string[]): NftChainObject => {
    const type = name === 'nat' ? 'nat' : 'filter';
    return { kind: 'nft-chain', ...table, name, hook: { type, hook, priority }, rules };
  };
  return [
    chain('arrival', 'prerouting', -300, [...vxlan, ...ownLoopback]),
    chain('input', 'input', 0, input),
    chain('forward', 'forward', 0, forward(host)),
    chain('nat', 'postrouting', 100, nat),
  ];
}

/**
 * VXLAN is accepted from members, and from where the host would answer them: a container can write VXLAN itself, to this
 * host or another, and give it a member's address. What passes here may be for this host or be forwarded to another.
 * Fragments cannot slip through: `forward` uses conntrack, which puts them together before priority -300.
 */
const vxlan = [
  `${vxlanOf} @vnis ${vxlanOf} . ip saddr != @vteps drop`,
  `${vxlanOf} @vnis fib saddr . iif oif missing drop`,
];

/**
 * Where a port is published, the network's interface takes packets for 127.0.0.1 (`published.ts`). Here answers do not bear
 * that address yet: what does was made by somebody who wants to reach what listens for the host alone.
 */
const ownLoopback = ['daddr', 'saddr'].map((end) => `iifname "trg*" ip ${end} 127.0.0.0/8 drop`);

/** The node's address in a network is reached from that network and from the host itself. */
const input = ['ip daddr @addresses iifname != "lo" iifname . ip daddr != @gateways drop'];

/**
 * What leaves for anywhere else than a network or the host itself bears the host's address. Of what enters by a published
 * port, so does only what would not be answered otherwise, or not by way of here: the host's own that comes from
 * 127.0.0.1, and that of containers, which on the same network would be answered past the host, and on another would
 * not be let in. From anywhere else a container sees who it is.
 */
const nat = [
  'ip saddr @outgoing oifname != "trg*" oifname != "lo" masquerade',
  'oifname "trg*" ct status dnat ip saddr @outgoing masquerade',
  'oifname "trg*" ct status dnat ip saddr 127.0.0.0/8 masquerade',
];

/**
 * Networks are entered only by answers, and by what somebody on this host published (DNAT); never from one another by any
 * other way.
 * To accept here ends this chain only: another table's drop still counts, and so does ours against another's accept.
 * Of an internal network nothing is passed on, in either direction. Docker's and libvirt's own bridges are to containers
 * of Trama what they are to any outsider: reached by published ports. What leaves by the underlay needs no more questions,
 * and is the half of all that networks exchange with the outside.
 */
function forward(host: Host): string[] {
  const guarded = ['docker*', 'br-*', 'virbr*'].map(
    (bridges) => `iifname "trg*" oifname "${bridges}" ct state new ct status & dnat == 0 drop`,
  );
  return [
    'iifname @internal drop',
    'oifname @internal drop',
    `iifname "trg*" oifname "${host.interface}" accept`,
    'iifname "trg*" oifname "trg*" ct status & dnat == 0 drop',
    'oifname "trg*" ct state established,related accept',
    'oifname "trg*" ct status dnat accept',
    'oifname "trg*" drop',
    ...(host.dockerUser ? guarded : []),
  ];
}
