/** A list as it is shown: which rows, in which order, where one stands in it. Pure. */
import type { ContainerView } from '../../../protocol/views.ts';
import { printable } from '../../cli/text.ts';
import { parseFilter } from '../filter.ts';
import type { Data, ListState, State, Subject } from '../state.ts';
import { catalogues } from '../strings/strings.ts';
import type { Column, Shown, Table } from './column.ts';
import { containerTable, isStopped } from './containers.ts';
import { eventsOf, eventTable } from './events.ts';
import { networkTable } from './networks.ts';
import { nodeTable } from './nodes.ts';

/** What a list is of, to those who only draw it. */
export type Item = object;

export interface Rows {
  readonly table: Table<Item>;
  readonly items: readonly Item[];
  /** Left out because they have ended. */
  readonly hidden: number;
  /** There are some, and the filter or the toggle leaves none. */
  readonly filtered: boolean;
}

interface Source {
  readonly table: Table<Item>;
  items(data: Data, list: ListState): readonly Item[];
}

const source = <T extends object>(table: Table<T>, items: (data: Data, list: ListState) => readonly T[]): Source => ({
  table: table as unknown as Table<Item>,
  items,
});

const sources: Readonly<Record<Subject, Source>> = {
  nodes: source(nodeTable, ({ nodes }) => nodes),
  networks: source(networkTable, ({ networks }) => networks),
  containers: source(containerTable, containersIn),
  events: source(eventTable, ({ nodes }, { node }) => eventsOf(nodes).filter((one) => (node ?? one.node) === one.node)),
};

function containersIn({ containers }: Data, { node, network }: ListState): readonly ContainerView[] {
  if (node === undefined && network === undefined) return containers;
  return containers.filter(
    (one) =>
      (node === undefined || one.node === node) &&
      (network === undefined || one.networks.some((at) => at.network === network)),
  );
}

export const tableOf = (subject: Subject): Table<Item> => sources[subject].table;

export const newList = (subject: Subject, scope: Pick<ListState, 'node' | 'network'> = {}): ListState => ({
  ...{ subject, ...scope, filter: '', column: '', selected: '', index: 0, top: 0 },
  ...(subject === 'events' ? { sort: 'time', descending: true } : { sort: 'name', descending: false }),
});

/** Room for charts from this many cells on. */
const wideFrom = 110;

export const shownOf = ({ settings, now, data, history, columns }: State): Shown => ({
  ...{ settings, now, data, history, wide: columns >= wideFrom },
});

/** The same list of the same state is asked for several times in a moment. */
const known = new WeakMap<ListState, { readonly of: State; readonly rows: Rows }>();

/** Whatever else has changed, rows stay as long as these are the same. Ages order as what they are counted from. */
const same = (a: State, b: State): boolean =>
  a.data === b.data && a.problems === b.problems && a.stopped === b.stopped && a.history === b.history;

export function rowsOf(state: State, list: ListState): Rows {
  const before = known.get(list);
  if (before !== undefined && same(before.of, state) && before.of.columns === state.columns) return before.rows;
  const rows = computeRows(state, list);
  known.set(list, { of: state, rows });
  return rows;
}

function computeRows(state: State, list: ListState): Rows {
  const table = tableOf(list.subject);
  const shown = shownOf(state);
  const all = sources[list.subject].items(state.data, list);
  const asked = state.problems ? all.filter((item) => table.isProblem(item, shown)) : all;
  const isHidden = (item: Item) =>
    list.subject === 'containers' && !state.stopped && !state.problems && isStopped(item as ContainerView);
  const alive = asked.filter((item) => !isHidden(item));
  const items = list.filter.trim() === '' ? [...alive] : filtered(alive, table, list.filter, shown);
  return {
    table,
    items: sorted(items, table, list, shown),
    hidden: asked.length - alive.length,
    filtered: items.length === 0 && all.length > 0,
  };
}

function filtered(items: readonly Item[], table: Table<Item>, text: string, shown: Shown): Item[] {
  const filter = parseFilter(text);
  return items.filter((item) =>
    filter({
      cells: () => table.columns.map((column) => column.text(item, shown)),
      cell: (name) => {
        const column = table.columns.find((one) => isCalled(one, name));
        return column?.text(item, shown);
      },
      labels: table.labels?.(item) ?? {},
    }),
  );
}

/** By its id, or as its head says in either language. */
const isCalled = ({ id, title }: Column<Item>, name: string): boolean =>
  id === name || Object.values(catalogues).some((catalogue) => catalogue[title].toLowerCase() === name);

function sorted(items: Item[], table: Table<Item>, { sort, descending }: ListState, shown: Shown): Item[] {
  const column = table.columns.find(({ id }) => id === sort) ?? table.columns[0];
  if (column === undefined) return items;
  const keyed = items.map((item) => ({
    item,
    value: column.order?.(item, shown) ?? column.text(item, shown),
    id: table.id(item),
  }));
  const direction = descending ? -1 : 1;
  keyed.sort((a, b) => direction * compare(a.value, b.value) || compare(a.id, b.id));
  return keyed.map(({ item }) => item);
}

const compare = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** Where the list stands, with the selected row among `height` visible ones. */
export function settled(state: State, list: ListState, height: number): ListState {
  const { items, table } = rowsOf(state, list);
  const found = list.selected === '' ? -1 : items.findIndex((item) => table.id(item) === list.selected);
  const last = Math.max(0, items.length - 1);
  const index = Math.min(found < 0 ? list.index : found, last);
  const highest = Math.max(0, items.length - height);
  const top = Math.min(Math.max(Math.min(list.top, index), index - height + 1, 0), highest);
  const item = items[index];
  const selected = item === undefined ? list.selected : table.id(item);
  if (index === list.index && top === list.top && selected === list.selected) return list;
  return placedAt(state, list, { index, top, selected });
}

/** Another place in the same rows. */
function placedAt(state: State, list: ListState, place: Partial<ListState>): ListState {
  const next = { ...list, ...place };
  known.set(next, { of: state, rows: rowsOf(state, list) });
  return next;
}

/** One row further, or many. */
export function moved(state: State, list: ListState, by: number): ListState {
  const { items, table } = rowsOf(state, list);
  const index = Math.max(0, Math.min(items.length - 1, list.index + by));
  const item = items[index];
  return item === undefined ? list : placedAt(state, list, { index, selected: table.id(item) });
}

export function selectedItem(state: State, list: ListState): Item | undefined {
  const { items, table } = rowsOf(state, list);
  const item = items[list.index];
  return item !== undefined && table.id(item) === list.selected ? item : undefined;
}

/** What a cell says, on one line and harmless to a terminal. */
export const cellText = (column: Column<Item>, item: Item, shown: Shown): string => printable(column.text(item, shown));
