/**
 * A network's part on one host, whatever joins the hosts, if anything does: a bridge in the data namespace, on it the
 * host's way in, a veth pair to each container.
 *
 *     host                data namespace `trama`          container
 *     trg<vni> ────────── trb<vni> ┬ trv<endpoint> ────── eth0
 *     node's address               └ trv<endpoint> ────── eth0
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
  type NetworkRecord,
  outwardGroup,
} from '../../domain/domain.ts';
import type { FdbObject, KernelObject } from '../../kernel/objects.ts';
import type { Sandbox } from '../drivers.ts';
import { portsSet } from './base.ts';
import { published } from './published.ts';

/** A local port: what it sends teaches the bridge nothing, and it gets no frame that is for an unknown MAC. */
const localPort = { learning: false, flood: false } as const;

/**
 * The bridge, and the host's way in: what the bridge takes for its own MAC, and what is for everybody, arrives at the gateway, and
 * what is sent there the bridge sends, without another queue between the namespaces (ADR 16).
 *
 * Its MAC is the gateway's from the beginning: one that follows its ports' would change as they come, and with every change the
 * kernel drops the bridge's neighbour entries, permanent ones too. `passthru` shares it; in any other mode the kernel sets the bridge
 * to promiscuous, and every frame between containers is copied for the host to drop. `nopromisc` keeps it from that here.
 */
export function segment(network: NetworkRecord, gateway: EndpointRecord): KernelObject[] {
  const { vni, mtu } = network;
  const { mac } = gateway;
  const link = { kind: 'link', mac, mtu, up: true } as const;
  const inside = { ns: dataNamespace, name: bridgeName(vni) };
  const outside = { ns: '', name: gatewayName(vni), index: gatewayIndex(vni), ...groupOf(network) };
  return [
    { ...link, ...inside, type: 'bridge' },
    { ...link, ...outside, type: 'macvlan', lower: inside, mode: 'passthru nopromisc' },
    { kind: 'fdb', ns: inside.ns, device: inside.name, mac, table: 'self' },
    { kind: 'address', ns: '', device: outside.name, cidr: withPrefix(network, gateway.address) },
  ];
}

/** By which the host's table knows a link into a network that is not internal. */
export const groupOf = ({ internal }: NetworkRecord) => (internal ? {} : { linkGroup: outwardGroup });

/** In the bridge: which port has the MAC. */
export function portEntry(port: string, mac: string): FdbObject {
  return { kind: 'fdb', ns: dataNamespace, device: port, mac, table: 'master' };
}

/**
 * The endpoint's veth pair, what its filter admits, and its published ports. The filter is there before: a port of which it knows
 * nothing sends nothing.
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
      admits: true,
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
export function insideSandbox(
  network: NetworkRecord,
  endpoint: EndpointRecord,
  sandbox: Sandbox,
  end = { ns: dataNamespace, name: endpointPortName(endpoint.id) },
): KernelObject[] {
  const { path: ns, interface: device, gateway } = sandbox;
  const outer = { ...end, mtu: network.mtu };
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
