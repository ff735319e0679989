/**
 * A lab as it is drawn, before anything has a place: boxes within boxes, and what joins them. A switch and a host's bridge are
 * not boxes but nets: whatever is plugged in hangs on them. Pure.
 */

import { bridgeName, type Cable, type LabModel, type LabNode, type Port } from '../topology/model.ts';
import { joiningNotes, networksInside, networkTunnels } from './joined.ts';

/** What joins several ends. `stub`: a link from a container to its host, which has no bridge; each end is on its own. */
export interface Net {
  readonly id: string;
  readonly kind: 'switch' | 'bridge' | 'cable' | 'tunnel' | 'stub';
  /** First its name; shown together where there is room. */
  readonly title: readonly string[];
}

/** Where something is plugged in. */
export interface End {
  readonly net: string;
  /** The interface, its address and what else is known of it, beneath each other. */
  readonly lines: readonly string[];
  /** The other end, where the net has a name for it. */
  readonly far: readonly string[];
  /** It is a port of its own node's bridge. */
  readonly inward: boolean;
  /** The net inside that it is a port of; absent: the host's bridge of the lab's. */
  readonly into?: string;
}

export interface SceneNode {
  readonly name: string;
  readonly kind: LabNode['kind'] | 'cable';
  readonly title: string;
  readonly notes: readonly string[];
  readonly ends: readonly End[];
  readonly inside?: Scene;
}

export interface Scene {
  readonly nodes: readonly SceneNode[];
  readonly nets: readonly Net[];
}

interface Joined {
  readonly net: Net;
  /** By name of the node that it is drawn on; of one net there may be several. */
  readonly ends: readonly { readonly node: string; readonly end: End }[];
}

/** Thousands of containers are looked up many times. */
interface Lab extends LabModel {
  readonly byName: ReadonlyMap<string, LabNode>;
}

export function sceneOf(given: LabModel): Scene {
  const model: Lab = { ...given, byName: new Map(given.nodes.map((node) => [node.name, node])) };
  const joined = [...switchNets(model), ...topCables(model), ...tunnels(model), ...networkTunnels(model)];
  const outer = model.nodes.filter(({ kind, name }) => kind !== 'switch' && outermost(model, name) === name);
  const nodes = outer.map((node) => {
    const inside = insideOf(model, node);
    return { ...described(node), ends: endsOf(joined, node.name), ...(inside === undefined ? {} : { inside }) };
  });
  return { nodes: [...nodes, ...patches(model)], nets: joined.map(({ net }) => net) };
}

const endsOf = (joined: readonly Joined[], name: string): End[] =>
  joined.flatMap(({ ends }) => ends.filter(({ node }) => node === name).map(({ end }) => end));

/** The host of a container, else itself. */
const outermost = (model: Lab, name: string): string => model.byName.get(name)?.host ?? name;

const isSwitch = (model: Lab, name: string): boolean => model.byName.get(name)?.kind === 'switch';

const kept = (...lines: readonly (string | undefined)[]): string[] =>
  lines.filter((line) => line !== undefined && line !== '') as string[];

/** Both ends of a cable, each with its node and port. */
function sides(model: Lab, cable: Cable) {
  return cable.ends.map(({ node: name, port }) => {
    const node = model.byName.get(name);
    return { name, node, outer: outermost(model, name), port: node?.ports.find((one) => one.name === port) };
  });
}

type Side = ReturnType<typeof sides>[number];

const isOuter = (model: Lab, cable: Cable): boolean => {
  const [a, b] = sides(model, cable);
  return a?.outer !== b?.outer || (a?.name === a?.outer && b?.name === b?.outer);
};

function endOf(net: string, side: Side, far: readonly string[], more: readonly string[]): End {
  const { node, name, outer, port } = side;
  const label = name === outer ? port?.name : `${name}:${port?.name}`;
  const inward = port?.master !== undefined && node?.kind !== 'switch';
  return { net, far, inward, lines: kept(label, port?.cidr, ...more) };
}

function switchNets(model: Lab): Joined[] {
  return model.nodes.flatMap((node) => {
    if (node.kind !== 'switch') return [];
    const id = `switch ${node.name}`;
    const plugged = model.cables.flatMap((cable, at) => {
      const [a, b] = sides(model, cable);
      if (a === undefined || b === undefined) return [];
      const both = isSwitch(model, a.name) && isSwitch(model, b.name);
      if (both) {
        return [a, b].flatMap(({ name, port }) =>
          name === node.name ? [{ node: `cable ${at}`, end: patchEnd(id, port) }] : [],
        );
      }
      const [mine, other] = a.name === node.name ? [a, b] : [b, a];
      if (mine.name !== node.name) return [];
      return [{ node: other.outer, end: endOf(id, other, kept(mine.port?.name), faults(cable)) }];
    });
    const prefix = prefixAround(model, node);
    const title = kept(node.name, 'switch', node.bridge?.cidr ?? prefix);
    return [{ net: { id, kind: 'switch', title }, ends: plugged }];
  });
}

const patchEnd = (net: string, port: Port | undefined): End => ({
  ...{ net, lines: [], inward: false, far: kept(port?.name) },
});

/** Cables between switches, drawn as boxes between them. */
function patches(model: Lab): SceneNode[] {
  return model.cables.flatMap((cable, at) => {
    if (!cable.ends.every(({ node }) => isSwitch(model, node))) return [];
    const ends = cable.ends.map(({ node, port }) => ({
      ...patchEnd(`switch ${node}`, undefined),
      far: [port],
    }));
    return [{ name: `cable ${at}`, kind: 'cable', title: 'cable', notes: faults(cable), ends } as const];
  });
}

/** Of those who are plugged into a switch. */
function prefixAround(model: Lab, node: LabNode): string | undefined {
  const seats = model.cables.flatMap(({ ends }) => {
    const other = ends.find((end) => end.node !== node.name);
    if (other === undefined || !ends.some((end) => end.node === node.name)) return [];
    const master = model.byName.get(other.node)?.ports.find(({ name }) => name === other.port)?.master;
    return [{ node: other.node, device: master ?? other.port }];
  });
  return model.segments.find(({ members }) =>
    members.some((member) => seats.some((seat) => seat.node === member.node && seat.device === member.device)),
  )?.prefix;
}

const prefixOf = (model: Lab, { node, port }: Cable['ends'][number]): string | undefined =>
  model.segments.find(({ members }) => members.some((member) => member.node === node && member.device === port))
    ?.prefix;

/** What was done to a cable. */
function faults({ rate, loss, up }: Cable): string[] {
  return kept(
    up ? undefined : 'cable out',
    rate === undefined ? undefined : rateText(rate),
    loss > 0 ? `${loss}% lost` : undefined,
  );
}

function rateText(bits: number): string {
  const [size, unit] = bits >= 1e9 ? [1e9, 'Gbit/s'] : bits >= 1e6 ? [1e6, 'Mbit/s'] : [1e3, 'kbit/s'];
  return `${bits / size} ${unit}`;
}

function cableNet(model: Lab, cable: Cable, at: number): Joined {
  const id = `cable ${at}`;
  const ends = sides(model, cable).map((side) => ({ node: side.outer, end: endOf(id, side, [], []) }));
  return { net: { id, kind: 'cable', title: kept(prefixOf(model, cable.ends[0]), ...faults(cable)) }, ends };
}

const topCables = (model: Lab): Joined[] =>
  model.cables.flatMap((cable, at) => {
    const switched = cable.ends.some(({ node }) => isSwitch(model, node));
    return switched || !isOuter(model, cable) ? [] : [cableNet(model, cable, at)];
  });

function tunnels(model: Lab): Joined[] {
  const overlays = new Map(model.nodes.flatMap(({ vxlan }) => (vxlan === undefined ? [] : [[vxlan.overlay, vxlan]])));
  return [...overlays.values()].map(({ overlay, vni, group }) => {
    const id = `overlay ${overlay}`;
    const ends = model.nodes.flatMap(({ name, vxlan }) => {
      if (vxlan?.overlay !== overlay) return [];
      const lines = [vxlan.name, `over ${vxlan.device}`];
      return [{ node: name, end: { net: id, lines, far: [], inward: true } }];
    });
    const title = kept(id, `VNI ${vni}`, group ?? 'peers listed');
    return { net: { id, kind: 'tunnel', title }, ends };
  });
}

const mostRoutes = 3;

function described(node: LabNode) {
  const { name, kind, nat, routes, runs } = node;
  const published = nat?.published.map(({ protocol, port, node, targetPort }) => {
    return `${port}${protocol === 'udp' ? '/udp' : ''} → ${node}:${targetPort}`;
  });
  const ways = routes.map(({ to, via }) => `${to} via ${via}`);
  const shown = kind === 'container' ? [] : ways.length > mostRoutes ? [`${ways.length} routes`] : ways;
  return {
    ...{ name, kind },
    title: kind === 'container' || kind === 'linux' || kind === name ? name : `${name} · ${kind}`,
    notes: kept(
      runs.join(', '),
      nat && `masquerade on ${nat.device}`,
      ...(published ?? []),
      ...shown,
      ...joiningNotes(node),
    ),
  };
}

function insideOf(model: Lab, host: LabNode): Scene | undefined {
  const within = model.nodes.filter((node) => node.host === host.name);
  const joined = model.cables.flatMap((cable, at) =>
    !isOuter(model, cable) && sides(model, cable)[0]?.outer === host.name ? [innerNet(model, host, cable, at)] : [],
  );
  const nets = new Map(joined.map(({ net }) => [net.id, net]));
  if (host.bridge !== undefined) {
    const title = kept(bridgeName, host.bridge.cidr);
    nets.set(bridgeName, { id: bridgeName, kind: 'bridge', title });
  }
  const networks = networksInside(model, host);
  for (const { net } of networks) nets.set(net.id, net);
  const nodes = within.map((node) => ({ ...described(node), ends: endsOf([...joined, ...networks], node.name) }));
  return nodes.length === 0 && nets.size === 0 ? undefined : { nodes, nets: [...nets.values()] };
}

/** Of a cable that does not leave its host. */
function innerNet(model: Lab, host: LabNode, cable: Cable, at: number): Joined {
  const [a, b] = sides(model, cable);
  const own = [a, b].find((side) => side?.name === host.name);
  const other = [a, b].find((side) => side?.name !== host.name);
  const inner = (side: Side) => ({ ...side, outer: side.name });
  if (own === undefined || other === undefined) {
    const id = `cable ${at}`;
    const ends = sides(model, cable).map((side) => ({ node: side.name, end: endOf(id, inner(side), [], []) }));
    return { net: { id, kind: 'cable', title: kept(prefixOf(model, cable.ends[0]), ...faults(cable)) }, ends };
  }
  const bridged = own.port?.master !== undefined;
  const id = bridged ? bridgeName : `cable ${at}`;
  const end = endOf(id, inner(other), kept(own.port?.name, own.port?.cidr), faults(cable));
  return { net: { id, kind: bridged ? 'bridge' : 'stub', title: [] }, ends: [{ node: other.name, end }] };
}
