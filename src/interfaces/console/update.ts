/** What happens to the console, and what it does about it. Pure: the one place where its state changes. */
import { type Binding, keyId } from './control/binding.ts';
import { detailBindings } from './control/detail.ts';
import { everywhere } from './control/everywhere.ts';
import { formKey, networkForm, offered } from './control/forms.ts';
import { closed, only, overview, replaced, said, viewOf, withOverlay } from './control/go.ts';
import { withImages, withRegistry } from './control/images.ts';
import { listBindings } from './control/lists.ts';
import { ended, logBindings, received } from './control/logs.ts';
import { clicked } from './control/mouse.ts';
import { promptKey } from './control/prompt.ts';
import { questionKey } from './control/question.ts';
import { looked } from './control/use.ts';
import type { Key } from './keys.ts';
import { placesOf } from './layout.ts';
import { settled } from './lists/list.ts';
import { memoryShare } from './lists/nodes.ts';
import type { Data, Form, Happening, Help, Sample, Settings, State, Step } from './state.ts';

/** Samples that are kept of each node. */
const keptSamples = 60;

const nothing: Data = { nodes: [], networks: [], containers: [], complete: false, cluster: '', host: '' };

export const initial = (settings: Settings, size: Pick<State, 'columns' | 'rows'>, now: number): State => ({
  ...{ settings, ...size, now, data: nothing, history: new Map(), link: { state: 'connecting', why: '' } },
  ...{ views: [overview], problems: false, stopped: false, mouse: false, offered: false, streams: 0 },
});

export function update(state: State, happening: Happening): Step {
  const step = react(state, happening);
  return { state: settledViews(step.state), effects: step.effects };
}

function react(state: State, happening: Happening): Step {
  switch (happening.kind) {
    case 'key':
      return pressed(state, happening.key);
    case 'resize':
      return only({ ...state, columns: happening.columns, rows: happening.rows });
    case 'tick':
      return only(ticked(state, happening.now));
    case 'data':
      return learned(state, happening.data);
    case 'use':
      return only(looked(state, happening.id, happening.stats));
    case 'link':
      return only({ ...state, link: { state: happening.state, why: happening.why } });
    case 'offered':
      return only(
        state.overlay?.kind === 'form' && state.overlay.form === 'network'
          ? withOverlay(state, offered(state.overlay, happening.subnet))
          : state,
      );
    case 'images':
      return only(inLaunch(state, (form) => withImages(form, happening.images)));
    case 'registry':
      return only(inLaunch(state, (form) => withRegistry(form, happening)));
    case 'log-lines':
      return only(received(state, happening.stream, happening.lines));
    case 'log-end':
      return only(ended(state, happening.stream, happening.why));
    case 'said':
      return only(said(state, happening.said, happening.bad));
  }
}

/** What comes when the form has been left is nobody's any more. */
const inLaunch = (state: State, change: (form: Form) => Form): State =>
  state.overlay?.kind === 'form' && state.overlay.form === 'launch' ? withOverlay(state, change(state.overlay)) : state;

/** In the order in which they count. */
export function bindingsOf(state: State): Binding[] {
  const kind = viewOf(state).kind;
  const here = kind === 'lists' ? listBindings(state) : kind === 'detail' ? detailBindings(state) : logBindings;
  return [...here, ...everywhere].filter(({ changes }) => !(changes && state.settings.readOnly));
}

function pressed(state: State, key: Key): Step {
  const { overlay } = state;
  if (overlay?.kind === 'form') return formKey(state, overlay, key);
  if (overlay?.kind === 'question') return questionKey(state, overlay, key);
  if (overlay?.kind === 'prompt') return promptKey(state, overlay, key);
  if (overlay?.kind === 'help') return helpKey(state, overlay, key);
  if (key.kind === 'click') return clicked(state, key.at);
  const id = keyId(key);
  const binding = bindingsOf(state).find(({ keys }) => keys.includes(id));
  if (binding !== undefined) return binding.act(state);
  // Also what is not there in a read-only console says why.
  return everywhere.find(({ keys }) => keys.includes(id))?.act(state) ?? only(state);
}

function helpKey(state: State, help: Help, key: Key): Step {
  const by = { up: -1, down: 1, k: -1, j: 1, 'page-up': -10, 'page-down': 10, ' ': 10 }[keyId(key)];
  if (by === undefined) return only(closed(state));
  return only(withOverlay(state, { ...help, top: Math.max(0, help.top + by) }));
}

function ticked(state: State, now: number): State {
  const { message, ...rest } = state;
  return message !== undefined && message.until > now ? { ...state, now } : { ...rest, now };
}

/** The first time that all is known and there is no network, its segment is asked for. */
function learned(state: State, news: Partial<Data>): Step {
  const data = { ...state.data, ...news };
  const seen = { ...state, data, history: news.nodes === undefined ? state.history : sampled(state, news.nodes) };
  if (state.offered || !data.complete) return only(seen);
  const asks = data.networks.length === 0 && !state.settings.readOnly && state.overlay === undefined;
  const next = { ...seen, offered: true };
  return asks ? only(withOverlay(next, networkForm(true, '')), { kind: 'offer' }) : only(next);
}

/** A list that comes again with nothing new in it is no new report. */
function sampled({ history, data }: State, nodes: Data['nodes']): ReadonlyMap<string, readonly Sample[]> {
  const before = new Map(data.nodes.map((node) => [node.name, JSON.stringify([node.cpu, node.memory, node.traffic])]));
  const next = new Map<string, readonly Sample[]>();
  for (const node of nodes) {
    const { name, cpu, memory, traffic } = node;
    const known = history.get(name) ?? [];
    const isNew = cpu !== null && before.get(name) !== JSON.stringify([cpu, memory, traffic]);
    const sample = {
      ...{ cpu: cpu ?? 0, memory: memoryShare(node) ?? 0 },
      ...{ received: traffic?.received ?? 0, sent: traffic?.sent ?? 0 },
    };
    next.set(name, isNew ? [...known, sample].slice(-keptSamples) : known);
  }
  return next;
}

/** What one is on is visible, whatever has come or gone. */
function settledViews(state: State): State {
  const view = viewOf(state);
  if (view.kind !== 'lists') return state;
  const lists = placesOf(state, view).map(({ list, height }) => settled(state, list, height));
  return lists.every((list, at) => list === view.lists[at]) ? state : replaced(state, { ...view, lists });
}
