/** Text for people: tables, sheets, sizes, ages. Pure. */

/** Control characters and marks that turn a terminal's text direction: names and messages come from elsewhere. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Terminal cells that a text takes (Unicode TR 11, without the ambiguous). */
export function cells(text: string): number {
  let count = 0;
  for (const character of text) count += /\p{M}/u.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return count;
}

/** On one line, and harmless to a terminal. */
export function printable(text: string): string {
  return text.replace(/\s/g, ' ').replace(unprintable, '').replace(/ +/g, ' ');
}

/** At most `width` cells; what is cut is shown as `…`. */
export function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (cells(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** A header and rows in columns two apart; never wraps. @param width cells of the terminal; undefined: no limit. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const lines = [header, ...rows.map((row) => row.map((cell) => printable(cell) || '-'))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => cells(line[column] ?? ''))));
  return lines
    .map((line) => line.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - cells(cell))).join('  '))
    .map((line) => line.trimEnd())
    .map((line) => `${width === undefined ? line : cut(line, width)}\n`)
    .join('');
}

/** Labels and values beneath each other; a list takes a line per item. */
export function sheet(entries: readonly (readonly [label: string, value: string | readonly string[]])[]): string {
  const widest = Math.max(...entries.map(([label]) => cells(label)));
  const lines = entries.flatMap(([label, value]) => {
    const items = typeof value === 'string' ? [value] : value.length === 0 ? ['none'] : value;
    return items.map((item, at) => [at === 0 ? `${label}:` : '', printable(item) || '-'] as const);
  });
  return lines.map(([label, item]) => `${label.padEnd(widest + 2)}${item}\n`).join('');
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** 1536 → `1.5 KiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 and more would print as four digits.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 0.123 → `12%`. */
export const percent = (share: number): string => `${Math.round(share * 100)}%`;

const steps = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const;

/** How long ago, in its largest unit: `5m`. */
export function age(since: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  for (const [length, unit] of steps) if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  return `${seconds}s`;
}

/** Words that begin a sentence with a capital only because they begin it. */
const ordinary =
  /^(?:A|An|Another|At|Everything|History|It|Many|More|No|Nobody|Nothing|One|Port|Some|That|The|There|This|What|Who)\b/;

/** A sentence of whatever room as we say it after a colon: begun in lower case, without a full stop. */
export const clause = (sentence: string): string =>
  sentence
    .trim()
    .replace(/(?<!\.)\.$/, '')
    .replace(ordinary, (word) => word.toLowerCase());

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
