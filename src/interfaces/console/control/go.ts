/** Moving between views, and small steps that others are made of. Pure. */

import { newList } from '../lists/list.ts';
import type { DetailView, Effect, ListState, ListsView, Message, Overlay, Said, State, Step, View } from '../state.ts';
import type { StringKey, Values } from '../strings/strings.ts';

/** How long something is said. Milliseconds. */
const saidMs = 8000;

export const only = (state: State, ...effects: Effect[]): Step => ({ state, effects });

export const viewOf = ({ views }: State): View => views.at(-1) ?? views[0];

export function pushed(state: State, view: View): State {
  return { ...state, views: [...state.views, view] };
}

export function replaced(state: State, view: View): State {
  const [first, ...rest] = state.views;
  return { ...state, views: rest.length === 0 ? [view] : [first, ...rest.slice(0, -1), view] };
}

/** The view before; a log's stream ends with its view. */
export function popped(state: State): Step {
  const [first, ...rest] = state.views;
  if (rest.length === 0) return only(state);
  const effects: Effect[] = viewOf(state).kind === 'logs' ? [{ kind: 'close-logs' }] : [];
  return { state: { ...state, views: [first, ...rest.slice(0, -1)] }, effects };
}

/** A view instead of all that are open. */
export function gone(state: State, view: View): Step {
  const effects: Effect[] = viewOf(state).kind === 'logs' ? [{ kind: 'close-logs' }] : [];
  return { state: { ...state, views: [view] }, effects };
}

export const overview: ListsView = {
  kind: 'lists',
  title: 'overview',
  lists: [newList('nodes'), newList('networks'), newList('containers')],
  focus: 2,
};

export const listView = (list: ListState, more: { readonly pick?: ListsView['pick'] } = {}): ListsView => ({
  ...{ kind: 'lists', title: list.subject, lists: [list], focus: 0 },
  ...(more.pick === undefined ? {} : { pick: more.pick }),
});

export const detailView = (subject: DetailView['subject'], id: string): DetailView => ({
  ...{ kind: 'detail', subject, id, top: 0 },
});

export function withOverlay(state: State, overlay: Overlay): State {
  return { ...state, overlay };
}

export function closed(state: State): State {
  const { overlay: _closed, ...rest } = state;
  return rest;
}

export function said(state: State, { key, values = {} }: Said, bad = false): State {
  const { say, tell } = state.settings;
  const { why } = values;
  const told = typeof why === 'string' ? tell(why) : why;
  // What nobody knows in another language is said to be in this one.
  const as = key === 'failed' && told === why ? 'failed.untold' : key;
  const text = say(as, told === undefined ? values : { ...values, why: told });
  const message: Message = { text, bad, until: state.now + saidMs };
  return { ...state, message };
}

export const refused = (state: State, key: StringKey, values?: Values): Step =>
  only(said(state, values === undefined ? { key } : { key, values }, true));

/** Whatever changes the cluster passes here. */
export function changing(state: State, step: () => Step): Step {
  return state.settings.readOnly ? refused(state, 'failed.read-only') : step();
}

export function focused(view: ListsView): ListState | undefined {
  return view.lists[view.focus];
}

export function withFocused(state: State, view: ListsView, list: ListState): State {
  return replaced(state, { ...view, lists: view.lists.map((one, at) => (at === view.focus ? list : one)) });
}
