/** What must not be in a drawing. */
import type { Box, Drawing, Text } from '../drawing.ts';

/** Texts that touch another on their row. */
function overlaps({ texts }: Drawing): string[] {
  const rows = Map.groupBy(texts, ({ y }) => y);
  return [...rows.values()].flatMap((row) => {
    const sorted = [...row].sort((a, b) => a.x - b.x);
    return sorted.flatMap((text, at) => {
      const next = sorted[at + 1];
      return next !== undefined && text.x + text.text.length >= next.x ? [`${text.text} | ${next.text}`] : [];
    });
  });
}

export const holds = (box: Box, { x, y, text }: Text) =>
  x >= box.x && x + text.length <= box.x + box.width && y >= box.y && y < box.y + box.height;
const touches = (box: Box, { x, y, text }: Text) =>
  x < box.x + box.width && x + text.length > box.x && y >= box.y && y < box.y + box.height;
/** Texts that lie across the edge of a box. */
const cutTexts = ({ texts, boxes }: Drawing) =>
  texts.filter((text) => boxes.some((box) => touches(box, text) && !holds(box, text))).map(({ text }) => text);

/** Boxes that overlap another without being in it. */
const cutBoxes = ({ boxes }: Drawing) =>
  boxes.filter((a) =>
    boxes.some((b) => {
      const apart = a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height;
      const within = (p: Box, q: Box) =>
        p.x >= q.x && p.y >= q.y && p.x + p.width <= q.x + q.width && p.y + p.height <= q.y + q.height;
      return a !== b && !apart && !within(a, b) && !within(b, a);
    }),
  );

interface Line {
  readonly upright: boolean;
  /** Its column when upright, else its row. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

const lines = ({ wires }: Drawing): Line[] =>
  wires.flatMap(({ points: [a, b] }) => {
    if (a === undefined || b === undefined) return [];
    return [
      a.x === b.x ? { upright: true, at: a.x, from: a.y, to: b.y } : { upright: false, at: a.y, from: a.x, to: b.x },
    ];
  });

/** Two that would be taken for one. */
const coinciding = (drawing: Drawing) => {
  const all = lines(drawing);
  return all.filter((a, at) =>
    all.some((b, other) => at < other && a.upright === b.upright && a.at === b.at && a.from < b.to && b.from < a.to),
  );
};

const crossedTexts = (drawing: Drawing) =>
  drawing.texts.flatMap(({ x, y, text }) => {
    const hit = lines(drawing).some(({ upright, at, from, to }) =>
      upright ? at >= x && at < x + text.length && from < y && to > y : at === y && from < x + text.length && to >= x,
    );
    return hit ? [text] : [];
  });

export const faults = (drawing: Drawing) => ({
  ...{ texts: overlaps(drawing), cut: cutTexts(drawing), boxes: cutBoxes(drawing) },
  ...{ wires: coinciding(drawing), crossed: crossedTexts(drawing) },
});
export const none = { texts: [], cut: [], boxes: [], wires: [], crossed: [] };
