/**
 * The overlay: on every host a segment, and a VXLAN that joins them.
 *
 *     host                data namespace `trama`                  container
 *     trg<vni> ────────── trb<vni> ┬ trv<endpoint> ────────────── eth0
 *     node's address               ├ trv<endpoint> ────────────── eth0
 *     UDP socket ~~~~~~~~~~~~~~~~~ └ trx<vni>
 *
 * With the registry nothing is learned at all; ARP for every known address is answered by the bridge, and leaves the host
 * only for unknown ones.
 */
import {
  bridgeName,
  dataNamespace,
  type EndpointRecord,
  endpointPortName,
  gatewayName,
  type NetworkRecord,
  vxlanName,
} from '../../domain/domain.ts';
import type { FdbObject, KernelObject, NeighbourObject, VxlanLink } from '../../kernel/objects.ts';
import type { Driver, Host } from '../drivers.ts';
import { allowedVtep, guardedVni, networkElements } from '../segment/filters.ts';
import { attached, insideSandbox, portEntry, segment } from '../segment/segment.ts';

const everyone = '00:00:00:00:00:00';

/** Routers between hosts that a multicast packet may pass; the kernel's default is none. */
const multicastTtl = 16;

export const overlay: Driver = {
  network(host, network, gateway) {
    return [
      ...segment(network, gateway),
      vxlan(host, network),
      ...answeredFor(network, gateway),
      guardedVni(network),
      ...networkElements(network, gateway),
    ];
  },

  localEndpoint(_host, network, endpoint) {
    return [...attached(network, endpoint), ...localForwarding(network, endpoint, endpointPortName(endpoint.id))];
  },

  restoredEndpoint(_host, network, endpoint, _own, sandbox) {
    return [
      ...attached(network, endpoint, sandbox),
      ...localForwarding(network, endpoint, endpointPortName(endpoint.id)),
      ...insideSandbox(network, endpoint, sandbox),
    ];
  },

  remoteEndpoint(_host, network, endpoint, { vtep }) {
    const gateway = endpoint.kind === 'gateway';
    const member = gateway ? [allowedVtep(network, vtep)] : [];
    if (network.discovery === 'multicast') return member;
    return [
      ...member,
      ...(gateway ? [peerEntry(network, everyone, vtep)] : []),
      peerEntry(network, endpoint.mac, vtep),
      portEntry(vxlanName(network.vni), endpoint.mac),
      neighbour(network, endpoint),
      ownNeighbour(network, endpoint),
    ];
  },
};

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
    // What is sent to known hosts goes by their routes; by a group's, from where it was joined.
    device: learning ? host.interface : (host.port ?? host.interface),
    learning,
    ...(network.group === undefined ? {} : { group: network.group, ttl: multicastTtl }),
  };
}

function localForwarding(network: NetworkRecord, endpoint: EndpointRecord, port: string): KernelObject[] {
  return [portEntry(port, endpoint.mac), ...answeredFor(network, endpoint)];
}

/** With multicast discovery everybody answers for himself. */
function answeredFor(network: NetworkRecord, endpoint: EndpointRecord): NeighbourObject[] {
  return network.discovery === 'multicast' ? [] : [neighbour(network, endpoint)];
}

/** In the VXLAN device: which host has the MAC. */
function peerEntry(network: NetworkRecord, mac: string, destination: string): FdbObject {
  return { kind: 'fdb', ns: dataNamespace, device: vxlanName(network.vni), mac, table: 'self', destination };
}

/** What the bridge answers ARP from; a forwarding entry for the same MAC must be there too. */
function neighbour(network: NetworkRecord, endpoint: EndpointRecord): NeighbourObject {
  const { address, mac } = endpoint;
  return { kind: 'neighbour', ns: dataNamespace, device: bridgeName(network.vni), address, mac };
}

/** The host's own: to what it asks itself the bridge sends the answer out of itself, where nobody takes it, and asks no other host. */
function ownNeighbour(network: NetworkRecord, endpoint: EndpointRecord): NeighbourObject {
  return { ...neighbour(network, endpoint), ns: '', device: gatewayName(network.vni) };
}
