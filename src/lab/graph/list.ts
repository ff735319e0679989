/** Containers of a host in a list: a line for each, from its end at the host to its own. Pure. */
import type { Slot } from './channel.ts';
import { type Drawing, freeColumn, type Point, sized, type Text, type Wire, widest } from './drawing.ts';
import type { Scene, SceneNode } from './scene.ts';

const spine = 2;

/** Widths of a line's parts: lists of several hosts look alike. */
export interface Columns {
  /** The end at the host. */
  readonly far: number;
  readonly name: number;
  readonly line: number;
}

export function columnsOf(nodes: readonly SceneNode[]): Columns {
  const ends = nodes.flatMap((node) => node.ends);
  return {
    far: widest(ends.map(({ far }) => far.join(' '))),
    name: widest(nodes.map(({ name }) => name)),
    line: widest(ends.map(({ lines }) => lines.join(' '))),
  };
}

/** @param above wires that end at the bridge */
export function listed({ nodes, nets }: Scene, above: readonly Slot[], columns: Columns): Drawing {
  const bridge = nets.find(({ kind }) => kind === 'bridge');
  const ends = nodes.flatMap(({ name, ends: [end] }) => (end === undefined ? [] : [{ ...end, name }]));
  const chipAt = spine + 3 + columns.far + 4;
  const lineAt = chipAt + 1 + columns.name + 2;
  const chipWidth = lineAt + columns.line + 1 - chipAt;
  const top = bridge === undefined ? 0 : 4;
  const texts: Text[] = [];
  const wires: Wire[] = [];
  for (const [at, { name, far, lines, net }] of ends.entries()) {
    const y = top + at;
    const text = far.join(' ');
    texts.push(
      { text, role: 'device', x: spine + 3, y },
      { text: name, role: 'name', x: chipAt + 1, y },
      { text: lines.join(' '), role: 'device', x: lineAt, y },
    );
    if (net === bridge?.id) wires.push(wire({ x: spine, y }, { x: spine + 1, y }));
    wires.push(wire({ x: spine + 3 + text.length + 1, y }, { x: chipAt - 1, y }));
  }
  const bridged = ends.findLastIndex(({ net }) => net === bridge?.id);
  if (bridged >= 0) wires.push(wire({ x: spine, y: top - 1 }, { x: spine, y: top + bridged }));
  const boxes = ends.map((_, at) => ({ x: chipAt, y: top + at, width: chipWidth, height: 1, kind: 'container' }));
  if (bridge === undefined) return sized({ boxes, wires, texts });
  const rail = railOf(bridge.title.join(' · '), above, chipAt + chipWidth);
  return sized({
    boxes: [rail.box, ...boxes],
    wires: [...above.map(({ x }) => wire({ x, y: -1 }, { x, y: 1 })), ...wires],
    texts: [rail.title, ...texts],
  });
}

function railOf(text: string, above: readonly Slot[], least: number) {
  const title: Text = { text, role: 'name', y: 2, x: freeColumn(text.length, 2, []) };
  const width = Math.max(least, title.x + text.length + 2, ...above.map(({ to }) => to + 1));
  return { title, box: { x: 0, y: 1, width, height: 3, kind: 'bridge' } };
}

const wire = (from: Point, to: Point): Wire => ({ kind: 'cable', points: [from, to] });
