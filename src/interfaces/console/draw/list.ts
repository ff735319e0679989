/** A list: heading, column heads, the rows that are visible and no others. Pure. */
import { cells } from '../../cli/text.ts';
import { apart, fitted, type Line, padded, type Span, span } from '../line.ts';
import { type Placed, place } from '../lists/column.ts';
import { cellText, type Item, rowsOf, shownOf, tableOf } from '../lists/list.ts';
import type { ListState, State } from '../state.ts';

/** The pointer before each row. */
const margin = 2;
const gap = '  ';

function titleOf({ settings }: State, list: ListState, column: Placed<Item>['column']): string {
  const { say, glyphs } = settings;
  const mark = list.sort === column.id ? (list.descending ? glyphs.descending : glyphs.ascending) : '';
  return say(column.title) + mark;
}

interface Laid {
  readonly placed: readonly Placed<Item>[];
  /** Visible rows, each with a text per column of the table. */
  readonly rows: readonly { readonly item: Item; readonly texts: ReadonlyMap<string, string> }[];
}

function laidOut(state: State, list: ListState, height: number): Laid {
  const { columns } = tableOf(list.subject);
  const shown = shownOf(state);
  const rows = rowsOf(state, list)
    .items.slice(list.top, list.top + height)
    .map((item) => ({ item, texts: new Map(columns.map((column) => [column.id, cellText(column, item, shown)])) }));
  // A column in which nothing stands would only take room; where one stands is told.
  const used = columns.filter(
    ({ id, rank }) =>
      rank < 4 || id === list.column || id === list.sort || rows.some(({ texts }) => texts.get(id) !== ''),
  );
  const texts = used.map((column) => [
    titleOf(state, list, column),
    ...rows.map((row) => row.texts.get(column.id) ?? ''),
  ]);
  return { placed: place(used, texts, state.columns - margin), rows };
}

/** Where the heads stand, for whoever clicks. */
export function headPlaces(
  state: State,
  list: ListState,
  height: number,
): { readonly column: string; readonly from: number; readonly to: number }[] {
  let from = margin;
  return laidOut(state, list, height).placed.map(({ column, width }) => {
    const head = { column: column.id, from, to: from + width };
    from = head.to + gap.length;
    return head;
  });
}

/** @returns heading, heads and `height` rows */
export function drawList(state: State, list: ListState, height: number, isFocused: boolean): Line[] {
  const { say, glyphs } = state.settings;
  const { placed, rows } = laidOut(state, list, height);
  const body = rows.map(({ item, texts }, at): Line => {
    const isHere = isFocused && list.top + at === list.index;
    const drawn = placed.flatMap(({ column, width }, i): Span[] => {
      const text = padded(texts.get(column.id) ?? '', width, column.align);
      const style = isHere ? (column.id === list.column ? 'cursor' : 'select') : (column.style?.(item) ?? 'plain');
      return [span(text, style), ...(i < placed.length - 1 ? [span(gap, isHere ? 'select' : 'plain')] : [])];
    });
    return fitted([span(isHere ? `${glyphs.pointer} ` : '  ', isHere ? 'select' : 'plain'), ...drawn], state.columns);
  });
  const empty = body.length === 0 ? [fitted([span(`  ${emptyText(state, list)}`, 'dim')], state.columns)] : [];
  const all = [heading(state, list, isFocused), heads(state, list, placed, isFocused), ...body, ...empty];
  const blank = fitted([], state.columns);
  return Array.from({ length: height + 2 }, (_, at) => all[at] ?? blank);

  function emptyText(of: State, { subject }: ListState): string {
    if (!of.data.complete) return say('loading');
    return rowsOf(of, list).filtered || list.filter !== '' ? say('empty.filtered') : say(`empty.${subject}`);
  }
}

function heading(state: State, list: ListState, isFocused: boolean): Line {
  const { say, glyphs } = state.settings;
  const { items, hidden } = rowsOf(state, list);
  const count = items.length === 0 ? '0' : say('row.of', { row: isFocused ? list.index + 1 : '', count: items.length });
  const note = hidden > 0 ? ` ${say('count.hidden', { count: hidden })}` : '';
  const text = `${say(list.subject)} ${isFocused ? count : items.length}${note} `;
  const style = isFocused ? 'accent' : 'dim';
  const rule = glyphs.rule.repeat(Math.max(0, state.columns - cells(text) - 1));
  return apart([span(`${glyphs.rule}${text}`, style), span(rule, 'dim')], [], state.columns);
}

function heads(state: State, list: ListState, placed: readonly Placed<Item>[], isFocused: boolean): Line {
  const drawn = placed.flatMap(({ column, width }, at): Span[] => {
    const isHere = isFocused && list.column === column.id;
    const text = padded(titleOf(state, list, column), width, column.align);
    return [span(text, isHere ? 'cursor' : 'strong'), ...(at < placed.length - 1 ? [span(gap)] : [])];
  });
  return fitted([span('  '), ...drawn], state.columns);
}
