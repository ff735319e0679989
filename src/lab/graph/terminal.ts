/** A drawing in box characters (Unicode 2500 to 257F). Pure. */
import type { Box, Drawing, Point, Wire } from './drawing.ts';

type Weight = 0 | 1 | 2;
/** How heavy the line is that leaves a cell's middle: up, right, down, left. */
type Arms = [Weight, Weight, Weight, Weight];

const characters: Readonly<Record<string, string>> = {
  ...{ '0101': '─', '1010': '│', '0110': '┌', '0011': '┐', '1100': '└', '1001': '┘' },
  ...{ '1110': '├', '1011': '┤', '0111': '┬', '1101': '┴', '1111': '┼' },
  ...{ '0202': '━', '2020': '┃', '0220': '┏', '0022': '┓', '2200': '┗', '2002': '┛' },
  ...{ '2220': '┣', '2022': '┫', '0222': '┳', '2202': '┻', '2222': '╋' },
  ...{ '0212': '┯', '1202': '┷', '1212': '┿', '2120': '┠', '2021': '┨', '2121': '╂' },
  ...{ '0100': '─', '0001': '─', '1000': '│', '0010': '│', '0200': '━', '0002': '━', '2000': '┃', '0020': '┃' },
};

const heavyBoxes = new Set(['bridge', 'switch']);

interface Cell {
  readonly arms: Arms;
  readonly dashed: boolean;
}

export function terminal(drawing: Drawing): string {
  const paper = new Paper(drawing);
  for (const box of drawing.boxes) paper.box(box);
  for (const wire of drawing.wires) paper.wire(wire);
  for (const { x, y, text } of drawing.texts) paper.text(Math.ceil(x), y, text);
  return paper.lines();
}

class Paper {
  readonly #cells: (Cell | undefined)[][];
  readonly #signs = new Map<string, string>();

  constructor({ width, height }: Drawing) {
    this.#cells = Array.from({ length: height }, () => new Array<Cell | undefined>(width).fill(undefined));
  }

  box({ x, y, width, height, kind }: Box): void {
    const weight = heavyBoxes.has(kind) ? 2 : 1;
    if (height === 1) {
      this.#signs.set(`${x} ${y}`, '[').set(`${x + width - 1} ${y}`, ']');
      return;
    }
    // What shows no frame is told by its text.
    if (kind === 'port') return;
    const [right, bottom] = [x + width - 1, y + height - 1];
    this.#line({ x, y }, { x: right, y }, weight);
    this.#line({ x, y: bottom }, { x: right, y: bottom }, weight);
    this.#line({ x, y }, { x, y: bottom }, weight);
    this.#line({ x: right, y }, { x: right, y: bottom }, weight);
  }

  /** Where it only passes another line, it passes over it. */
  wire({ points, kind }: Wire): void {
    const [from, to] = points;
    if (from === undefined || to === undefined) return;
    this.#line(from, to, kind === 'trunk' ? 2 : 1, kind === 'tunnel', true);
  }

  text(x: number, y: number, text: string): void {
    for (const [at, sign] of [...text].entries()) this.#signs.set(`${x + at} ${y}`, sign);
  }

  #line(from: Point, to: Point, weight: Weight, dashed = false, wire = false): void {
    const upright = from.x === to.x;
    const length = upright ? to.y - from.y : to.x - from.x;
    for (let step = 0; step <= length; step += 1) {
      const [x, y] = upright ? [from.x, from.y + step] : [from.x + step, from.y];
      const [back, on] = [step === 0 ? 0 : weight, step === length ? 0 : weight];
      this.#join(x, y, upright ? [back, 0, on, 0] : [0, on, 0, back], dashed, wire);
    }
  }

  #join(x: number, y: number, arms: Arms, dashed: boolean, wire: boolean): void {
    const row = this.#cells[y];
    if (row === undefined) return;
    const old = row[x];
    if (old === undefined || (wire && passes(arms) && passes(old.arms) && isUpright(arms) !== isUpright(old.arms))) {
      const over = old === undefined || isUpright(arms) ? { arms, dashed } : old;
      row[x] = over;
      return;
    }
    row[x] = { arms: old.arms.map((arm, at) => Math.max(arm, arms[at] ?? 0)) as Arms, dashed: false };
  }

  lines(): string {
    return this.#cells
      .map(
        (row, y) =>
          `${row
            .map((cell, x) => this.#sign(x, y, cell))
            .join('')
            .trimEnd()}\n`,
      )
      .join('');
  }

  #sign(x: number, y: number, cell: Cell | undefined): string {
    const sign = this.#signs.get(`${x} ${y}`);
    if (sign !== undefined) return sign;
    if (cell === undefined) return ' ';
    const { arms, dashed } = cell;
    if (dashed && passes(arms)) return isUpright(arms) ? '╎' : '╌';
    const light = arms.map((arm) => Math.min(arm, 1)).join('');
    return characters[arms.join('')] ?? characters[light] ?? ' ';
  }
}

const isUpright = ([up, , down]: Arms): boolean => up > 0 || down > 0;

/** Straight through. */
const passes = ([up, right, down, left]: Arms): boolean =>
  (up > 0 && down > 0 && right === 0 && left === 0) || (right > 0 && left > 0 && up === 0 && down === 0);
