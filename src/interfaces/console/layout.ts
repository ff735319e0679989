/** Which part of the screen is whose. Rows and cells count from 0. Pure. */
import { rowsOf } from './lists/list.ts';
import type { ListState, ListsView, State } from './state.ts';

export const least = { columns: 60, rows: 12 } as const;

/** Title, menu, breadcrumbs; below: message, keys. */
const above = 3;
const below = 2;

export const bodyRows = ({ rows }: Pick<State, 'rows'>): number => Math.max(1, rows - above - below);

/** Heading and column heads of each list. */
export const headRows = 2;

export interface ListPlace {
  readonly list: ListState;
  /** Of its heading, on the screen. */
  readonly row: number;
  /** Visible rows of it. */
  readonly height: number;
}

/** The last list of several has what the others leave it. */
export function placesOf(state: State, view: ListsView): ListPlace[] {
  const room = bodyRows(state) - headRows * view.lists.length;
  const shares = view.lists.length === 1 ? [] : [0.3, 0.25];
  let row = above;
  let left = room;
  return view.lists.map((list, at) => {
    const share = shares[at];
    const most = share === undefined ? left : Math.max(1, Math.floor(room * share));
    const height =
      share === undefined ? Math.max(1, left) : Math.min(most, Math.max(1, rowsOf(state, list).items.length));
    const place = { list, row, height };
    row += headRows + height;
    left -= height;
    return place;
  });
}
