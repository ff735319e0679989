/**
 * The overlay: a VXLAN and a bridge per network in the data namespace, a veth pair to the host, one to each container.
 *
 *     host            data namespace `trama`                        container
 *     trg<vni> ────── trh<vni> ┐
 *     node's address           ├ trb<vni> ┬ trv<endpoint> ────────── eth0
 *     UDP socket ~~~~ trx<vni> ┘          └ trv<endpoint> ────────── eth0
 *
 * Nothing is learned from local ports: their MACs are static entries, so no frame, not even one that the bridge takes
 * before its filters (802.1D reserved groups), can move them. With the registry nothing is learned at all; ARP for every
 * known address is answered by the bridge, and leaves the host only for unknown ones.
 */
import {
  bridgeName,
  dataNamespace,
  type EndpointRecord,
  endpointPeerName,
  endpointPortName,
  gatewayName,
  gatewayPortName,
  macOf,
  type NetworkRecord,
  parseAddress,
  vxlanName,
} from '../../domain/domain.ts';
import type {
  BridgeLink,
  FdbObject,
  KernelObject,
  NeighbourObject,
  VethLink,
  VxlanLink,
} from '../../kernel/objects.ts';
import type { Driver, Host, Sandbox } from '../drivers.ts';
import { portsSet } from './base.ts';
import { allowedVtep, networkElements } from './filters.ts';

const everyone = '00:00:00:00:00:00';

/** Routers between hosts that a multicast packet may pass; the kernel's default is none. */
const multicastTtl = 16;

/** A local port: what it sends teaches the bridge nothing, and it gets no frame that is for an unknown MAC. */
const localPort = { learning: false, flood: false } as const;

export const overlay: Driver = {
  network(host, network, gateway) {
    const { vni, mtu } = network;
    const pair = { kind: 'link', type: 'veth', mtu, up: true } as const;
    const hostEnd = { ns: '', name: gatewayName(vni), mac: gateway.mac };
    const portEnd = { ns: dataNamespace, name: gatewayPortName(vni) };
    return [
      bridge(host, network),
      vxlan(host, network),
      { ...pair, ...hostEnd, peer: { ...portEnd, mtu } },
      { ...pair, ...portEnd, master: bridgeName(vni), port: localPort, peer: { ...hostEnd, mtu }, secondary: true },
      { kind: 'address', ns: '', device: hostEnd.name, cidr: withPrefix(network, gateway.address) },
      ...localForwarding(network, gateway, portEnd.name),
      ...networkElements(network, gateway),
    ];
  },

  localEndpoint(_host, network, endpoint) {
    const peer = { ns: '', name: endpointPeerName(endpoint.id), mac: endpoint.mac, mtu: network.mtu };
    return attached(network, endpoint, peer);
  },

  restoredEndpoint(_host, network, endpoint, sandbox) {
    const peer = { ns: sandbox.path, name: sandbox.interface, mac: endpoint.mac, mtu: network.mtu };
    return [...attached(network, endpoint, peer), ...insideSandbox(network, endpoint, sandbox)];
  },

  remoteEndpoint(_host, network, endpoint, vtep) {
    const gateway = endpoint.kind === 'gateway';
    const member = gateway ? [allowedVtep(network, vtep)] : [];
    if (network.discovery === 'multicast') return member;
    return [
      ...member,
      ...(gateway ? [peerEntry(network, everyone, vtep)] : []),
      peerEntry(network, endpoint.mac, vtep),
      portEntry(vxlanName(network.vni), endpoint.mac),
      neighbour(network, endpoint),
    ];
  },
};

/**
 * With a MAC of its own: one that follows its ports' would change as they come, and with every change the kernel drops
 * the bridge's neighbour entries, permanent ones too. It is made from the underlay address, which no endpoint has.
 */
function bridge(host: Host, network: NetworkRecord): BridgeLink {
  const { vni, mtu } = network;
  const mac = macOf(vni, parseAddress(host.address));
  return { kind: 'link', type: 'bridge', ns: dataNamespace, name: bridgeName(vni), mac, mtu, up: true };
}

function vxlan(host: Host, network: NetworkRecord): VxlanLink {
  const learning = network.discovery === 'multicast';
  return {
    kind: 'link',
    type: 'vxlan',
    ns: dataNamespace,
    name: vxlanName(network.vni),
    mtu: network.mtu,
    up: true,
    master: bridgeName(network.vni),
    port: { learning, neighSuppress: !learning },
    vni: network.vni,
    dstPort: network.port,
    local: host.address,
    device: host.interface,
    learning,
    ...(network.group === undefined ? {} : { group: network.group, ttl: multicastTtl }),
  };
}

/** The endpoint's veth pair, its filter and its forwarding. The filter comes first: no port is ever without. */
function attached(network: NetworkRecord, endpoint: EndpointRecord, peer: VethLink['peer']): KernelObject[] {
  const name = endpointPortName(endpoint.id);
  return [
    {
      kind: 'nft-element',
      ns: dataNamespace,
      family: 'bridge',
      table: 'trama',
      set: portsSet,
      key: [name, endpoint.mac, endpoint.address],
    },
    {
      kind: 'link',
      type: 'veth',
      ns: dataNamespace,
      name,
      mtu: network.mtu,
      up: true,
      master: bridgeName(network.vni),
      port: localPort,
      peer,
    },
    ...localForwarding(network, endpoint, name),
  ];
}

/** libnetwork's part, which it does once only: done again when the pair was lost under a running container. */
function insideSandbox(network: NetworkRecord, endpoint: EndpointRecord, sandbox: Sandbox): KernelObject[] {
  const { path: ns, interface: device, gateway } = sandbox;
  const outer = { ns: dataNamespace, name: endpointPortName(endpoint.id), mtu: network.mtu };
  return [
    {
      kind: 'link',
      type: 'veth',
      ns,
      name: device,
      mac: endpoint.mac,
      mtu: network.mtu,
      up: true,
      peer: outer,
      secondary: true,
    },
    { kind: 'address', ns, device, cidr: withPrefix(network, endpoint.address) },
    ...(gateway === undefined
      ? []
      : [{ kind: 'route', ns, destination: 'default', via: gateway, device } satisfies KernelObject]),
  ];
}

function localForwarding(network: NetworkRecord, endpoint: EndpointRecord, port: string): KernelObject[] {
  const entry = portEntry(port, endpoint.mac);
  return network.discovery === 'multicast' ? [entry] : [entry, neighbour(network, endpoint)];
}

/** In the bridge: which port has the MAC. */
function portEntry(port: string, mac: string): FdbObject {
  return { kind: 'fdb', ns: dataNamespace, device: port, mac, table: 'master' };
}

/** In the VXLAN device: which host has the MAC. */
function peerEntry(network: NetworkRecord, mac: string, destination: string): FdbObject {
  return { kind: 'fdb', ns: dataNamespace, device: vxlanName(network.vni), mac, table: 'self', destination };
}

/** What the bridge answers ARP from; a port entry for the same MAC must be there too. */
function neighbour(network: NetworkRecord, endpoint: EndpointRecord): NeighbourObject {
  const { address, mac } = endpoint;
  return { kind: 'neighbour', ns: dataNamespace, device: bridgeName(network.vni), address, mac };
}

function withPrefix(network: NetworkRecord, address: string): string {
  return `${address}${network.subnet.slice(network.subnet.indexOf('/'))}`;
}
