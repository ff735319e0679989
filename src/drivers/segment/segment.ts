/**
 * A network's part on one host, whatever joins the hosts, if anything does: a bridge in the data namespace, a veth pair
 * to the host, one to each container.
 *
 *     host            data namespace `trama`                        container
 *     trg<vni> ────── trh<vni> ┐
 *     node's address           ├ trb<vni> ┬ trv<endpoint> ────────── eth0
 *                              ┘          └ trv<endpoint> ────────── eth0
 *
 * Nothing is learned from local ports: their MACs are static entries, so no frame, not even one that the bridge takes
 * before its filters (802.1D reserved groups), can move them.
 */
import {
  bridgeName,
  dataNamespace,
  type EndpointRecord,
  endpointPeerName,
  endpointPortIndex,
  endpointPortName,
  gatewayIndex,
  gatewayName,
  gatewayPortName,
  macOf,
  type NetworkRecord,
  parseAddress,
} from '../../domain/domain.ts';
import type { AddressObject, BridgeLink, FdbObject, KernelObject, VethLink } from '../../kernel/objects.ts';
import type { Host, Sandbox } from '../drivers.ts';
import { portsSet } from './base.ts';
import { published } from './published.ts';

/** A local port: what it sends teaches the bridge nothing, and it gets no frame that is for an unknown MAC. */
const localPort = { learning: false, flood: false } as const;

/**
 * With a MAC of its own: one that follows its ports' would change as they come, and with every change the kernel drops
 * the bridge's neighbour entries, permanent ones too. It is made from the underlay address, which no endpoint has.
 */
export function bridge(host: Host, network: NetworkRecord): BridgeLink {
  const { vni, mtu } = network;
  const mac = macOf(vni, parseAddress(host.address));
  return { kind: 'link', type: 'bridge', ns: dataNamespace, name: bridgeName(vni), mac, mtu, up: true };
}

/** The way between the host and the bridge, with the node's address, its containers' gateway. */
export function gatewayPair(network: NetworkRecord, gateway: EndpointRecord): (VethLink | AddressObject)[] {
  const { vni, mtu } = network;
  const pair = { kind: 'link', type: 'veth', mtu, up: true } as const;
  const hostEnd = { ns: '', name: gatewayName(vni), mac: gateway.mac };
  const portEnd = { ns: dataNamespace, name: gatewayPortName(vni) };
  return [
    { ...pair, ...hostEnd, index: gatewayIndex(vni), peer: { ...portEnd, mtu } },
    { ...pair, ...portEnd, master: bridgeName(vni), port: localPort, peer: { ...hostEnd, mtu }, secondary: true },
    { kind: 'address', ns: '', device: hostEnd.name, cidr: withPrefix(network, gateway.address) },
  ];
}

/** In the bridge: which port has the MAC. */
export function portEntry(port: string, mac: string): FdbObject {
  return { kind: 'fdb', ns: dataNamespace, device: port, mac, table: 'master' };
}

/**
 * The endpoint's veth pair, its filter and its published ports. The filter comes first: no veth is ever without.
 * @param sandbox where the far end stands already; absent: it waits for the engine to take it.
 */
export function attached(network: NetworkRecord, endpoint: EndpointRecord, sandbox?: Sandbox): KernelObject[] {
  const far = sandbox ? { ns: sandbox.path, name: sandbox.interface } : { ns: '', name: endpointPeerName(endpoint.id) };
  const { mtu, vni } = network;
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
      index: endpointPortIndex(endpoint.id),
      mtu,
      up: true,
      master: bridgeName(vni),
      port: localPort,
      peer: { ...far, mac: endpoint.mac, mtu },
    },
    ...published(network, endpoint),
  ];
}

/** libnetwork's part, which it does once only: done again when the pair was lost under a running container. */
export function insideSandbox(network: NetworkRecord, endpoint: EndpointRecord, sandbox: Sandbox): KernelObject[] {
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

function withPrefix(network: NetworkRecord, address: string): string {
  return `${address}${network.subnet.slice(network.subnet.indexOf('/'))}`;
}
