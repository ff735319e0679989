/** A screen as SVG 1.1, for the documents. */
import { cells } from '../../cli/text.ts';
import type { Line, Style } from '../line.ts';

/** Pixels of a cell. */
const cell = { width: 8.4, height: 18 } as const;
const border = 12;

/** As a dark terminal shows them. */
const ink: Readonly<Record<Style, { readonly text: string; readonly ground?: string; readonly bold?: true }>> = {
  plain: { text: '#d8dee6' },
  title: { text: '#ffffff', ground: '#1f4f8f', bold: true },
  dim: { text: '#8593a3' },
  good: { text: '#56c288' },
  warn: { text: '#e0b050' },
  bad: { text: '#f07070', bold: true },
  accent: { text: '#5fc9d9' },
  select: { text: '#10161d', ground: '#cfd8e3' },
  cursor: { text: '#10161d', ground: '#ffffff', bold: true },
  strong: { text: '#ffffff', bold: true },
};

export function pictureOf(lines: readonly Line[], title: string): string {
  const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + cells(text), 0)));
  const width = Math.ceil(columns * cell.width + 2 * border);
  const height = lines.length * cell.height + 2 * border;
  const drawn = lines.flatMap(drawLine);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<style>text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; }</style>
<rect width="${width}" height="${height}" rx="8" fill="#10161d"/>
${drawn.join('\n')}
</svg>
`;
}

function drawLine(line: Line, row: number): string[] {
  const grounds: string[] = [];
  const texts: string[] = [];
  const top = border + row * cell.height;
  let column = 0;
  for (const { text, style } of line) {
    const { text: fill, ground, bold } = ink[style];
    const [x, width] = [round(border + column * cell.width), round(cells(text) * cell.width)];
    // Half a pixel more, so that neighbours leave no gap.
    if (ground !== undefined)
      grounds.push(
        `<rect x="${x}" y="${top}" width="${round(cells(text) * cell.width + 0.5)}" height="${cell.height}" fill="${ground}"/>`,
      );
    const weight = bold ? ' font-weight="bold"' : '';
    if (text.trim() !== '') {
      const length = ` textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
      texts.push(`<text x="${x}" y="${top + 14}" fill="${fill}"${weight}${length}>${escaped(text)}</text>`);
    }
    column += cells(text);
  }
  return [...grounds, ...texts];
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');
