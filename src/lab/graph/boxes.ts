/** Nodes as boxes: their interfaces at the edge, beneath it their name, within it what is on them. Pure. */

import { bridgeName } from '../topology/model.ts';
import { arrange, type Piece } from './arrange.ts';
import type { Slot } from './channel.ts';
import {
  centred,
  type Drawing,
  freeColumn,
  moved,
  type Span,
  sized,
  type Text,
  together,
  type Wire,
  widest,
} from './drawing.ts';
import { type Columns, listed } from './list.ts';
import type { End, Scene, SceneNode } from './scene.ts';

export interface Look {
  /** Columns. */
  readonly width: number;
  /** Containers in a list, a line for each. */
  readonly dense: boolean;
  readonly columns: Columns;
  /** Containers have no air beside their texts. */
  readonly tight: boolean;
}

/** The frame and a column of air, on both sides. */
const airy = 2;

/** Between two interfaces. */
const apart = 2;

const slotWidth = ({ lines, far }: End): number => Math.max(widest(lines), widest(far), 3);

/** @param upsideDown with its interfaces at its lower edge */
export function pieceOf(node: SceneNode, look: Look, upsideDown = false): Piece {
  const margin = look.tight && node.kind === 'container' ? 1 : airy;
  const needed = node.ends.reduce((sum, end) => sum + slotWidth(end) + apart, -apart);
  const draft = node.inside === undefined ? undefined : within(node.inside, [], look);
  const inner = Math.max(needed, node.title.length, widest(node.notes), draft?.width ?? 0);
  const slots = slotsOf(node, margin + Math.floor((inner - needed) / 2));
  const labels = Math.max(0, ...node.ends.map(({ lines }) => lines.length));
  const inward = node.ends.flatMap((end, at) => {
    const slot = slots[at];
    return end.inward && slot !== undefined ? [{ ...slot, depth: end.lines.length, into: end.into ?? bridgeName }] : [];
  });
  const first = upsideDown ? 1 : 1 + labels;
  const texts = headings(node, { margin, inner, centre: slots[0]?.x ?? margin + (inner - 1) / 2, inward, y: first });
  const from = first + texts.length;
  const inside = node.inside === undefined ? undefined : contents(node.inside, inward, look, from);
  const height = Math.max(from, inside?.height ?? 0) + (upsideDown ? labels : 0) + 1;
  // A text may stand right of the wires that go on into it.
  const written = Math.max(0, ...texts.map(({ x, text }) => Math.ceil(x + text.length) - margin));
  const width = Math.max(inner, written, (inside?.width ?? 0) - margin) + 2 * margin;
  const edge = upsideDown ? height - 1 - labels : 1;
  const own = node.ends.flatMap(({ lines }, at) => centred(lines, slots[at]?.x ?? 0, edge));
  const box = { x: 0, y: 0, width, height, kind: node.kind };
  const drawing = together(
    sized({ boxes: [box], texts: [...own, ...texts] }),
    ...(inside === undefined ? [] : [inside]),
  );
  return { drawing, slots: slots.map((slot) => ({ ...slot, box: { from: 0, to: width - 1 } })) };
}

function slotsOf(node: SceneNode, start: number): Slot[] {
  let from = start;
  return node.ends.map((end) => {
    const width = slotWidth(end);
    const span = { from, to: from + width - 1 };
    const slot = { net: end.net, far: end.far, ...span, x: from + Math.floor((width - 1) / 2), box: span };
    from += width + apart;
    return slot;
  });
}

interface Place {
  readonly margin: number;
  readonly inner: number;
  /** Of what has one interface at most. */
  readonly centre: number;
  readonly inward: readonly Slot[];
  readonly y: number;
}

/** Its name and what else is to be known, beside the wires that go on into it. */
function headings({ title, notes, ends, inside }: SceneNode, { margin, inner, centre, inward, y }: Place): Text[] {
  const taken: Span[] = inward.map(({ x }) => ({ from: x, to: x }));
  const middle = inside === undefined && ends.length < 2;
  return [title, ...notes].map((text, at) => {
    const ideal = centre - (text.length - 1) / 2;
    const start = middle ? Math.min(Math.max(margin, ideal), margin + inner - text.length) : margin;
    return { text, role: at === 0 ? 'name' : 'note', x: freeColumn(text.length, start, taken), y: y + at };
  });
}

type Inward = Slot & { readonly depth: number; readonly into: string };

/** @param top the row where it may begin */
function contents(inside: Scene, inward: readonly Inward[], look: Look, top: number): Drawing {
  const above = inward.map((slot) => shiftedInto(slot, slot.into));
  const drawing = moved(within(inside, above, look), { x: airy, y: top });
  const wires: Wire[] = inward.map(({ x, depth }) => ({
    kind: 'cable',
    points: [
      { x, y: depth + 1 },
      { x, y: top - 1 },
    ],
  }));
  return together(drawing, sized({ wires: wires.filter(({ points: [a, b] }) => (a?.y ?? 0) < (b?.y ?? 0)) }));
}

const shiftedInto = (slot: Slot, net: string): Slot => ({
  ...{ net, far: [] },
  ...{ x: slot.x - airy, from: slot.x - airy - 1, to: slot.x - airy + 1 },
  box: { from: slot.x - airy - 1, to: slot.x - airy + 1 },
});

function within(inside: Scene, above: readonly Slot[], look: Look): Drawing {
  const plain = inside.nodes.every(({ ends }) => ends.length === 1 && ends[0]?.far.length !== 0);
  if (look.dense && plain) return listed(inside, above, look.columns);
  const narrower = { ...look, width: look.width - 2 * airy };
  const pieces = inside.nodes.map((node) => pieceOf(node, narrower));
  return arrange({ nets: inside.nets, pieces, heads: [], above, width: narrower.width });
}
