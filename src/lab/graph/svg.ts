/** A drawing as SVG 1.1, for light and dark. Pure. */
import type { Box, Drawing, Point, Text, Wire } from './drawing.ts';

export type Theme = 'light' | 'dark' | 'auto';

/** Pixels of a cell. */
const cell = { width: 8, height: 19 } as const;
const border = 14;

const shades = {
  light: {
    ...{ page: '#ffffff', text: '#1f2933', note: '#52606d', device: '#243b53', cable: '#486581', tunnel: '#b44d12' },
    ...{ host: '#eef4fb #5b7fa6', container: '#fff8e1 #c58b1b', switch: '#dff3e4 #2f855a', bridge: '#dff3e4 #2f855a' },
    ...{ router: '#f3e8fd #7c4dbd', outside: '#f1f3f5 #7b8794', other: '#f7f7f7 #7b8794' },
  },
  dark: {
    ...{ page: '#0f1720', text: '#e6edf3', note: '#a3b1bf', device: '#cbd8e6', cable: '#8fb0d0', tunnel: '#f0954e' },
    ...{ host: '#172434 #5f86b0', container: '#2f2713 #c99a3d', switch: '#12301f #4fae7b', bridge: '#12301f #4fae7b' },
    ...{ router: '#281b3a #a37be0', outside: '#1e262e #7b8794', other: '#1b2127 #7b8794' },
  },
} as const;

const boxKinds = ['host', 'container', 'switch', 'bridge', 'router', 'outside', 'other'] as const;

export const pixels = ({ width, height }: Drawing) => ({
  width: width * cell.width + 2 * border,
  height: height * cell.height + 2 * border,
});

/** @param name of the lab, for those who cannot see it. @param theme auto: as whoever looks prefers it */
export function svg(drawing: Drawing, name: string, theme: Theme): string {
  const { width, height } = pixels(drawing);
  const frames = drawing.boxes.filter((one) => !isFlat(one));
  const parts = [
    ...[...frames.map(box), ...drawing.wires.map(wire)],
    ...[...drawing.boxes.filter(isFlat).map(box), ...drawing.texts.map(text)],
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(`The lab ${name}`)}</title>
<style>
${styles(theme)}</style>
<rect class="page" width="${width}" height="${height}"/>
<g transform="translate(${border} ${border})">
${parts.join('\n')}
</g>
</svg>
`;
}

function styles(theme: Theme): string {
  const fixed = `text{font:13px "DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre}
.name{font-weight:bold}
path{fill:none;stroke-width:1.5}
.trunk{stroke-width:4}
.tunnel{stroke-dasharray:6 4}
rect{stroke-width:1.5}
`;
  if (theme !== 'auto') return fixed + colours(theme);
  return `${fixed}${colours('light')}@media (prefers-color-scheme: dark){
${colours('dark')}}
`;
}

function colours(theme: 'light' | 'dark'): string {
  const shade = shades[theme];
  const boxes = boxKinds.map((kind) => {
    const [fill, stroke] = shade[kind].split(' ');
    return `.${kind}{fill:${fill};stroke:${stroke}}\n`;
  });
  const [, trunk] = shade.switch.split(' ');
  return `.page{fill:${shade.page};stroke:none}
.name{fill:${shade.text}}
.device{fill:${shade.device}}
.note{fill:${shade.note}}
.cable{stroke:${shade.cable}}
.tunnel{stroke:${shade.tunnel}}
.trunk{stroke:${trunk}}
${boxes.join('')}`;
}

const middle = ({ x, y }: Point) => ({ x: x * cell.width + cell.width / 2, y: y * cell.height + cell.height / 2 });

/** Without a frame in cells of its own: it lies upon the wires that end at it. */
const isFlat = ({ height, kind }: Box): boolean => height === 1 || kind === 'port';

function box(one: Box): string {
  const { x, y, width, height, kind: given } = one;
  const kind = boxKinds.find((one) => one === given) ?? 'other';
  // A frame goes through the middles of its cells; a chip fills its row.
  const flat = isFlat(one);
  const from = flat ? { x: x * cell.width + 2, y: y * cell.height + 1 } : middle({ x, y });
  const across = flat ? width * cell.width - 4 : (width - 1) * cell.width;
  const down = flat ? height * cell.height - 2 : (height - 1) * cell.height;
  return `<rect class="${kind}" x="${from.x}" y="${from.y}" width="${across}" height="${down}" rx="5"/>`;
}

function wire({ points, kind }: Wire): string {
  const line = points.map(middle).map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`);
  return `<path class="${kind}" d="${line.join('')}"/>`;
}

/** `textLength` keeps it in its cells, whatever the font. */
function text({ x, y, text, role }: Text): string {
  const place = `x="${x * cell.width}" y="${y * cell.height + 14}" textLength="${text.length * cell.width}"`;
  return `<text class="${role}" ${place}>${escaped(text)}</text>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '');
