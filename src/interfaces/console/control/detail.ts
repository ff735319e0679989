/** The view of one thing. Pure. */
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';
import { bodyRows } from '../layout.ts';
import { containerId } from '../lists/containers.ts';
import { newList } from '../lists/list.ts';
import type { DetailView, State } from '../state.ts';
import type { Binding } from './binding.ts';
import { containerBindings } from './containers.ts';
import { listView, only, popped, pushed, replaced, viewOf } from './go.ts';
import { networkBindings } from './networks.ts';
import { nodeBindings } from './nodes.ts';

const found =
  <S extends DetailView['subject']>(subject: S, of: (state: State, id: string) => Found[S] | undefined) =>
  (state: State): Found[S] | undefined => {
    const view = viewOf(state);
    return view.kind === 'detail' && view.subject === subject ? of(state, view.id) : undefined;
  };

interface Found {
  readonly containers: ContainerView;
  readonly nodes: NodeView;
  readonly networks: NetworkView;
}

export const shownContainer = found('containers', ({ data }, id) =>
  data.containers.find((one) => containerId(one) === id),
);
export const shownNode = found('nodes', ({ data }, id) => data.nodes.find(({ name }) => name === id));
export const shownNetwork = found('networks', ({ data }, id) => data.networks.find(({ name }) => name === id));

const scrolled = (by: (rows: number) => number) => (state: State) => {
  const view = viewOf(state);
  if (view.kind !== 'detail') return only(state);
  // Where it ends is known to who draws it.
  return only(replaced(state, { ...view, top: Math.max(0, view.top + by(bodyRows(state))) }));
};

const within = (scope: (view: DetailView) => { node: string } | { network: string }) => (state: State) => {
  const view = viewOf(state);
  return view.kind === 'detail' ? only(pushed(state, listView(newList('containers', scope(view))))) : only(state);
};

export function detailBindings(state: State): Binding[] {
  const view = viewOf(state);
  if (view.kind !== 'detail') return [];
  const verbs = {
    containers: () => containerBindings(shownContainer),
    nodes: (): Binding[] => [
      { keys: ['enter'], does: 'do.open', bar: true, act: within(({ id }) => ({ node: id })) },
      ...nodeBindings(shownNode),
    ],
    networks: (): Binding[] => [
      { keys: ['enter'], does: 'do.open', bar: true, act: within(({ id }) => ({ network: id })) },
      ...networkBindings(shownNetwork),
    ],
  };
  return [
    { keys: ['escape', 'backspace'], does: 'do.back', bar: true, act: popped },
    ...verbs[view.subject](),
    { keys: ['up', 'k', 'wheel-up'], does: 'do.move', act: scrolled(() => -1) },
    { keys: ['down', 'j', 'wheel-down'], does: 'do.move', act: scrolled(() => 1) },
    { keys: ['page-up'], does: 'do.move', act: scrolled((rows) => -rows) },
    { keys: ['page-down', ' '], does: 'do.move', act: scrolled((rows) => rows) },
  ];
}
