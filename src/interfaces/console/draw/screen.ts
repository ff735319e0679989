/** The whole screen: exactly as many lines as the terminal has rows, none wider than it. Pure. */
import { viewOf } from '../control/go.ts';
import { bodyRows, least, placesOf } from '../layout.ts';
import { fitted, type Line, span } from '../line.ts';
import type { State } from '../state.ts';
import { drawDetail } from './detail.ts';
import { keyLine, messageLine } from './footer.ts';
import { menuLine, placeLine, titleLine } from './header.ts';
import { drawList } from './list.ts';
import { drawLogs } from './logs.ts';
import { drawForm, drawHelp, drawQuestion } from './overlay.ts';

export function screenOf(state: State): Line[] {
  const { columns, rows } = state;
  const blank = fitted([], columns);
  if (columns < least.columns || rows < least.rows) {
    const text = fitted([span(state.settings.say('too-small'), 'bad')], columns);
    return Array.from({ length: rows }, (_, at) => (at === 0 ? text : blank));
  }
  const height = bodyRows(state);
  const body = bodyOf(state, height);
  return [
    titleLine(state),
    menuLine(state),
    placeLine(state),
    ...Array.from({ length: height }, (_, at) => body[at] ?? blank),
    messageLine(state),
    keyLine(state),
  ];
}

function bodyOf(state: State, height: number): Line[] {
  const { overlay } = state;
  if (overlay?.kind === 'form') return drawForm(state, overlay, height);
  if (overlay?.kind === 'question') return drawQuestion(state, overlay);
  if (overlay?.kind === 'help') return drawHelp(state, overlay, height);
  const view = viewOf(state);
  if (view.kind === 'detail') return drawDetail(state, view, height);
  if (view.kind === 'logs') return drawLogs(state, view, height);
  return placesOf(state, view).flatMap((place, at) => drawList(state, place.list, place.height, at === view.focus));
}
