/** Marks and little charts, for terminals with and without Unicode. Pure. */

export interface Glyphs {
  readonly bars: readonly string[];
  readonly full: string;
  readonly empty: string;
  readonly ascending: string;
  readonly descending: string;
  readonly crumb: string;
  readonly pointer: string;
  readonly received: string;
  readonly sent: string;
  readonly rule: string;
}

const unicode: Glyphs = {
  bars: [...'▁▂▃▄▅▆▇█'],
  ...{
    full: '█',
    empty: '░',
    ascending: '↑',
    descending: '↓',
    crumb: ' › ',
    pointer: '▸',
    received: '↓',
    sent: '↑',
    rule: '─',
  },
};
const ascii: Glyphs = {
  bars: [...'_.-=+*#@'],
  ...{
    full: '#',
    empty: '.',
    ascending: '^',
    descending: 'v',
    crumb: ' > ',
    pointer: '>',
    received: '<',
    sent: '>',
    rule: '-',
  },
};

export const glyphsFor = (isUnicode: boolean): Glyphs => (isUnicode ? unicode : ascii);

/** The newest at the right; `most` is a full bar. Exactly `width` cells. */
export function sparkline(values: readonly number[], most: number, width: number, { bars }: Glyphs): string {
  const shown = values.slice(-width).map((value) => {
    const share = most <= 0 ? 0 : Math.min(1, Math.max(0, value / most));
    return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))] ?? '';
  });
  return shown.join('').padStart(width);
}

/** Share 0…1 of `width` cells. */
export function gauge(share: number, width: number, { full, empty }: Glyphs): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return full.repeat(filled) + empty.repeat(width - filled);
}
