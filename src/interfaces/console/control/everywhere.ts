/** What can be done wherever one is: the source's five choices, the palette, help, toggles. Pure. */
import { newList } from '../lists/list.ts';
import type { State, Step } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';
import type { Binding } from './binding.ts';
import { shownContainer, shownNetwork, shownNode } from './detail.ts';
import { launchForm } from './forms.ts';
import { changing, focused, gone, listView, only, overview, popped, viewOf, withOverlay } from './go.ts';
import { chosenNetwork, chosenNode } from './lists.ts';
import { createNetwork } from './networks.ts';

/** The node and the network that one looks at are what is meant, most likely. */
const launch = (state: State): Step =>
  changing(state, () => {
    const view = viewOf(state);
    const list = view.kind === 'lists' ? focused(view) : undefined;
    const node = shownNode(state)?.name ?? list?.node ?? shownContainer(state)?.node ?? chosenNode(state)?.name ?? '';
    const network = shownNetwork(state)?.name ?? list?.network ?? chosenNetwork(state)?.name ?? '';
    const ready = state.data.nodes.some(({ name, status }) => name === node && status === 'ready');
    return only(withOverlay(state, launchForm(state, ready ? node : '', network)), { kind: 'images' });
  });

const destroy = (state: State): Step =>
  changing(state, () => gone({ ...state, stopped: true }, listView(newList('containers'), { pick: 'destroy' })));

const leave = (state: State): Step => changing(state, () => gone(state, listView(newList('nodes'), { pick: 'leave' })));

const information = (state: State): Step => gone(state, overview);

const quit = (state: State): Step => only(state, { kind: 'quit' });

const toList = (subject: 'containers' | 'nodes' | 'networks' | 'events') => (state: State) =>
  gone(state, listView(newList(subject)));

const palette = (state: State): Step =>
  only(withOverlay(state, { kind: 'prompt', prompt: 'palette', text: '', before: '', index: 0 }));

const help = (state: State): Step => only(withOverlay(state, { kind: 'help', top: 0 }));

const problems = (state: State): Step => only({ ...state, problems: !state.problems });
const stopped = (state: State): Step => only({ ...state, stopped: !state.stopped });
const mouse = (state: State): Step => only({ ...state, mouse: !state.mouse }, { kind: 'mouse', on: !state.mouse });

export interface MenuItem {
  readonly key: string;
  readonly long: StringKey;
  readonly short: StringKey;
  readonly changes: boolean;
  act(state: State): Step;
}

/** As the source has it. */
export const menu: readonly MenuItem[] = [
  { key: '1', long: 'menu.launch', short: 'menu.short.launch', changes: true, act: launch },
  { key: '2', long: 'menu.destroy', short: 'menu.short.destroy', changes: true, act: destroy },
  { key: '3', long: 'menu.information', short: 'menu.short.information', changes: false, act: information },
  { key: '4', long: 'menu.leave', short: 'menu.short.leave', changes: true, act: leave },
  { key: '5', long: 'menu.close', short: 'menu.short.close', changes: false, act: quit },
];

export const everywhere: readonly Binding[] = [
  ...menu.map(({ key, long, changes, act }): Binding => ({ keys: [key], does: long, changes, act })),
  { keys: [':'], does: 'do.palette', bar: true, act: palette },
  { keys: ['?'], does: 'do.help', bar: true, act: help },
  { keys: ['p'], does: 'do.problems', bar: true, act: problems },
  { keys: ['a'], does: 'do.stopped', bar: true, act: stopped },
  { keys: ['m'], does: 'do.mouse', act: mouse },
  { keys: ['q', 'ctrl-c'], does: 'do.quit', bar: true, act: quit },
  { keys: ['escape'], does: 'do.back', act: popped },
  { keys: ['ctrl-l'], does: 'do.redraw', act: (state) => only(state, { kind: 'redraw' }) },
];

/** What can be gone to by its name: in English, and as it is called here. */
export const destinations: readonly { readonly name: string; readonly title: StringKey; act(state: State): Step }[] = [
  { name: 'containers', title: 'containers', act: toList('containers') },
  { name: 'nodes', title: 'nodes', act: toList('nodes') },
  { name: 'networks', title: 'networks', act: toList('networks') },
  { name: 'events', title: 'events', act: toList('events') },
  { name: 'information', title: 'overview', act: information },
  { name: 'launch', title: 'menu.launch', act: launch },
  { name: 'destroy', title: 'menu.destroy', act: destroy },
  { name: 'network', title: 'do.create-network', act: createNetwork },
  { name: 'take-out', title: 'menu.leave', act: leave },
  { name: 'problems', title: 'do.problems', act: problems },
  { name: 'stopped', title: 'do.stopped', act: stopped },
  { name: 'help', title: 'do.help', act: help },
  { name: 'quit', title: 'do.quit', act: quit },
];
