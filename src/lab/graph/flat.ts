/** A lab as nodes and edges in groups, for languages that lay out by themselves. Pure. */
import { bridgeName } from '../topology/model.ts';
import type { End, Net, Scene, SceneNode } from './scene.ts';

export interface Item {
  readonly id: string;
  readonly kind: SceneNode['kind'] | Net['kind'];
  readonly lines: readonly string[];
}

interface Group {
  /** Absent: of no host. */
  readonly host?: { readonly id: string; readonly title: string };
  readonly items: readonly Item[];
}

export interface Edge {
  readonly ends: readonly [Tip, Tip];
  readonly title: string;
  readonly dashed: boolean;
}

interface Tip {
  readonly id: string;
  /** What is written at this end. */
  readonly text: string;
}

export interface Flat {
  readonly groups: readonly Group[];
  readonly edges: readonly Edge[];
}

/** A node of a scene, and the ids that its ends and those beside it go by. */
interface Seat {
  readonly node: SceneNode;
  readonly id: string;
}

const idOf = (...words: readonly string[]): string =>
  words.join('_').replace(/[^a-zA-Z0-9_]/g, (sign) => `_${sign.codePointAt(0)?.toString(16)}_`);

export function flat(scene: Scene): Flat {
  const seats = scene.nodes.map((node) => seatOf(node, 'node'));
  const outer: Group = { items: [...scene.nets.flatMap((net) => netItem(net, 'net')), ...seats.flatMap(single)] };
  const hosts = seats.flatMap(({ node, id }) => (node.inside === undefined ? [] : [groupOf(node, node.inside, id)]));
  return {
    groups: [outer, ...hosts].filter(({ items }) => items.length > 0),
    edges: [
      ...scene.nets.flatMap((net) => edgesOf(net, seats, 'net')),
      ...seats.flatMap(({ node, id }) => innerEdges(node, id)),
    ],
  };
}

const seatOf = (node: SceneNode, prefix: string): Seat => {
  const id = idOf(prefix, node.name);
  return { node, id };
};

const single = ({ node, id }: Seat): Item[] =>
  node.inside === undefined ? [{ id, kind: node.kind, lines: [node.title, ...node.notes] }] : [];

/** A cable is an edge; what joins more is a node. */
const netItem = ({ id, kind, title }: Net, prefix: string): Item[] =>
  kind === 'cable' || kind === 'stub' ? [] : [{ id: idOf(prefix, id), kind, lines: title }];

function groupOf(node: SceneNode, inside: Scene, id: string): Group {
  const self: Item = { id, kind: node.kind, lines: [node.title, ...node.notes] };
  const within = inside.nodes.flatMap((one) => single(seatOf(one, id)));
  return {
    host: { id: idOf('host', node.name), title: node.title },
    items: [self, ...inside.nets.flatMap((net) => netItem(net, id)), ...within],
  };
}

function innerEdges(node: SceneNode, id: string): Edge[] {
  const { nodes, nets } = node.inside ?? { nodes: [], nets: [] };
  const seats = nodes.map((one) => seatOf(one, id));
  return nets.flatMap((net) => edgesOf(net, seats, id));
}

function edgesOf(net: Net, seats: readonly Seat[], prefix: string): Edge[] {
  const tips = seats.flatMap((seat) =>
    seat.node.ends.filter((end) => end.net === net.id).map((end) => ({ end, tip: tipOf(seat, end) })),
  );
  const dashed = net.kind === 'tunnel';
  if (net.kind === 'cable') {
    const [a, b] = tips;
    return a && b ? [{ ends: [a.tip, b.tip], title: net.title.join(' · '), dashed }] : [];
  }
  const hub = net.kind === 'stub' ? prefix : idOf(prefix, net.id);
  return tips.map(({ end, tip }) => ({ ends: [{ id: hub, text: end.far.join(' ') }, tip], title: '', dashed }));
}

const tipOf = ({ id, node }: Seat, end: End): Tip => ({
  id: end.inward && node.inside !== undefined ? idOf(id, end.into ?? bridgeName) : id,
  text: end.lines.join(' '),
});
