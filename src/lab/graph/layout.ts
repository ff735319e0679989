/** A lab laid out on a page: outside, routers and switches at the top, hosts in rows, containers in their hosts. Pure. */
import { arrange } from './arrange.ts';
import { type Look, pieceOf } from './boxes.ts';
import { type Drawing, moved, sized, together } from './drawing.ts';
import { columnsOf } from './list.ts';
import type { Scene, SceneNode } from './scene.ts';

/** More containers than that, in all or on one host, are listed. */
const mostBoxes = { all: 24, host: 4 } as const;

/** @param width columns to stay within, where the widest box allows it */
export function layout(scene: Scene, width: number): Drawing {
  const columns = columnsOf(scene.nodes.flatMap(({ inside }) => inside?.nodes ?? []));
  const draw = (dense: boolean, tight: boolean) => page(scene, { width, dense, tight, columns });
  if (isLarge(scene)) return draw(true, false);
  const [airy, tight] = [draw(false, false), draw(false, true)];
  const better = tight.height < airy.height || airy.width > width ? tight : airy;
  return better.width <= width ? better : draw(true, false);
}

function isLarge({ nodes }: Scene): boolean {
  const counts = nodes.map(({ inside }) => inside?.nodes.length ?? 0);
  return (
    counts.some((count) => count > mostBoxes.host) || counts.reduce((sum, count) => sum + count, 0) > mostBoxes.all
  );
}

const isHead = ({ kind }: SceneNode): boolean => kind === 'outside' || kind === 'router';

function page({ nodes, nets }: Scene, look: Look): Drawing {
  const above = nodes.filter(isHead).map((node) => pieceOf(node, look, true));
  const needed = above.reduce((sum, { drawing }) => sum + drawing.width + 2, 0);
  const some = above.length > 0 && above.length < nodes.length && needed <= look.width;
  const rest = some ? nodes.filter((node) => !isHead(node)) : nodes;
  const pieces = rest.map((node) => pieceOf(node, look));
  const drawing = arrange({ nets, pieces, heads: some ? above : [], above: [], width: look.width });
  return trimmed(drawing);
}

/** Without empty rows at its upper edge and columns at its left. */
function trimmed(drawing: Drawing): Drawing {
  const points = [...drawing.boxes, ...drawing.texts, ...drawing.wires.flatMap((wire) => wire.points)];
  if (points.length === 0) return drawing;
  const by = { x: -Math.floor(Math.min(...points.map(({ x }) => x))), y: -Math.min(...points.map(({ y }) => y)) };
  return together(sized(moved(drawing, by)));
}
