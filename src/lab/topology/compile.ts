/** A topology as a model: pure. Everything that can be wrong with a file is found here, before anything is built. */

import type { Problems } from '../../documents/problems.ts';
import { macOf, parseAddress } from '../../domain/domain.ts';
import { parseSubnet } from '../../domain/subnet.ts';
import { assign } from './addressing.ts';
import { type Draft, type Wiring, wire } from './cables.ts';
import { checkExpectations } from './expectations.ts';
import {
  bridgeName,
  type CableEnd,
  containerInterface,
  type LabModel,
  type LabNode,
  type Nat,
  type Port,
  type Route,
  type Segment,
} from './model.ts';
import { withMtus } from './mtus.ts';
import { namespaceOf } from './namespaces.ts';
import { withOverlays } from './overlays.ts';
import { portsOf } from './published.ts';
import { checkNetworks, checkPlaces, networksOf, realOf, rolesOf, withJoinings } from './real.ts';
import { findRoutes, isForwarder } from './routing.ts';
import type { Topology, TopologyNode } from './schema.ts';
import { findSegments } from './segments.ts';

/** @throws DocumentRefused */
export function compile(topology: Topology, problems: Problems): LabModel {
  if (Object.keys(topology.topology.nodes).length === 0)
    problems.at(['topology', 'nodes'], 'there is no node: add one, like h1: {kind: host}');
  const wiring = wire(topology, problems);
  // What has no ends cannot be followed further.
  problems.refuse();
  const segments = assign(findSegments(topology, wiring, problems), problems);
  const routes = findRoutes(wiring, segments, problems);
  const bare = [...wiring.nodes].map(([name, node]) =>
    nodeOf(topology.name, name, node, { wiring, segments, routes, problems }),
  );
  const networks = networksOf(topology);
  const joined = withMtus(withOverlays(topology, bare, problems), wiring.cables);
  const nodes = withJoinings(joined, networks);
  checkNetworks(topology, networks, segments, problems);
  checkPlaces(nodes, problems);
  const expectations = topology.validate ?? [];
  checkExpectations(expectations, nodes, problems);
  problems.refuse();
  return {
    name: topology.name,
    nodes,
    cables: wiring.cables.map(({ ends, rate, loss }) => ({
      ends,
      loss,
      up: true,
      ...(rate === undefined ? {} : { rate }),
    })),
    segments,
    networks,
    expectations,
  };
}

interface Found {
  readonly wiring: Wiring;
  readonly segments: readonly Segment[];
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly problems: Problems;
}

function nodeOf(lab: string, name: string, node: TopologyNode, found: Found): LabNode {
  const { wiring, segments } = found;
  const ports = wiring.cables.flatMap((cable, at) =>
    cable.ends.filter((end) => end.node === name).map((end) => portOf(cable, end, at, found)),
  );
  const { cmd, host } = node;
  const real = realOf(node);
  return {
    name,
    kind: node.kind ?? 'linux',
    namespace: namespaceOf(lab, name),
    forwards: isForwarder(node),
    ...(host === undefined ? {} : { host }),
    ...(wiring.hasBridge(name) ? { bridge: bridgeOf(name, ports, segments) } : {}),
    ports,
    routes: found.routes.get(name) ?? [],
    ...(node.nat === undefined ? {} : { nat: natOf(name, node.nat, found) }),
    runs: rolesOf(name, wiring.nodes),
    ...(real === undefined ? {} : { real }),
    ...(cmd === undefined ? {} : { command: typeof cmd === 'string' ? ['sh', '-c', cmd] : cmd }),
  };
}

function portOf(cable: Draft, end: CableEnd, at: number, { wiring, segments }: Found): Port {
  const master = wiring.masterOf(end);
  const own = master === undefined ? addressed(end.node, end.port, segments) : {};
  return { name: end.port, cable: at, mtu: cable.mtu, ...own, ...(master === undefined ? {} : { master }) };
}

function bridgeOf(name: string, ports: readonly Port[], segments: readonly Segment[]) {
  const mtus = ports.flatMap((port) => (port.master === bridgeName ? [port.mtu] : []));
  return { name: bridgeName, mtu: Math.min(1500, ...mtus), ...addressed(name, bridgeName, segments) };
}

/** A MAC that follows from the address can be told from others at sight, and is the same every time. */
function addressed(node: string, device: string, segments: readonly Segment[]): { cidr?: string; mac?: string } {
  for (const { prefix, members } of segments) {
    const seat = members.find((member) => member.node === node && member.device === device);
    if (seat === undefined || prefix === undefined) continue;
    const mac = macOf(0, parseAddress(seat.address));
    return { cidr: `${seat.address}/${parseSubnet(prefix).prefix}`, mac };
  }
  return {};
}

function natOf(host: string, device: string, { wiring, segments, problems }: Found): Nat {
  const members = segments.flatMap((segment) => segment.members);
  const published = [...wiring.nodes].flatMap(([name, node]) => {
    const ports = portsOf(node);
    if (node.host !== host || node.network !== undefined || ports.length === 0) return [];
    // It may have links besides, whose addresses its host need not reach.
    const seat = members.find((member) => member.node === name && member.device === containerInterface);
    if (seat === undefined) {
      const sentence = `${name} has no address on ${host} that they could lead to: give ${host} a prefix that has one`;
      problems.at(['topology', 'nodes', name, 'ports'], sentence);
      return [];
    }
    return ports.map((port) => ({ ...port, address: seat.address, node: name }));
  });
  return { device, published };
}
