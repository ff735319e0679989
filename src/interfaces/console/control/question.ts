/** A question before something is destroyed. Pure. */
import type { Key } from '../keys.ts';
import type { Question, State, Step } from '../state.ts';
import { closed, only, said, withOverlay } from './go.ts';
import { edited } from './text-input.ts';

export function questionKey(state: State, question: Question, key: Key): Step {
  if (key.kind === 'named' && (key.name === 'escape' || key.name === 'ctrl-c')) return only(closed(state));
  return question.word === undefined ? byLetter(state, question, key) : byWord(state, question, question.word, key);
}

function byLetter(state: State, question: Question, key: Key): Step {
  if (key.kind !== 'text') return only(state);
  const { say } = state.settings;
  const letter = key.text.toLowerCase();
  if (letter === 'y' || letter === say('yes')[0]) return agreed(state, question);
  return letter === say('no')[0] ? only(closed(state)) : only(state);
}

function byWord(state: State, question: Question, word: string, key: Key): Step {
  if (key.kind === 'named' && key.name === 'enter') {
    return question.typed.trim() === word ? agreed(state, question) : only(state);
  }
  if (key.kind === 'named' && key.name === 'tab' && question.others.length > 0) {
    return only(withOverlay(state, { ...question, force: !question.force }));
  }
  return only(withOverlay(state, { ...question, typed: edited(question.typed, key) }));
}

function agreed(state: State, question: Question): Step {
  const effect = question.effect(question.force);
  const next = closed(state);
  const leaving = effect.kind === 'change' && effect.done.key === 'done.leave' ? effect.done.values : undefined;
  return only(leaving === undefined ? next : said(next, { key: 'doing.leave', values: leaving }), effect);
}
