/** A key and what it does. The bar of keys, the help and the keyboard read the same table. */
import type { Key } from '../keys.ts';
import type { State, Step } from '../state.ts';
import type { Say, StringKey } from '../strings/strings.ts';

export interface Binding {
  /** A character, or the name of a key. The first is shown. */
  readonly keys: readonly string[];
  readonly does: StringKey;
  /** Shown in the bar; others in the help only. */
  readonly bar?: boolean;
  /** Of `do.sort-by`: by which. */
  readonly column?: StringKey;
  /** Not there in a read-only console. */
  readonly changes?: boolean;
  act(state: State): Step;
}

export const keyId = (key: Key): string =>
  key.kind === 'named' ? key.name : key.kind === 'text' ? key.text : key.kind;

const shownNames: Readonly<Record<string, StringKey>> = {
  enter: 'key.enter',
  escape: 'key.escape',
  tab: 'key.tab',
  ' ': 'key.space',
  'shift-tab': 'key.shift-tab',
  backspace: 'key.backspace',
  delete: 'key.delete',
  'ctrl-l': 'key.ctrl-l',
  up: 'key.up',
  down: 'key.down',
  left: 'key.left',
  right: 'key.right',
  'page-up': 'key.page-up',
  'page-down': 'key.page-down',
  home: 'key.home',
  end: 'key.end',
  'ctrl-c': 'key.ctrl-c',
};

export function shownKey(id: string, say: Say): string {
  const name = shownNames[id];
  if (name !== undefined) return say(name);
  return /^[A-Z]$/.test(id) ? say('key.shift', { key: id }) : id;
}
