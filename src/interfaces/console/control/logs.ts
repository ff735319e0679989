/** The view of a container's log. Pure. */
import { bodyRows } from '../layout.ts';
import type { LogLine, LogsView, State, Step } from '../state.ts';
import type { Binding } from './binding.ts';
import { only, refused, replaced, viewOf, withOverlay } from './go.ts';
import { parseRange } from './range.ts';

/** Lines that are kept in memory. */
export const keptLines = 5000;

/** The first line is the view's own. */
const logRows = (state: State): number => bodyRows(state) - 1;

const onLogs = (act: (state: State, view: LogsView) => Step) => (state: State) => {
  const view = viewOf(state);
  return view.kind === 'logs' ? act(state, view) : only(state);
};

const changed = (change: (view: LogsView, state: State) => Partial<LogsView>) =>
  onLogs((state, view) => only(replaced(state, { ...view, ...change(view, state) })));

/** The last lines that fit; wrapped ones fill more than a row, so that is not exact then. */
const lastTop = (state: State, { lines }: LogsView): number => Math.max(0, lines.length - logRows(state));

const topOf = (state: State, view: LogsView): number => (view.follow ? lastTop(state, view) : view.top);

const scrolled = (by: (rows: number) => number) =>
  changed((view, state) => {
    const top = topOf(state, view) + by(logRows(state));
    return { follow: false, top: Math.max(0, Math.min(lastTop(state, view), top)) };
  });

const ask = (prompt: 'search' | 'range' | 'save', before: (view: LogsView) => string) =>
  onLogs((state, view) => {
    const text = before(view);
    return only(withOverlay(state, { kind: 'prompt', prompt, text, before: text, index: 0 }));
  });

export const matches = ({ text }: LogLine, search: string): boolean =>
  search !== '' && text.toLowerCase().includes(search.toLowerCase());

/** To the next line that has what is searched, from the one that one is on; round at the end. */
function toMatch(state: State, view: LogsView, by: 1 | -1, from = topOf(state, view) + by): Step {
  const { lines, search } = view;
  for (let i = 0; i < lines.length; i += 1) {
    const at = (from + by * i + 2 * lines.length) % lines.length;
    const line = lines[at];
    if (line !== undefined && matches(line, search)) return only(replaced(state, { ...view, follow: false, top: at }));
  }
  return only(replaced(state, view));
}

const defaultPath = ({ name }: LogsView): string => `${name}.log`;

export const logBindings: readonly Binding[] = [
  {
    ...{ keys: ['f'], does: 'do.follow', bar: true },
    act: changed((view, state) => ({ follow: !view.follow, top: lastTop(state, view) })),
  },
  { keys: ['/'], does: 'do.search', bar: true, act: ask('search', ({ search }) => search) },
  { keys: ['w'], does: 'do.wrap', bar: true, act: changed(({ wrap }) => ({ wrap: !wrap })) },
  { keys: ['t'], does: 'do.timestamps', bar: true, act: changed(({ timestamps }) => ({ timestamps: !timestamps })) },
  { keys: ['r'], does: 'do.range', bar: true, act: ask('range', ({ range }) => range.text) },
  { keys: ['S'], does: 'do.save', bar: true, act: ask('save', defaultPath) },
  { keys: ['n'], does: 'do.next-match', act: onLogs((state, view) => toMatch(state, view, 1)) },
  { keys: ['N'], does: 'do.previous-match', act: onLogs((state, view) => toMatch(state, view, -1)) },
  { keys: ['up', 'k', 'wheel-up'], does: 'do.move', act: scrolled(() => -1) },
  { keys: ['down', 'j', 'wheel-down'], does: 'do.move', act: scrolled(() => 1) },
  { keys: ['page-up'], does: 'do.move', act: scrolled((rows) => -rows) },
  { keys: ['page-down', ' '], does: 'do.move', act: scrolled((rows) => rows) },
  { keys: ['home', 'g'], does: 'do.move', act: changed(() => ({ follow: false, top: 0 })) },
  { keys: ['end', 'G'], does: 'do.move', act: changed(() => ({ follow: true })) },
];

export function searched(state: State, search: string): Step {
  return onLogs((_, view) => toMatch(state, { ...view, search }, 1, topOf(state, view)))(state);
}

export function ranged(state: State, text: string): Step {
  const range = parseRange(text, state.now);
  if (range === undefined) return refused(state, 'failed.range', { text });
  return onLogs((_, view) => {
    const stream = state.streams + 1;
    const { ended: _ended, ...rest } = view;
    const next: LogsView = { ...rest, stream, range, lines: [], dropped: false, follow: true, top: 0 };
    const { reference } = view;
    return only(replaced({ ...state, streams: stream }, next), { kind: 'open-logs', stream, reference, range });
  })(state);
}

export function saved(state: State, path: string): Step {
  if (path.trim() === '') return only(state);
  return onLogs((_, { reference, range, timestamps }) =>
    only(state, { kind: 'save-logs', reference, range, timestamps, path: path.trim() }),
  )(state);
}

/** Lines that have come, in whatever view of that log there still is. */
export function received(state: State, stream: number, lines: readonly LogLine[]): State {
  const view = viewOf(state);
  if (view.kind !== 'logs' || view.stream !== stream) return state;
  const all = view.lines.concat(lines);
  const over = Math.max(0, all.length - keptLines);
  const next = {
    ...view,
    lines: over === 0 ? all : all.slice(over),
    dropped: view.dropped || over > 0,
    top: Math.max(0, view.top - over),
  };
  return replaced(state, next);
}

export function ended(state: State, stream: number, why: string): State {
  const view = viewOf(state);
  return view.kind === 'logs' && view.stream === stream ? replaced(state, { ...view, ended: why }) : state;
}
