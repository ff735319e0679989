/** Boxes in rows, joined by what is between them. Pure. */
import { channel, type Slot } from './channel.ts';
import { type Drawing, moved, sized, together } from './drawing.ts';
import type { Net } from './scene.ts';

/** A box with everything in it, and where it is plugged in at its edge: its upper one, of a head its lower one. */
export interface Piece {
  readonly drawing: Drawing;
  readonly slots: readonly Slot[];
}

interface Arrangement {
  readonly nets: readonly Net[];
  readonly pieces: readonly Piece[];
  /** Above the first row. */
  readonly heads: readonly Piece[];
  /** Slots of what surrounds all this; their wires begin in row -1. */
  readonly above: readonly Slot[];
  /** Columns; taken as more where a single box is wider. */
  readonly width: number;
}

const gap = 2;
const laneWidth = 3;

export function arrange(given: Arrangement): Drawing {
  const { rows, lanes } = rowsAndLanes(given);
  const gutter = lanes.size * laneWidth;
  const placed = rows.map((row) => placeRow(row, gutter));
  const heads = placeHeads(given.heads, placed[0]?.slots ?? [], gutter);
  const parts: Drawing[] = [heads.drawing];
  const named = new Set<string>();
  const joints = new Map<string, number[]>();
  let y = heads.drawing.height;
  for (const [at, row] of (placed.length === 0 ? [placeRow([], gutter)] : placed).entries()) {
    const above = at === 0 ? [...given.above.map((slot) => ({ ...slot, y: -1 })), ...heads.slots] : [];
    const here = new Set([...above, ...row.slots].map(({ net }) => net));
    const nets = given.nets.filter((net) => here.has(net.id) || (at === 0 && isNowhere(net, given)));
    const strip = channel({ nets, above, below: row.slots, lanes, gutter, named });
    for (const net of nets) named.add(net.id);
    for (const [net, joint] of strip.joints) joints.set(net, [...(joints.get(net) ?? []), y + joint]);
    parts.push(moved(strip.drawing, { x: 0, y }), moved(row.drawing, { x: 0, y: y + strip.height }));
    y += strip.height + row.drawing.height + (strip.height === 0 ? 1 : 0);
  }
  return together(...parts, laneWires(given.nets, lanes, joints));
}

const isNowhere = ({ id }: Net, { pieces, heads, above }: Arrangement): boolean =>
  ![...pieces, ...heads].some(({ slots }) => slots.some(({ net }) => net === id)) &&
  !above.some(({ net }) => net === id);

type Lanes = ReadonlyMap<string, number>;

/** Lanes take columns from rows, and rows make lanes. */
function rowsAndLanes(given: Arrangement): { rows: readonly Piece[][]; lanes: Lanes } {
  let reserved = 0;
  for (;;) {
    const rows = flow(given.pieces, given.width - reserved * laneWidth);
    const lanes = lanesOf(rows, given);
    if (lanes.size <= reserved) return { rows, lanes };
    reserved = lanes.size;
  }
}

/** As few rows as there is width for, and about as many in each. */
function flow(pieces: readonly Piece[], width: number): Piece[][] {
  const greedy = filled(pieces, width, pieces.length);
  const even = filled(pieces, width, Math.ceil(pieces.length / Math.max(1, greedy.length)));
  return even.length === greedy.length ? even : greedy;
}

function filled(pieces: readonly Piece[], width: number, most: number): Piece[][] {
  const rows: Piece[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    if (used + gap + piece.drawing.width > width || rows.at(-1)?.length === most) {
      rows.push([]);
      used = -gap;
    }
    rows.at(-1)?.push(piece);
    used += gap + piece.drawing.width;
  }
  return rows;
}

/** The nets that are met in several rows. */
function lanesOf(rows: readonly Piece[][], { nets, heads, above }: Arrangement): Lanes {
  const first = [...above, ...heads.flatMap(({ slots }) => slots)];
  const met = rows.map((row, at) => {
    const slots = [...row.flatMap((piece) => piece.slots), ...(at === 0 ? first : [])];
    return new Set(slots.map(({ net }) => net));
  });
  const several = nets.filter(({ id }) => met.filter((row) => row.has(id)).length > 1);
  return new Map(several.map(({ id }, at) => [id, at * laneWidth]));
}

function placeRow(row: readonly Piece[], gutter: number): Piece {
  let x = gutter;
  const drawings: Drawing[] = [];
  const slots: Slot[] = [];
  for (const piece of row) {
    drawings.push(moved(piece.drawing, { x, y: 0 }));
    slots.push(...piece.slots.map((slot) => shifted(slot, x)));
    x += piece.drawing.width + gap;
  }
  return { drawing: together(...drawings), slots };
}

const shifted = ({ box, ...slot }: Slot, by: number): Slot => ({
  ...{ ...slot, x: slot.x + by, from: slot.from + by, to: slot.to + by },
  box: { from: box.from + by, to: box.to + by },
});

/** Each above what it is joined to, where there is room, and never with a wire in the column of another's or of its name. */
function placeHeads(heads: readonly Piece[], below: readonly Slot[], gutter: number) {
  let free = gutter;
  const drawings: Drawing[] = [];
  const slots: (Slot & { y: number })[] = [];
  for (const { drawing, slots: own } of heads) {
    let x = Math.max(free, wanted(own, below));
    while (own.some((slot) => below.some((other) => collides(shifted(slot, x), other)))) x += 1;
    drawings.push(moved(drawing, { x, y: 0 }));
    slots.push(...own.map((slot) => ({ ...shifted(slot, x), y: drawing.height - 1 })));
    free = x + drawing.width + gap;
  }
  const all = together(...drawings);
  // The strip beneath begins at the heads' lower edge.
  const edges = slots.map((slot) => ({ ...slot, y: slot.y - all.height }));
  return { drawing: all, slots: edges };
}

const within = ({ from, to }: Slot, x: number): boolean => x >= from && x <= to;

const collides = (a: Slot, b: Slot): boolean => a.net !== b.net && (within(a, b.x) || within(b, a.x));

function wanted(own: readonly Slot[], below: readonly Slot[]): number {
  const [first] = own;
  if (first === undefined) return 0;
  const columns = below.filter(({ net }) => net === first.net).map(({ x }) => x);
  if (columns.length === 0) return 0;
  return Math.floor((Math.min(...columns) + Math.max(...columns)) / 2) - first.x;
}

function laneWires(nets: readonly Net[], lanes: Lanes, joints: ReadonlyMap<string, readonly number[]>): Drawing {
  const wires = nets.flatMap(({ id, kind }) => {
    const [x, rows = []] = [lanes.get(id), joints.get(id)];
    if (x === undefined || rows.length < 2) return [];
    const points = [Math.min(...rows), Math.max(...rows)].map((y) => ({ x, y }));
    return [{ points, kind: kind === 'cable' || kind === 'tunnel' ? kind : ('trunk' as const) }];
  });
  return sized({ wires });
}
