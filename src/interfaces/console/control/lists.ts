/** The lists: moving in them, filters, sorting, opening what is in them. Pure. */
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';
import { placesOf } from '../layout.ts';
import { containerId } from '../lists/containers.ts';
import { cellText, type Item, moved, newList, rowsOf, selectedItem, shownOf, tableOf } from '../lists/list.ts';
import type { ListState, ListsView, State, Step } from '../state.ts';
import type { Binding } from './binding.ts';
import { askToDestroy, containerBindings } from './containers.ts';
import {
  changing,
  detailView,
  focused,
  listView,
  only,
  popped,
  pushed,
  refused,
  replaced,
  viewOf,
  withFocused,
  withOverlay,
} from './go.ts';
import { networkBindings } from './networks.ts';
import { askToLeave, nodeBindings } from './nodes.ts';

type OnList = (state: State, view: ListsView, list: ListState) => Step;

const onList = (act: OnList) => (state: State) => {
  const view = viewOf(state);
  const list = view.kind === 'lists' ? focused(view) : undefined;
  return view.kind === 'lists' && list !== undefined ? act(state, view, list) : only(state);
};

const changed = (change: (list: ListState, state: State, view: ListsView) => ListState) =>
  onList((state, view, list) => only(withFocused(state, view, change(list, state, view))));

function heightOf(state: State, view: ListsView): number {
  return placesOf(state, view)[view.focus]?.height ?? 1;
}

/** The item that one is on, in lists of this subject. */
function chosen(state: State): { readonly subject: ListState['subject']; readonly item: Item } | undefined {
  const view = viewOf(state);
  const list = view.kind === 'lists' ? focused(view) : undefined;
  const item = list && selectedItem(state, list);
  return list !== undefined && item !== undefined ? { subject: list.subject, item } : undefined;
}

const chosenOf =
  <T extends Item>(subject: ListState['subject']) =>
  (state: State): T | undefined => {
    const found = chosen(state);
    return found?.subject === subject ? (found.item as T) : undefined;
  };

const chosenContainer = chosenOf<ContainerView>('containers');
export const chosenNode = chosenOf<NodeView>('nodes');
export const chosenNetwork = chosenOf<NetworkView>('networks');

/** Enter: drills in, or does what one came here to choose for. */
const open = onList((state, view, { subject }) => {
  const [container, node, network] = [chosenContainer(state), chosenNode(state), chosenNetwork(state)];
  if (container !== undefined && view.pick === 'destroy') return changing(state, () => askToDestroy(state, container));
  if (node !== undefined && view.pick === 'leave') return changing(state, () => askToLeave(state, node));
  if (container !== undefined) return only(pushed(state, detailView('containers', containerId(container))));
  if (node !== undefined) return only(pushed(state, listView(newList('containers', { node: node.name }))));
  if (network !== undefined) return only(pushed(state, listView(newList('containers', { network: network.name }))));
  return subject === 'events' ? only(state) : refused(state, 'failed.nothing');
});

const inspect = (state: State): Step => {
  const [container, node, network] = [chosenContainer(state), chosenNode(state), chosenNetwork(state)];
  if (container !== undefined) return only(pushed(state, detailView('containers', containerId(container))));
  if (node !== undefined) return only(pushed(state, detailView('nodes', node.name)));
  if (network !== undefined) return only(pushed(state, detailView('networks', network.name)));
  return refused(state, 'failed.nothing');
};

const move = (by: (height: number) => number) =>
  changed((list, state, view) => moved(state, list, by(heightOf(state, view))));

/** The cell that one is on: of the columns there are, whether or not they fit. */
const sideways = (by: 1 | -1) =>
  changed((list) => {
    const { columns } = tableOf(list.subject);
    const at = Math.max(
      0,
      columns.findIndex(({ id }) => id === list.column),
    );
    const next = columns[Math.max(0, Math.min(columns.length - 1, at + by))];
    return next === undefined ? list : { ...list, column: next.id };
  });

/** Once more turns it round. */
export function sortedBy(list: ListState, column: string): ListState {
  if (list.sort === column) return { ...list, descending: !list.descending };
  return { ...list, sort: column, descending: false };
}

const currentColumn = (list: ListState) => {
  const { columns } = tableOf(list.subject);
  return columns.find(({ id }) => id === list.column) ?? columns[0];
};

const sortHere = changed((list) => sortedBy(list, currentColumn(list)?.id ?? list.sort));

const copy = onList((state, _view, list) => {
  const item = selectedItem(state, list);
  const column = currentColumn(list);
  if (item === undefined || column === undefined) return refused(state, 'failed.nothing');
  return only(state, { kind: 'copy', text: cellText(column, item, shownOf(state)) });
});

const filter = onList((state, _view, list) =>
  only(withOverlay(state, { kind: 'prompt', prompt: 'filter', text: list.filter, before: list.filter, index: 0 })),
);

export const setFilter = (text: string) => changed((list) => ({ ...list, filter: text, index: 0, top: 0 }));

/** First the filter goes, then the view. */
const back = onList((state, view, list) =>
  list.filter === '' ? popped(state) : only(withFocused(state, view, { ...list, filter: '' })),
);

const nextPane = (by: 1 | -1) =>
  onList((state, view) =>
    only(replaced(state, { ...view, focus: (view.focus + by + view.lists.length) % view.lists.length })),
  );

export function listBindings(state: State): Binding[] {
  const view = viewOf(state);
  const list = view.kind === 'lists' ? focused(view) : undefined;
  if (view.kind !== 'lists' || list === undefined) return [];
  const { columns } = tableOf(list.subject);
  return [
    { keys: ['enter'], does: view.pick === undefined ? 'do.open' : 'do.choose', bar: true, act: open },
    { keys: ['escape', 'backspace'], does: 'do.back', bar: state.views.length > 1 || list.filter !== '', act: back },
    ...(view.lists.length > 1 ? [{ keys: ['tab'], does: 'do.pane', bar: true, act: nextPane(1) } as const] : []),
    { keys: ['shift-tab'], does: 'do.previous-pane', act: nextPane(-1) },
    ...verbs(list, rowsOf(state, list).items.length > 0),
    { keys: ['/'], does: 'do.filter', bar: true, act: filter },
    { keys: ['i'], does: 'do.inspect', act: inspect },
    { keys: ['up', 'k', 'wheel-up'], does: 'do.move', act: move(() => -1) },
    { keys: ['down', 'j', 'wheel-down'], does: 'do.move', act: move(() => 1) },
    { keys: ['page-up'], does: 'do.move', act: move((height) => -height) },
    { keys: ['page-down', ' '], does: 'do.move', act: move((height) => height) },
    { keys: ['home', 'g'], does: 'do.move', act: move(() => Number.NEGATIVE_INFINITY) },
    { keys: ['end', 'G'], does: 'do.move', act: move(() => Number.POSITIVE_INFINITY) },
    { keys: ['left'], does: 'do.column', act: sideways(-1) },
    { keys: ['right'], does: 'do.column', act: sideways(1) },
    { keys: ['o'], does: 'do.sort', act: sortHere },
    { keys: ['y', 'c'], does: 'do.copy', act: copy },
    ...columns.map(({ id, key, title }) => ({
      ...({ keys: [key], does: 'do.sort-by', column: title } as const),
      act: changed((one) => sortedBy(one, id)),
    })),
  ];
}

function verbs({ subject }: ListState, some: boolean): Binding[] {
  if (subject === 'networks') return networkBindings(chosenNetwork);
  if (!some) return [];
  if (subject === 'containers') return containerBindings(chosenContainer);
  return subject === 'nodes' ? nodeBindings(chosenNode) : [];
}
