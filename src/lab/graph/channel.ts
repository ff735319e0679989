/** The strip between two rows of boxes, with the nets that join what is above and below it. Pure. */
import {
  centred,
  type Drawing,
  freeColumn,
  nearestColumn,
  type Span,
  sized,
  spanOf,
  type Text,
  type Wire,
  widest,
} from './drawing.ts';
import type { Net } from './scene.ts';

/** A place of a box's edge where a net begins; no two of a row share columns. */
export interface Slot extends Span {
  readonly net: string;
  /** Of its wire. */
  readonly x: number;
  /** What is written at the net's own side. */
  readonly far: readonly string[];
  /** Of its box. */
  readonly box: Span;
}

interface Strip {
  readonly nets: readonly Net[];
  /** Slots of what is above, and the rows of their edges, relative to the strip: none below 0. */
  readonly above: readonly (Slot & { readonly y: number })[];
  readonly below: readonly Slot[];
  /** Of nets that go on in other strips: columns of their lanes, left of everything else. */
  readonly lanes: ReadonlyMap<string, number>;
  /** Columns at the left that belong to lanes. */
  readonly gutter: number;
  /** A net that has been named above is not named in full again. */
  readonly named: ReadonlySet<string>;
}

export interface Channel {
  readonly drawing: Drawing;
  readonly height: number;
  /** The row at which a net's lane is joined. */
  readonly joints: ReadonlyMap<string, number>;
}

/** Height of what a net takes, with the row of wires beneath it. */
const heights = { switch: 4, bridge: 4, cable: 2, tunnel: 2, stub: 2 } as const;

const isRail = ({ kind }: Net): boolean => kind === 'switch' || kind === 'bridge';

/** Nets with something above come first: their wires then cross the fewest others. */
export function channel(strip: Strip): Channel {
  const up = new Set(strip.above.map(({ net }) => net));
  const order = (net: Net) => (net.kind === 'stub' ? 2 : up.has(net.id) ? 0 : 1);
  const nets = [...strip.nets].sort((a, b) => order(a) - order(b));
  const parts: Drawing[] = [];
  const joints = new Map<string, number>();
  let y = 1;
  let stubs = false;
  const rows = new Map<string, number>();
  for (const net of nets) {
    if (net.kind === 'stub' && stubs) y -= heights.stub;
    stubs ||= net.kind === 'stub';
    rows.set(net.id, y);
    y += heights[net.kind];
  }
  const height = nets.length === 0 ? 0 : y + 1;
  for (const net of nets) {
    const part = { strip, net, y: rows.get(net.id) ?? 0, height, passing: passing(strip, rows, net.id) };
    parts.push(isRail(net) ? rail(part) : net.kind === 'stub' ? stub(part) : cable(part));
    joints.set(net.id, part.y + 1);
  }
  const boxes = parts.flatMap((part) => part.boxes);
  const wires = parts.flatMap((part) => part.wires);
  return { drawing: sized({ boxes, wires, texts: parts.flatMap(({ texts }) => texts) }), height, joints };
}

/** Columns of other nets' wires that cross this one's rows. */
function passing({ above, below }: Strip, rows: ReadonlyMap<string, number>, id: string): Span[] {
  const own = rows.get(id) ?? 0;
  const crossing = [
    ...above.filter(({ net }) => net !== id && (rows.get(net) ?? 0) >= own),
    ...below.filter(({ net }) => net !== id && (rows.get(net) ?? 0) <= own),
  ];
  return crossing.map(({ x }) => ({ from: x, to: x }));
}

interface Part {
  readonly strip: Strip;
  readonly net: Net;
  readonly y: number;
  /** Of the strip. */
  readonly height: number;
  readonly passing: readonly Span[];
}

const of = (slots: readonly Slot[], { id }: Net) => slots.filter(({ net }) => net === id);

const separator = ' · ';

function titleOf({ net, strip: { named } }: Part): string {
  return named.has(net.id) ? (net.title[0] ?? '') : net.title.join(separator);
}

/** A bridge: a box with its ports' names at its edges. */
function rail(part: Part): Drawing {
  const { strip, net, y, height, passing } = part;
  const above = strip.above.filter((slot) => slot.net === net.id);
  const below = of(strip.below, net);
  const slots = [...above, ...below];
  const lane = strip.lanes.get(net.id);
  const first = Math.min(...slots.map(({ box }) => box.from));
  const left = lane !== undefined || slots.length === 0 ? strip.gutter : Math.max(strip.gutter, first);
  const upper = above.flatMap(({ far, x }) => centred(far.slice(0, 1), x, y + 1));
  const lower = below.flatMap(({ far, x }) => centred(far.slice(0, 1), x, y + 2));
  const text = titleOf(part);
  const title: Text = {
    ...{ text, role: 'name', y: y + 1 },
    x: freeColumn(text.length, left + 2, [...upper.map(spanOf), ...passing]),
  };
  const right = Math.max(title.x + text.length + 1, ...slots.map(({ box }) => box.to));
  const wires: Wire[] = [
    ...above.map(({ x, y: top }) => straight(x, top, y)),
    ...below.map(({ x }) => straight(x, y + 3, height)),
    ...(lane === undefined ? [] : [level(lane, left, y + 1, 'trunk' as const)]),
  ];
  const box = { x: left, y, width: right - left + 1, height: 4, kind: net.kind };
  return sized({ boxes: [box], wires, texts: [...(text === '' ? [] : [title]), ...upper, ...lower] });
}

/** A line with its name above it. */
function cable(part: Part): Drawing {
  const { strip, net, y, height, passing } = part;
  const above = strip.above.filter((slot) => slot.net === net.id);
  const below = of(strip.below, net);
  const kind = net.kind === 'tunnel' ? 'tunnel' : 'cable';
  const lane = strip.lanes.get(net.id);
  const columns = [...above, ...below].map(({ x }) => x);
  const [from, to] = [Math.min(...columns, lane ?? Number.POSITIVE_INFINITY), Math.max(...columns)];
  const text = titleOf(part);
  const wanted = Math.floor((from + to + 1 - text.length) / 2);
  const taken = [...passing, ...above.map(({ x }) => ({ from: x, to: x }))];
  const title: Text = { text, role: 'note', y, x: nearestColumn(text.length, wanted, strip.gutter, taken) };
  const wires = [
    ...(from < to ? [level(from, to, y + 1, kind)] : []),
    ...above.map(({ x, y: top }) => straight(x, top, y + 1, kind)),
    ...below.map(({ x }) => straight(x, y + 1, height, kind)),
  ];
  return sized({ wires, texts: text === '' ? [] : [title] });
}

/** The host's end of a link to one container. */
function stub({ strip, net, y, height }: Part): Drawing {
  const below = of(strip.below, net);
  return sized({
    boxes: below.map(({ far, x }) => {
      const width = widest(far) + 2;
      return { x: x - Math.floor((widest(far) - 1) / 2) - 1, y, width, height: far.length, kind: 'port' };
    }),
    wires: below.map(({ x, far }) => straight(x, y + far.length - 1, height)),
    texts: below.flatMap(({ far, x }) => centred(far, x, y)),
  });
}

const straight = (x: number, from: number, to: number, kind: Wire['kind'] = 'cable'): Wire => ({
  kind,
  points: [
    { x, y: from },
    { x, y: to },
  ],
});

const level = (from: number, to: number, y: number, kind: Wire['kind']): Wire => ({
  kind,
  points: [
    { x: from, y },
    { x: to, y },
  ],
});
