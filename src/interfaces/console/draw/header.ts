/** The three lines on top: which cluster one is on and how it is, the menu, where one is in it. Pure. */
import { cells } from '../../cli/text.ts';
import { type MenuItem, menu } from '../control/everywhere.ts';
import { focused, viewOf } from '../control/go.ts';
import { apart, fitted, type Line, type Span, span, widthOf } from '../line.ts';
import { containerTable, isStopped } from '../lists/containers.ts';
import { shownOf } from '../lists/list.ts';
import { nodeTable } from '../lists/nodes.ts';
import type { State, View } from '../state.ts';
import type { Say, StringKey } from '../strings/strings.ts';

/** People compare so much of an id. */
const shortId = 8;

const counted = (say: Say, what: 'nodes' | 'containers' | 'networks' | 'problems', count: number): string =>
  count === 1 ? say(`count.${what}.one`) : say(`count.${what}.many`, { count });

export function titleLine(state: State): Line {
  const { settings, data, link, columns } = state;
  const { say, place, readOnly } = settings;
  const cluster = data.cluster === '' ? say('cluster.none') : say('cluster', { id: data.cluster.slice(0, shortId) });
  const left = [span(` Trama  ${place} · ${cluster} `, 'title')];
  const right: Span[] = [];
  if (readOnly) right.push(span(` ${say('read-only')} `, 'cursor'));
  if (link.state === 'connecting') right.push(span(` ${say('link.connecting')} `, 'title'));
  if (link.state === 'down') right.push(span(` ${say('link.down')} `, 'cursor'));
  const room = columns - widthOf(left) - widthOf(right) - 1;
  const counts = link.state === 'up' && data.complete ? countsOf(state).find((text) => cells(text) <= room) : undefined;
  return apart(left, [...(counts === undefined ? [] : [span(counts, 'title')]), ...right], columns, 'title');
}

/** The fullest first. */
function countsOf(state: State): string[] {
  const { data, settings } = state;
  const shown = shownOf(state);
  const troubled =
    data.nodes.filter((node) => nodeTable.isProblem(node, shown)).length +
    data.containers.filter((one) => containerTable.isProblem(one, shown)).length;
  const nodes = counted(settings.say, 'nodes', data.nodes.length);
  const containers = counted(settings.say, 'containers', data.containers.filter((one) => !isStopped(one)).length);
  const networks = counted(settings.say, 'networks', data.networks.length);
  const problems = troubled === 0 ? [] : [counted(settings.say, 'problems', troubled)];
  const fuller = [[nodes, containers, networks], [nodes, containers], []];
  return fuller.map((parts) => ` ${[...parts, ...problems].join(' · ')} `);
}

export interface MenuPlace {
  readonly item: MenuItem;
  readonly text: string;
  /** Cells; `to` is the first that is not its own. */
  readonly from: number;
  readonly to: number;
}

/** In short words where there is no room for long ones. */
export function menuPlaces(state: State): MenuPlace[] {
  const long = placed(state, ({ long }) => long);
  return (long.at(-1)?.to ?? 0) <= state.columns ? long : placed(state, ({ short }) => short);
}

function placed({ settings }: State, title: (item: MenuItem) => StringKey): MenuPlace[] {
  let from = 1;
  return menu.map((item) => {
    const text = `${item.key} ${settings.say(title(item))}`;
    const place = { item, text, from, to: from + cells(text) };
    from = place.to + 2;
    return place;
  });
}

export function menuLine(state: State): Line {
  const pieces = menuPlaces(state).flatMap(({ item, text }) => {
    const dim = item.changes && state.settings.readOnly;
    const [key = '', ...words] = text.split(' ');
    return [span(`${key} `, dim ? 'dim' : 'accent'), span(`${words.join(' ')}  `, dim ? 'dim' : 'plain')];
  });
  return fitted([span(' '), ...pieces], state.columns);
}

/** Breadcrumbs, and at the right what the list leaves out. */
export function placeLine(state: State): Line {
  const { say, glyphs } = state.settings;
  const crumbs = state.views.map((view) => crumb(view, say)).join(glyphs.crumb);
  const view = viewOf(state);
  const list = view.kind === 'lists' ? focused(view) : undefined;
  const notes = [
    ...(list !== undefined && list.filter !== '' ? [say('shown.filter', { text: list.filter })] : []),
    ...(state.problems ? [say('shown.problems')] : []),
    ...(state.stopped ? [say('shown.stopped')] : []),
  ];
  return apart([span(` ${crumbs}`, 'strong')], [span(`${notes.join(' · ')} `, 'warn')], state.columns);
}

function crumb(view: View, say: Say): string {
  if (view.kind === 'logs') return `${view.name} · ${say('logs')}`;
  if (view.kind === 'detail') return view.id;
  if (view.pick !== undefined) return say(`pick.${view.pick}`);
  const [list] = view.lists;
  const scope = view.title === 'overview' ? undefined : (list?.node ?? list?.network);
  return scope === undefined ? say(view.title) : `${scope} · ${say(view.title)}`;
}
