/** What is typed in the last line but one. Pure. */
import type { Key } from '../keys.ts';
import type { Prompt, State, Step } from '../state.ts';
import type { Say } from '../strings/strings.ts';
import { destinations } from './everywhere.ts';
import { closed, only, refused, withOverlay } from './go.ts';
import { setFilter } from './lists.ts';
import { ranged, saved, searched } from './logs.ts';
import { edited } from './text-input.ts';

/** Those whose name begins so, then those that have it somewhere. */
export function suggestions(text: string, say: Say): readonly (typeof destinations)[number][] {
  const wanted = text.trim().toLowerCase();
  const names = ({ name, title }: (typeof destinations)[number]) => [name, say(title).toLowerCase()];
  const begins = destinations.filter((one) => names(one).some((name) => name.startsWith(wanted)));
  const has = destinations.filter((one) => !begins.includes(one) && names(one).some((name) => name.includes(wanted)));
  return [...begins, ...has];
}

export function promptKey(state: State, prompt: Prompt, key: Key): Step {
  if (key.kind !== 'text' && key.kind !== 'named') return only(state);
  if (key.kind === 'named') {
    if (key.name === 'escape' || key.name === 'ctrl-c') return cancelled(state, prompt);
    if (key.name === 'enter') return entered(closed(state), prompt);
    const by = { up: -1, down: 1, tab: 1 }[key.name as string];
    if (by !== undefined) {
      const most = suggestions(prompt.text, state.settings.say).length - 1;
      const index = Math.max(0, Math.min(most, prompt.index + by));
      return only(prompt.prompt === 'palette' ? withOverlay(state, { ...prompt, index }) : state);
    }
  }
  const text = edited(prompt.text, key);
  const next = withOverlay(state, { ...prompt, text, index: 0 });
  // A filter shows at once what it leaves.
  return prompt.prompt === 'filter' ? setFilter(text)(next) : only(next);
}

function cancelled(state: State, { prompt, before }: Prompt): Step {
  return prompt === 'filter' ? setFilter(before)(closed(state)) : only(closed(state));
}

function entered(state: State, { prompt, text, index }: Prompt): Step {
  if (prompt === 'search') return searched(state, text);
  if (prompt === 'range') return ranged(state, text);
  if (prompt === 'save') return saved(state, text);
  if (prompt === 'filter' || text.trim() === '') return only(state);
  const destination = suggestions(text, state.settings.say)[index];
  return destination === undefined ? refused(state, 'failed.palette', { text }) : destination.act(state);
}
