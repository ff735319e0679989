/** A line of text that is typed: at its end only. Pure. */
import type { Key } from '../keys.ts';

/** @returns the text after a key; the same when the key means nothing to it */
export function edited(text: string, key: Key): string {
  if (key.kind === 'text') return text + key.text;
  if (key.kind !== 'named') return text;
  if (key.name === 'backspace' || key.name === 'delete') return [...text].slice(0, -1).join('');
  if (key.name === 'ctrl-u') return '';
  if (key.name === 'ctrl-w') return text.replace(/\S+\s*$/, '');
  return text;
}
