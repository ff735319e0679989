/** Columns of lists: what they show of an item, how they order, and which of them fit a width. Pure. */
import { cells } from '../../cli/text.ts';
import type { Style } from '../line.ts';
import type { Data, Sample, Settings } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';

/** What a cell may depend on besides its item. */
export interface Shown {
  readonly settings: Settings;
  readonly now: number;
  readonly data: Data;
  readonly history: ReadonlyMap<string, readonly Sample[]>;
  /** Room for charts. */
  readonly wide: boolean;
}

export interface Column<T> {
  readonly id: string;
  readonly title: StringKey;
  /** With Shift it sorts by this column. */
  readonly key: string;
  /** Columns with a higher number go first when there is no room. */
  readonly rank: number;
  /** Cells that it needs at least. */
  readonly least: number;
  readonly align?: 'right';
  text(item: T, shown: Shown): string;
  /** Absent: by its text. Numbers begin with the largest. */
  order?(item: T, shown: Shown): number;
  style?(item: T): Style;
}

/** A list's columns and what they are of. */
export interface Table<T> {
  readonly columns: readonly Column<T>[];
  id(item: T): string;
  labels?(item: T): Readonly<Record<string, string>>;
  isProblem(item: T, shown: Shown): boolean;
}

export interface Placed<T> {
  readonly column: Column<T>;
  readonly width: number;
}

const gap = 2;

/**
 * Columns that fit, in their order, with two cells between them. What does not fit even at its least width goes by rank; what is
 * wider than there is room gives way, the widest first.
 * @param texts per column what stands in it, its title included
 */
export function place<T>(
  columns: readonly Column<T>[],
  texts: readonly (readonly string[])[],
  width: number,
): Placed<T>[] {
  const wanted = columns.map((column, at) => ({
    column,
    width: Math.max(...(texts[at] ?? []).map(cells), 1),
    least: 0,
  }));
  for (const one of wanted) one.least = Math.min(one.width, one.column.least);
  const kept = [...wanted];
  const sum = (of: (one: (typeof wanted)[number]) => number) =>
    kept.reduce((total, one) => total + of(one), gap * (kept.length - 1));
  while (kept.length > 1 && sum(({ least }) => least) > width) {
    const worst = kept.reduce((a, b) => (b.column.rank >= a.column.rank ? b : a));
    kept.splice(kept.indexOf(worst), 1);
  }
  while (sum((one) => one.width) > width) {
    const widest = kept.filter((one) => one.width > one.least).sort((a, b) => b.width - a.width)[0];
    if (widest === undefined) break;
    widest.width -= 1;
  }
  return kept.map((one) => ({ column: one.column, width: one.width }));
}
