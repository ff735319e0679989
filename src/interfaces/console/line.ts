/** A line of the screen: pieces of text with a meaning, which colours and attributes stand for. Pure. */
import { cells, cut } from '../cli/text.ts';

/** What a piece is; `select` is the row or field that one is on. */
export type Style = 'plain' | 'title' | 'dim' | 'good' | 'warn' | 'bad' | 'accent' | 'select' | 'cursor' | 'strong';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });

export const textOf = (pieces: Line): string => pieces.map(({ text }) => text).join('');

export const widthOf = (pieces: Line): number => pieces.reduce((sum, { text }) => sum + cells(text), 0);

/** Cut or filled to exactly so many cells. */
export function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const kept = width < 1 ? '' : cut(text, width);
  const space = ' '.repeat(Math.max(0, width - cells(kept)));
  return align === 'left' ? kept + space : space + kept;
}

/** Exactly so many cells; the last piece's style goes on to the edge if it is a bar's. */
export function fitted(pieces: Line, width: number): Line {
  const kept: Span[] = [];
  let left = width;
  for (const piece of pieces) {
    if (left <= 0) break;
    const text = cut(piece.text, left);
    kept.push({ text, style: piece.style });
    left -= cells(text);
  }
  const style = kept.at(-1)?.style ?? 'plain';
  const filler = style === 'title' || style === 'select' ? style : 'plain';
  return left > 0 ? [...kept, span(' '.repeat(left), filler)] : kept;
}

/** One at the left edge, one at the right; the right one gives way. */
export function apart(left: Line, right: Line, width: number, style: Style = 'plain'): Line {
  const room = width - widthOf(left) - widthOf(right);
  return room < 1 ? fitted(left, width) : [...left, span(' '.repeat(room), style), ...right];
}

/** Select Graphic Rendition parameters (ECMA-48 8.3.117). Without colours what matters is bold, underlined or reverse. */
const coloured: Readonly<Record<Style, string>> = {
  plain: '',
  title: '1;37;44',
  dim: '90',
  good: '32',
  warn: '33',
  bad: '1;31',
  accent: '36',
  select: '7',
  cursor: '7;1',
  strong: '1',
};
const colourless: Readonly<Record<Style, string>> = {
  ...{
    plain: '',
    title: '7',
    dim: '',
    good: '',
    warn: '1',
    bad: '1',
    accent: '',
    select: '7',
    cursor: '7;1',
    strong: '1',
  },
};

export function toAnsi(pieces: Line, colours: boolean): string {
  const codes = colours ? coloured : colourless;
  return pieces
    .map(({ text, style }) => (codes[style] === '' || text === '' ? text : `\x1b[${codes[style]}m${text}\x1b[0m`))
    .join('');
}
