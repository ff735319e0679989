/**
 * Routed networks: on every host a segment, and the kernel's own routes between the hosts, through the underlay as it is.
 * No encapsulation, so the underlay's whole MTU and its speed; no broadcast between hosts either.
 *
 *     container            data namespace          host h1                                 host h2
 *     eth0 ─── trv<id> ┐                           trg<vni> 10.44.32.2                      trg<vni> 10.44.64.2
 *                      ├ trb<vni> ───────────────  10.44.64.0/19 via h2's address ──────►   10.44.32.0/19 via h1's
 *     eth0 ─── trv<id> ┘
 *
 * Attached point to point (`attach=p2p`), a container has a link of its own to the host, `trg-<id>`, and no bridge is between.
 *
 * A node's blocks are routed to it as wholes. An address of its own outside them, one that somebody chose, has a route of its own,
 * on its node as well, where it may lie within a route to another.
 *
 * Containers take the whole subnet for their link and ask for every address by ARP; for those of other hosts the host answers (proxy
 * ARP), at once. What enters from the underlay must have both ends in the network, and come from where an answer would be sent.
 */
import {
  attachmentOf,
  contains,
  type EndpointRecord,
  endpointLinkName,
  endpointPeerName,
  endpointPortIndex,
  endpointPortName,
  gatewayName,
  type NetworkRecord,
  parseAddress,
  parseSubnet,
  routerOf,
} from '../../domain/domain.ts';
import type { IptablesObject, KernelObject, RouteObject, SysctlObject } from '../../kernel/objects.ts';
import type { Driver, Host, Peer, Sandbox } from '../drivers.ts';
import { linkElement, networkElements, routedWithin } from '../segment/filters.ts';
import { published } from '../segment/published.ts';
import { attached, groupOf, insideSandbox, portEntry, segment } from '../segment/segment.ts';

export const routed: Driver = {
  network(host, network, gateway) {
    return [
      ...segment(network, gateway),
      ...networkElements(network, gateway),
      ...routedWithin(network),
      ...answeredFor(gatewayName(network.vni)),
      ...(host.dockerUser ? [admitted(network)] : []),
    ];
  },

  localEndpoint(host, network, endpoint, own) {
    return attachmentOf(network) === 'p2p' ? linked(host, network, endpoint, own) : onBridge(network, endpoint);
  },

  restoredEndpoint(host, network, endpoint, own, sandbox) {
    const p2p = attachmentOf(network) === 'p2p';
    return [
      ...(p2p ? linked(host, network, endpoint, own, sandbox) : onBridge(network, endpoint, sandbox)),
      ...insideSandbox(network, endpoint, sandbox, p2p ? linkEnd(endpoint) : undefined),
    ];
  },

  remoteEndpoint(host, network, endpoint, peer) {
    return peer.blocks.some((cidr) => holds(cidr, endpoint.address))
      ? []
      : [wayTo(host, network, `${endpoint.address}/32`, peer)];
  },

  remoteBlock(host, network, cidr, peer) {
    return [wayTo(host, network, cidr, peer)];
  },
};

function onBridge(network: NetworkRecord, endpoint: EndpointRecord, sandbox?: Sandbox): KernelObject[] {
  return [
    ...attached(network, endpoint, sandbox),
    portEntry(endpointPortName(endpoint.id), endpoint.mac),
    localRoute(endpoint, gatewayName(network.vni)),
  ];
}

const linkEnd = ({ id }: EndpointRecord) => ({ ns: '', name: endpointLinkName(id) });

/** A link of its own from the host to the container: no bridge, and the host is the next hop to everybody. */
function linked(
  host: Host,
  network: NetworkRecord,
  endpoint: EndpointRecord,
  own: string,
  sandbox?: Sandbox,
): KernelObject[] {
  const { mtu } = network;
  const { name } = linkEnd(endpoint);
  const far = sandbox ? { ns: sandbox.path, name: sandbox.interface } : { ns: '', name: endpointPeerName(endpoint.id) };
  return [
    linkElement(name, own),
    {
      kind: 'link',
      type: 'veth',
      ns: '',
      name,
      index: endpointPortIndex(endpoint.id),
      ...groupOf(network),
      mtu,
      up: true,
      peer: { ...far, mac: endpoint.mac, mtu },
    },
    // Or the host would have a link-local address there, which everything that listens answers at.
    ...(host.ipv6 === false
      ? []
      : [{ kind: 'sysctl', ns: '', key: `net/ipv6/conf/${name}/disable_ipv6`, value: '1' } as const]),
    ...answeredFor(name),
    // Its end has no address: what the host says there, as a hop of traceroute's too, would bear any other of its own.
    { ...localRoute(endpoint, name), source: own },
    ...published(network, endpoint, name),
  ];
}

/** The way to another node. What this host sends by it itself bears its address in the network, which the others know. */
function wayTo(host: Host, network: NetworkRecord, destination: string, { vtep, own }: Peer): RouteObject {
  return {
    kind: 'route',
    ns: '',
    destination,
    via: routerOf(network, host) ?? vtep,
    device: host.interface,
    source: own,
  };
}

/** Its own route also where it lies within another node's block. */
function localRoute(endpoint: EndpointRecord, device: string): RouteObject {
  return { kind: 'route', ns: '', destination: `${endpoint.address}/32`, device };
}

/** The host answers ARP for what it routes elsewhere, without the delay that is meant for many such hosts on one wire. */
function answeredFor(device: string): SysctlObject[] {
  return [
    { kind: 'sysctl', ns: '', key: `net/ipv4/conf/${device}/proxy_arp`, value: '1' },
    { kind: 'sysctl', ns: '', key: `net/ipv4/neigh/${device}/proxy_delay`, value: '0' },
  ];
}

/** Docker's FORWARD drops what begins outside; `filters.ts` has judged it by then. */
function admitted({ subnet }: NetworkRecord): IptablesObject {
  const rule = ['-s', subnet, '-d', subnet, '-o', 'trg+', '-j', 'ACCEPT'];
  return { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule };
}

function holds(cidr: string, address: string): boolean {
  return contains(parseSubnet(cidr), parseAddress(address));
}
