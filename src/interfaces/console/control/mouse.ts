/** Clicks: a header sorts, a row is chosen, a choice of the menu is made. Pure. */
import { menuPlaces } from '../draw/header.ts';
import { headPlaces } from '../draw/list.ts';
import { headRows, placesOf } from '../layout.ts';
import { moved } from '../lists/list.ts';
import type { State, Step } from '../state.ts';
import { only, replaced, viewOf } from './go.ts';
import { sortedBy } from './lists.ts';

/** The row of the menu. */
const menuRow = 1;

export function clicked(state: State, at: { readonly column: number; readonly row: number }): Step {
  if (at.row === menuRow) {
    const item = menuPlaces(state).find(({ from, to }) => at.column >= from && at.column < to)?.item;
    return item === undefined ? only(state) : item.act(state);
  }
  const view = viewOf(state);
  if (view.kind !== 'lists') return only(state);
  for (const [focus, { list, row, height }] of placesOf(state, view).entries()) {
    const inList = at.row - row - headRows;
    const put = (next: typeof list) =>
      only(replaced(state, { ...view, focus, lists: view.lists.map((one, i) => (i === focus ? next : one)) }));
    if (at.row === row + 1) {
      const head = headPlaces(state, list, height).find(({ from, to }) => at.column >= from && at.column < to);
      return head === undefined ? only(state) : put({ ...sortedBy(list, head.column), column: head.column });
    }
    if (inList >= 0 && inList < height) return put(moved(state, list, list.top + inList - list.index));
  }
  return only(state);
}
