/**
 * Networks in the hosts' own LAN: containers of several hosts among its other machines.
 *
 *     the LAN ── eth1 ┐                                        ┌ trv<id> ─── eth0 of a container
 *                     ├ trl<vni> ─ tru<vni> ── trw<vni> ┐      ├ trv<id> ─── eth0 of another
 *     host's address ─┘   (host)                        ├ trb<vni> (data namespace)
 *     node's address ── trg<vni> ───────────────────────┘
 *
 * `trl` has taken the parent's place on the host: what stood on eth1 stands on it (`kernel/uplinks.ts`). A parent that is a bridge keeps
 * its place; `tru` is one more port of it. Containers hang on a bridge of their own in the data namespace, behind the same filters as
 * those of all networks; nothing is learned there, what is not theirs goes to the LAN.
 *
 * Mode macvlan: each container has a macvlan over the parent, which keeps its place; so does the node (`trg`), since a host does not
 * reach macvlans of an interface by the interface.
 *
 * The node's own address is there for its containers alone: names are asked for at it. It is no way out and none in; containers
 * have the LAN's router, and what they send does not come by the host's routes.
 */
import {
  bridgeName,
  dataNamespace,
  type EndpointRecord,
  endpointMacvlanName,
  endpointPortName,
  gatewayName,
  type HostInterface,
  isIn,
  isMacvlan,
  lanGroup,
  lanOf,
  type NetworkRecord,
  placeName,
  uplinkIndex,
  uplinkName,
  uplinkPortName,
} from '../../domain/domain.ts';
import type { KernelObject, MacvlanLink, Setting, SysctlObject } from '../../kernel/objects.ts';
import type { Driver, Host, Sandbox } from '../drivers.ts';
import { lanElements, resident } from '../segment/filters.ts';
import { attached, insideSandbox, portEntry, segment } from '../segment/segment.ts';

export const lan: Driver = {
  network(host, network, gateway) {
    const device = gatewayName(network.vni);
    const address = { kind: 'address', ns: '', device, cidr: `${gateway.address}/32` } as const;
    const wishes = reserved(host, device);
    const settings = wishes.map(({ key, value }) => ({ key, value }));
    const own = [address, ...lanElements(gateway), ...wishes];
    if (isMacvlan(network)) return [{ ...shim(network, gateway), settings }, ...own];
    return [
      ...segment(network, gateway).flatMap((each) => (each.kind === 'address' ? [] : [inLan(each, settings)])),
      ...own,
      ...uplink(host, network),
      beyond(network, gateway.mac),
    ];
  },

  localEndpoint(host, network, endpoint, own) {
    if (isMacvlan(network)) return [macvlan(network, endpoint), ...reached(host, network, endpoint, own)];
    return [...plugged(network, endpoint), ...reached(host, network, endpoint, own)];
  },

  restoredEndpoint(host, network, endpoint, own, sandbox) {
    if (!isMacvlan(network)) {
      return [
        ...plugged(network, endpoint, sandbox),
        ...reached(host, network, endpoint, own),
        ...insideSandbox(network, endpoint, sandbox),
      ];
    }
    const { path: ns, interface: name } = sandbox;
    const [, ...inside] = insideSandbox(network, endpoint, sandbox);
    const { handedOver: _, ...link } = macvlan(network, endpoint);
    return [{ ...link, ns, name, up: true }, ...reached(host, network, endpoint, own), ...inside];
  },

  // The LAN itself knows where they are.
  remoteEndpoint() {
    return [];
  },
};

/** The node's own link is of a group of its own, by which the host's table knows it. */
const inLan = (object: KernelObject, settings: readonly Setting[]): KernelObject =>
  object.kind === 'link' && object.ns === '' ? { ...object, linkGroup: lanGroup, settings } : object;

const parentIn = (host: Host, network: NetworkRecord): HostInterface | undefined =>
  host.interfaces?.find(({ name }) => name === lanOf(network)?.parent);

/** The bridge in the host's namespace, whosever it is, and the pair from there to the containers'. */
function uplink(host: Host, network: NetworkRecord): KernelObject[] {
  const { vni, mtu } = network;
  const parent = parentIn(host, network);
  if (parent === undefined) return [];
  const place = placeName(vni);
  const master = parent.bridge ? parent.name : place;
  const pair = { kind: 'link', type: 'veth', mtu, up: true } as const;
  const hostEnd = { ns: '', name: uplinkName(vni) };
  const dataEnd = { ns: dataNamespace, name: uplinkPortName(vni) };
  return [
    ...(parent.bridge ? [] : inPlaceOf(parent, place)),
    // A container's MAC is where its static entry says; nobody's frame moves it, and what is for nobody known goes elsewhere.
    { ...pair, ...hostEnd, index: uplinkIndex(vni), master, port: quiet, peer: { ...dataEnd, mtu } },
    { ...pair, ...dataEnd, master: bridgeName(vni), port: open, peer: { ...hostEnd, mtu }, secondary: true },
    ...silent(host, hostEnd.name),
    ...admitted(host, parent, place),
  ];
}

const quiet = { learning: false, flood: false } as const;
const open = { learning: false, flood: true } as const;

function inPlaceOf({ name: device, mac, mtu }: HostInterface, place: string): KernelObject[] {
  return [
    { kind: 'link', type: 'bridge', ns: '', name: place, mac, mtu, up: true, inPlaceOf: device },
    { kind: 'fdb', ns: '', device: place, mac, table: 'self' },
    { kind: 'uplink', ns: '', device, bridge: place },
  ];
}

/** Where bridged frames pass the host's firewall, Docker's FORWARD would drop them. Somebody else's bridge has other ports, too. */
function admitted(host: Host, parent: HostInterface, place: string): KernelObject[] {
  if (!host.dockerUser) return [];
  const chain = { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER' } as const;
  if (!parent.bridge) return [{ ...chain, rule: ['-i', place, '-o', place, '-j', 'ACCEPT'] }];
  // To ask for a bridge's ports switches the bridges' firewall on where it is not.
  if (!host.bridgeNetfilter) return [];
  return ['in', 'out'].map((way) => ({
    ...chain,
    rule: ['-m', 'physdev', '--physdev-is-bridged', `--physdev-${way}`, 'tru+', '-j', 'ACCEPT'],
  }));
}

function plugged(network: NetworkRecord, endpoint: EndpointRecord, sandbox?: Sandbox): KernelObject[] {
  return [
    ...attached(network, endpoint, sandbox),
    portEntry(endpointPortName(endpoint.id), endpoint.mac),
    beyond(network, endpoint.mac),
  ];
}

/** In the host's bridge: the MAC is behind the pair. */
const beyond = ({ vni }: NetworkRecord, mac: string): KernelObject => {
  return { kind: 'fdb', ns: '', device: uplinkName(vni), mac, table: 'master' };
};

/** By which names are answered; a host that is in the LAN itself reaches them as it does all others there, but for macvlans. */
function reached(host: Host, network: NetworkRecord, endpoint: EndpointRecord, own: string): KernelObject[] {
  const parent = parentIn(host, network);
  const known = !isMacvlan(network) && parent !== undefined && isIn(parent, network.subnet);
  const device = gatewayName(network.vni);
  return [
    resident(endpoint.address, own),
    ...(known ? [] : [{ kind: 'route', ns: '', destination: `${endpoint.address}/32`, device } as const]),
  ];
}

/**
 * Of the host's addresses it answers for its own alone, and asks under no other: the LAN knows the rest elsewhere, and who has once been
 * told of the wrong MAC does not reach the host by it. What the host's routes would send by the LAN may come here.
 */
function reserved(host: Host, device: string): SysctlObject[] {
  const setting = (name: string, value: string): SysctlObject => {
    return { kind: 'sysctl', ns: '', key: `net/ipv4/conf/${device}/${name}`, value };
  };
  return [setting('arp_ignore', '1'), setting('arp_announce', '2'), setting('rp_filter', '2'), ...silent(host, device)];
}

/** Or it would have a link-local address in the LAN, which everything that listens on the host answers at. */
function silent(host: Host, device: string): SysctlObject[] {
  if (host.ipv6 === false) return [];
  return [{ kind: 'sysctl', ns: '', key: `net/ipv6/conf/${device}/disable_ipv6`, value: '1' }];
}

function shim(network: NetworkRecord, { mac }: EndpointRecord): MacvlanLink {
  return { ...onParent(network, mac), name: gatewayName(network.vni), up: true, linkGroup: lanGroup };
}

function macvlan(network: NetworkRecord, { id, mac }: EndpointRecord): MacvlanLink {
  return { ...onParent(network, mac), name: endpointMacvlanName(id), up: false, handedOver: true };
}

/** By mode `bridge` those of one host reach each other, too. */
function onParent(network: NetworkRecord, mac: string) {
  const lower = { ns: '', name: lanOf(network)?.parent ?? '' };
  return { kind: 'link', type: 'macvlan', ns: '', lower, mode: 'bridge', mac, mtu: network.mtu } as const;
}
