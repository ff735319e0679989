/** A log: the lines that are visible and no others. Pure. */
import { cells } from '../../cli/text.ts';
import { matches } from '../control/logs.ts';
import { fitted, type Line, type Span, span } from '../line.ts';
import type { LogLine, LogsView, State } from '../state.ts';

/** What would steer the terminal goes; a tab is some spaces. */
const harmless = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and other sequences of terminals.
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])/g, '')
    .replace(/\t/g, '    ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');

export function drawLogs(state: State, view: LogsView, height: number): Line[] {
  const rows = height - 1;
  const head = headOf(state, view);
  if (view.lines.length === 0) {
    const text =
      view.ended === undefined || view.ended === '' ? state.settings.say('logs.empty') : harmless(view.ended);
    return [head, fitted([span(`  ${text}`, 'dim')], state.columns)];
  }
  return [head, ...(view.follow ? fromEnd(state, view, rows) : fromTop(state, view, rows))];
}

function fromTop(state: State, view: LogsView, rows: number): Line[] {
  const older = fitted([span(`  ${state.settings.say('logs.first')}`, 'warn')], state.columns);
  const shown: Line[] = view.dropped && view.top === 0 ? [older] : [];
  for (let at = view.top; at < view.lines.length && shown.length < rows; at += 1) {
    const line = view.lines[at];
    if (line !== undefined) shown.push(...drawLine(state, view, line));
  }
  return shown.slice(0, rows);
}

/** The newest line is the last row, also when lines before it are wrapped. */
function fromEnd(state: State, view: LogsView, rows: number): Line[] {
  const shown: Line[] = [];
  for (let at = view.lines.length - 1; at >= 0 && shown.length < rows; at -= 1) {
    const line = view.lines[at];
    if (line !== undefined) shown.unshift(...drawLine(state, view, line));
  }
  return shown.slice(-rows);
}

function headOf(state: State, view: LogsView): Line {
  const { say } = state.settings;
  const count = view.lines.length;
  const going = view.ended === undefined ? say(view.follow ? 'logs.follow' : 'logs.paused') : say('logs.ended');
  const found = view.search === '' ? 0 : view.lines.filter((line) => matches(line, view.search)).length;
  const notes = [
    going,
    say('logs.lines', { count }),
    ...(view.follow ? [] : [say('row.of', { row: Math.min(view.top, count) + 1, count })]),
    ...(view.search === '' ? [] : [say('logs.matches', { count: found, text: view.search })]),
    ...(view.wrap ? [say('logs.wrap')] : []),
    ...(view.range.text === '' ? [] : [say('logs.range', { range: view.range.text })]),
  ];
  return fitted([span(`  ${notes.join(' · ')}`, 'accent')], state.columns);
}

function drawLine({ columns }: State, view: LogsView, line: LogLine): Line[] {
  const time = view.timestamps ? `${line.time.slice(0, 23).replace('T', ' ')} ` : '';
  const text = harmless(line.text);
  if (!view.wrap) return [fitted([span(time, 'dim'), ...marked(line, text, view.search)], columns)];
  const pieces = wrapped(text, Math.max(1, columns - cells(time)));
  return pieces.map((piece, at) =>
    fitted([span(at === 0 ? time : ' '.repeat(cells(time)), 'dim'), ...marked(line, piece, view.search)], columns),
  );
}

/** What is searched stands out. */
function marked({ error }: LogLine, text: string, search: string): Span[] {
  const style = error ? 'warn' : 'plain';
  if (search === '') return [span(text, style)];
  const spans: Span[] = [];
  let rest = text;
  for (;;) {
    const at = rest.toLowerCase().indexOf(search.toLowerCase());
    if (at < 0) return [...spans, span(rest, style)];
    spans.push(span(rest.slice(0, at), style), span(rest.slice(at, at + search.length), 'cursor'));
    rest = rest.slice(at + search.length);
  }
}

function wrapped(text: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const character of text) {
    const size = cells(character);
    if (used + size > width && piece !== '') {
      pieces.push(piece);
      [piece, used] = ['', 0];
    }
    piece += character;
    used += size;
  }
  return [...pieces, piece];
}
