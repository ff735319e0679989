/**
 * A network's own rules. Each network brings chains with hooks of their own and a set of its own,
 * named by its VNI, so that it comes and goes without the others being known or touched.
 */
import {
  dataNamespace,
  type EndpointRecord,
  gatewayName,
  gatewayPortName,
  type NetworkRecord,
} from '../../domain/domain.ts';
import type { KernelObject, NftChainObject, NftElementObject } from '../../kernel/objects.ts';
import { homesSet, subnetsSet } from './base.ts';

const inet = { ns: '', family: 'inet', table: 'trama' } as const;

const vtepSet = (vni: number) => `vtep${vni}`;

export function networkFilters(network: NetworkRecord, gateway: EndpointRecord): KernelObject[] {
  return [
    { kind: 'nft-set', ...inet, name: vtepSet(network.vni), type: 'type ipv4_addr' },
    vxlanChain(network),
    ownVxlanChain(network),
    inputChain(network, gateway),
    network.internal ? isolationChain(network) : natChain(network),
    home(subnetsSet, network.subnet),
    home(homesSet, gatewayPortName(network.vni), network.subnet),
  ];
}

function home(set: string, ...key: string[]): NftElementObject {
  return { kind: 'nft-element', ns: dataNamespace, family: 'bridge', table: 'trama', set, key };
}

/** Another host that may send VXLAN of this network. */
export function allowedVtep(network: NetworkRecord, vtep: string): NftElementObject {
  return { kind: 'nft-element', ...inet, set: vtepSet(network.vni), key: [vtep] };
}

/** Matches VXLAN of this network only: others may use the same UDP port. The VNI is bits 32…55 after the UDP header. */
const ours = (network: NetworkRecord) => `udp dport ${network.port} @th,96,24 ${network.vni}`;

/**
 * VXLAN is accepted from members, and from where the host would answer them: a container can write VXLAN itself, to this
 * host or another, and give it a member's address. What passes here may be for this host or be forwarded to another.
 * Fragments cannot slip through: `forward` uses conntrack, which puts them together before priority -300.
 */
function vxlanChain(network: NetworkRecord): NftChainObject {
  return {
    kind: 'nft-chain',
    ...inet,
    name: `vxlan${network.vni}`,
    hook: { type: 'filter', hook: 'prerouting', priority: -300 },
    rules: [
      `${ours(network)} ip saddr != @${vtepSet(network.vni)} drop`,
      `${ours(network)} fib saddr . iif oif missing drop`,
    ],
  };
}

/**
 * Other hosts trust this one's address, so only its VXLAN device may send VXLAN of this network, no process: whoever can
 * open a UDP socket here, be it in a container in the host's own namespace, could write into the network. What the device
 * sends belongs to no socket.
 */
function ownVxlanChain(network: NetworkRecord): NftChainObject {
  return {
    kind: 'nft-chain',
    ...inet,
    name: `vxlanout${network.vni}`,
    hook: { type: 'filter', hook: 'output', priority: 0 },
    rules: [`${ours(network)} meta skuid >= 0 drop`],
  };
}

/** The node's address in this network is reached from this network and from the host itself. */
function inputChain(network: NetworkRecord, gateway: EndpointRecord): NftChainObject {
  return {
    kind: 'nft-chain',
    ...inet,
    name: `input${network.vni}`,
    hook: { type: 'filter', hook: 'input', priority: 0 },
    rules: [`iifname != "lo" iifname != "${gatewayName(network.vni)}" ip daddr ${gateway.address} drop`],
  };
}

/** Of an internal network: nothing is passed on, in either direction. */
function isolationChain(network: NetworkRecord): NftChainObject {
  const device = gatewayName(network.vni);
  return {
    kind: 'nft-chain',
    ...inet,
    name: `forward${network.vni}`,
    hook: { type: 'filter', hook: 'forward', priority: 0 },
    rules: [`iifname "${device}" drop`, `oifname "${device}" drop`],
  };
}

function natChain(network: NetworkRecord): NftChainObject {
  return {
    kind: 'nft-chain',
    ...inet,
    name: `nat${network.vni}`,
    hook: { type: 'nat', hook: 'postrouting', priority: 100 },
    rules: [`ip saddr ${network.subnet} oifname != "trg*" oifname != "lo" masquerade`],
  };
}
