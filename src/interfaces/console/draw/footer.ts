/** The two lines at the bottom: what is said or typed, and the keys. Pure. */
import { cells, printable } from '../../cli/text.ts';
import { type Binding, shownKey } from '../control/binding.ts';
import { suggestions } from '../control/prompt.ts';
import { fitted, type Line, type Span, span } from '../line.ts';
import type { Overlay, State } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';
import { bindingsOf } from '../update.ts';

export function messageLine(state: State): Line {
  const { overlay, message, link, settings, columns } = state;
  const { say } = settings;
  if (overlay?.kind === 'prompt') {
    const typed = [span(` ${say(`prompt.${overlay.prompt}`)}`, 'accent'), span(`${overlay.text}_ `, 'strong')];
    return fitted(overlay.prompt === 'palette' ? [...typed, ...offers(state)] : typed, columns);
  }
  if (message !== undefined)
    return fitted([span(` ${printable(message.text)}`, message.bad ? 'bad' : 'good')], columns);
  return fitted(link.state === 'down' ? [span(` ${printable(settings.tell(link.why))}`, 'bad')] : [], columns);
}

function offers({ overlay, settings }: State): Span[] {
  if (overlay?.kind !== 'prompt') return [];
  return suggestions(overlay.text, settings.say).map(({ title }, at) =>
    span(` ${settings.say(title)} `, at === overlay.index ? 'select' : 'dim'),
  );
}

interface Shown {
  readonly key: string;
  readonly does: StringKey;
}

/** As many as fit; the whole list is in the help. */
export function keyLine(state: State): Line {
  const { say } = state.settings;
  let left = state.columns - 1;
  const pieces = barOf(state).flatMap(({ key, does }): Span[] => {
    const name = shownKey(key, say);
    const text = ` ${say(does)}  `;
    left -= cells(name) + cells(text);
    return left < -2 ? [] : [span(name, 'accent'), span(text)];
  });
  return fitted([span(' '), ...pieces], state.columns);
}

function barOf(state: State): Shown[] {
  if (state.overlay !== undefined) return ofOverlay(state.overlay);
  const seen = new Set<string>();
  const shown = bindingsOf(state).filter(({ bar, keys: [key = ''] }) => bar && !seen.has(key) && seen.add(key));
  // However narrow it is, the way to all the others is there.
  const always = (binding: Binding) => binding.does === 'do.help' || binding.does === 'do.quit';
  return [...shown.filter(always), ...shown.filter((one) => !always(one))].map(({ keys: [key = ''], does }) => ({
    key,
    does,
  }));
}

function ofOverlay(overlay: Overlay): Shown[] {
  const cancel: Shown = { key: 'escape', does: 'do.cancel' };
  const submit: Shown = { key: 'enter', does: 'do.submit' };
  if (overlay.kind === 'help') return [cancel, { key: 'down', does: 'do.move' }];
  if (overlay.kind === 'question') return overlay.word === undefined ? [cancel] : [submit, cancel];
  return overlay.kind === 'form' ? [submit, { key: 'tab', does: 'do.next-field' }, cancel] : [submit, cancel];
}
