/** A drawing on squared paper: one character of text to a cell. Whoever shows it scales cells; nothing is moved any more. */

/** Columns and rows of cells, from the upper left. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  /** 1: without a frame. */
  readonly height: number;
  readonly kind: string;
}

/** Through the middles of cells, horizontally and vertically. */
export interface Wire {
  readonly points: readonly Point[];
  readonly kind: 'cable' | 'tunnel' | 'trunk';
}

/** A text in the middle of something may begin in the middle of a cell. */
export interface Text extends Point {
  readonly text: string;
  readonly role: 'name' | 'device' | 'note';
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** What contains comes before what is in it. */
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly texts: readonly Text[];
}

export function moved(drawing: Drawing, by: Point): Drawing {
  const move = <T extends Point>(one: T): T => ({ ...one, x: one.x + by.x, y: one.y + by.y });
  return {
    width: drawing.width + by.x,
    height: drawing.height + by.y,
    boxes: drawing.boxes.map(move),
    wires: drawing.wires.map(({ points, kind }) => ({ points: points.map(move), kind })),
    texts: drawing.texts.map(move),
  };
}

/** One upon the other. */
export function together(...drawings: readonly Drawing[]): Drawing {
  return {
    width: Math.max(0, ...drawings.map(({ width }) => width)),
    height: Math.max(0, ...drawings.map(({ height }) => height)),
    boxes: drawings.flatMap(({ boxes }) => boxes),
    wires: drawings.flatMap(({ wires }) => wires),
    texts: drawings.flatMap(({ texts }) => texts),
  };
}

/** As large as what is in it. */
export function sized(parts: Partial<Omit<Drawing, 'width' | 'height'>>): Drawing {
  const { boxes = [], wires = [], texts = [] } = parts;
  const points = wires.flatMap((wire) => wire.points);
  const right = [...boxes.map((box) => box.x + box.width), ...texts.map(({ x, text }) => x + text.length)];
  const bottom = [...boxes.map((box) => box.y + box.height), ...texts.map(({ y }) => y + 1)];
  return {
    width: Math.ceil(Math.max(0, ...right, ...points.map(({ x }) => x + 1))),
    height: Math.max(0, ...bottom, ...points.map(({ y }) => y + 1)),
    ...{ boxes, wires, texts },
  };
}

export const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map((line) => line.length));

/** Texts beneath each other, their middles at `x`. */
export const centred = (lines: readonly string[], x: number, y: number, role: Text['role'] = 'device'): Text[] =>
  lines.map((text, at) => ({ text, role, x: x - (text.length - 1) / 2, y: y + at }));

/** Columns `from` up to `to`, both of it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The first column from `start` on where a text of this width has a free cell around it. */
export function freeColumn(width: number, start: number, taken: readonly Span[]): number {
  let x = start;
  for (;;) {
    const hit = taken.find(({ from, to }) => from <= x + width && to >= x - 1);
    if (hit === undefined) return x;
    x = hit.to + 2;
  }
}

/** Of the free columns from `least` on, the one that is nearest to `wanted`. */
export function nearestColumn(width: number, wanted: number, least: number, taken: readonly Span[]): number {
  const before = taken
    .map(({ from }) => from - 1 - width)
    .filter((x) => x >= least && freeColumn(width, x, taken) === x);
  const after = [wanted, ...taken.map(({ to }) => to + 2)].map((x) => freeColumn(width, Math.max(x, least), taken));
  return [...after, ...before].reduce((best, x) => (Math.abs(x - wanted) < Math.abs(best - wanted) ? x : best));
}

export const spanOf = ({ x, text }: Text): Span => ({ from: Math.floor(x), to: Math.ceil(x + text.length - 1) });
