/** Hosts whose bridges are one segment, though other networks lie between them: a VXLAN device in each bridge. */

import type { Problems } from '../../documents/problems.ts';
import { type LabNode, type Vxlan, vxlanName } from './model.ts';
import type { Topology } from './schema.ts';

const defaultGroup = '239.1.1.1';
/** What VXLAN puts around a frame over IPv4: Ethernet, IP, UDP and VXLAN headers. */
const overhead = 50;

export function withOverlays({ topology }: Topology, nodes: readonly LabNode[], problems: Problems): LabNode[] {
  checkGroups(topology.overlays ?? {}, problems);
  const overlayOf = (name: string) => topology.nodes[name]?.overlay;
  return nodes.map((node) => {
    const name = overlayOf(node.name);
    const overlay = name === undefined ? undefined : topology.overlays?.[name];
    const underlay = underlayOf(node);
    if (name === undefined || overlay === undefined) return node;
    if (underlay === undefined) {
      const path = ['topology', 'nodes', node.name, 'overlay'];
      problems.at(path, `${node.name} has no address by which other hosts reach it: add a link with a prefix`);
      return node;
    }
    const others = nodes.filter((other) => other !== node && overlayOf(other.name) === name);
    const mtus = [underlay, ...others.flatMap((other) => underlayOf(other) ?? [])].map(({ mtu }) => mtu);
    const peers = others.flatMap((other) => underlayOf(other)?.address ?? []);
    const vxlan: Vxlan = {
      name: vxlanName(overlay.vni),
      overlay: name,
      vni: overlay.vni,
      local: underlay.address,
      device: underlay.device,
      // One segment, so what one sends all others take.
      mtu: Math.min(...mtus) - overhead,
      ...(overlay.discovery === 'multicast' ? { group: overlay.group ?? defaultGroup } : {}),
      peers: overlay.discovery === 'multicast' ? [] : peers,
      entries: overlay.discovery === 'multicast' ? [] : others.flatMap((other) => behind(other, nodes)),
    };
    return { ...node, vxlan };
  });
}

/** Whoever joins a group hears all of its hosts; only the VNI tells overlays apart there. */
function checkGroups(overlays: NonNullable<Topology['topology']['overlays']>, problems: Problems): void {
  const holders = new Map<string, string>();
  for (const [name, { vni, discovery, group = defaultGroup }] of Object.entries(overlays)) {
    if (discovery !== 'multicast') continue;
    const holder = holders.get(`${vni} ${group}`);
    if (holder !== undefined) {
      const sentence = `${holder} has VNI ${vni} in the group ${group} already: give ${name} another vni or group`;
      problems.at(['topology', 'overlays', name, 'vni'], sentence);
    }
    holders.set(`${vni} ${group}`, name);
  }
}

/** The first of its interfaces that has an address and is not a container's. */
function underlayOf(node: LabNode) {
  const port = node.ports.find(({ cidr }) => cidr !== undefined);
  if (port?.cidr === undefined) return undefined;
  return { device: port.name, address: port.cidr.split('/')[0] ?? '', mtu: port.mtu };
}

/** The MACs of a host's bridge and containers, with the host's address. */
function behind(host: LabNode, nodes: readonly LabNode[]): Vxlan['entries'] {
  const peer = underlayOf(host)?.address;
  if (peer === undefined) return [];
  const containers = nodes.filter((node) => node.host === host.name);
  const macs = [
    { mac: host.bridge?.mac, node: host.name },
    ...containers.flatMap((node) => node.ports.map(({ mac }) => ({ mac, node: node.name }))),
  ];
  return macs.flatMap(({ mac, node }) => (mac === undefined ? [] : [{ mac, peer, node }]));
}
