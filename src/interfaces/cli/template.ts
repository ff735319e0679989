/**
 * Templates as Go's tools take them (`-o '{{.name}}'`), a part of the language: fields, `range`, `if`, `else`, `end`, pipes, parentheses,
 * and the functions below. Fields are the JSON's, whatever the case of their letters. Pure.
 */
import { Failure } from '../../domain/errors.ts';
import { quoted } from '../../domain/quoted.ts';
import { alternatives } from './text.ts';

/** Turns a value into text. @throws Failure `invalid` for a field that it has not */
export type Template = (value: unknown) => string;

type Render = (dot: unknown) => string;
type Evaluate = (dot: unknown) => unknown;

/** @throws Failure `invalid` that says what is wrong with it */
export function parseTemplate(text: string): Template {
  const parts = partsOf(text);
  const body = new Parser(parts).block();
  if (parts.length > 0) throw wrong(`{{${parts[0]?.action}}} is not within a range or an if`);
  return body;
}

interface Part {
  readonly text: string;
  /** What is between the braces after the text; undefined at the end. */
  readonly action: string | undefined;
}

/** A dash takes the white space on its side away. */
function partsOf(template: string): Part[] {
  const parts: Part[] = [];
  let rest = template;
  for (;;) {
    const found = /^([\s\S]*?)\{\{(- )?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`])*?)( -)?\}\}/.exec(rest);
    if (found === null) break;
    const [whole, text = '', before, action = '', after] = found;
    parts.push({ text: before ? text.trimEnd() : text, action: action.trim() });
    rest = rest.slice(whole.length);
    if (after) rest = rest.trimStart();
  }
  if (rest.includes('{{')) throw wrong('an opening {{ has no closing }}');
  return [...parts, { text: rest, action: undefined }];
}

class Parser {
  readonly #parts: Part[];

  constructor(parts: Part[]) {
    this.#parts = parts;
  }

  /** Up to what ends it, which is left as the first part. */
  block(): Render {
    const pieces: Render[] = [];
    for (;;) {
      const part = this.#parts.shift();
      if (part === undefined) break;
      pieces.push(() => part.text);
      if (part.action === undefined) break;
      if (part.action === 'end' || part.action === 'else') {
        this.#parts.unshift({ text: '', action: part.action });
        break;
      }
      pieces.push(this.#action(part.action));
    }
    return (dot) => pieces.map((piece) => piece(dot)).join('');
  }

  #action(action: string): Render {
    const [, keyword, rest = ''] = /^(range|if)\s+([\s\S]+)$/.exec(action) ?? [];
    if (keyword === undefined) {
      const evaluate = expression(action);
      return (dot) => shown(evaluate(dot));
    }
    const evaluate = expression(rest);
    const [body, otherwise] = this.#branches(keyword);
    if (keyword === 'if') return (dot) => (isTrue(evaluate(dot)) ? body : otherwise)(dot);
    return (dot) => {
      const items = itemsOf(evaluate(dot));
      return items.length === 0 ? otherwise(dot) : items.map(body).join('');
    };
  }

  #branches(keyword: string): [body: Render, otherwise: Render] {
    const body = this.block();
    const next = this.#parts.shift()?.action;
    if (next === 'end') return [body, () => ''];
    if (next !== 'else') throw wrong(`{{${keyword}}} has no {{end}}`);
    const otherwise = this.block();
    if (this.#parts.shift()?.action !== 'end') throw wrong(`{{${keyword}}} has no {{end}}`);
    return [body, otherwise];
  }
}

const wordPattern = /\s*(\(|\)|\||"(?:[^"\\]|\\.)*"|`[^`]*`|-?\d+(?:\.\d+)?|\.[\w.]*|\w+)/y;

function expression(text: string): Evaluate {
  const words: string[] = [];
  wordPattern.lastIndex = 0;
  while (wordPattern.lastIndex < text.trimEnd().length) {
    const at = wordPattern.lastIndex;
    const word = wordPattern.exec(text)?.[1];
    if (word === undefined) throw wrong(`{{${text}}} is not understood at ${quoted(text.slice(at).trim())}`);
    words.push(word);
  }
  const evaluate = pipeline(words, text);
  if (words.length > 0) throw wrong(`{{${text}}} has a ${quoted(words[0] ?? '')} too many`);
  return evaluate;
}

/** What is before a pipe is the last argument of what is behind it. */
function pipeline(words: string[], text: string): Evaluate {
  let evaluate = command(words, text);
  while (words[0] === '|') {
    words.shift();
    evaluate = command(words, text, evaluate);
  }
  return evaluate;
}

function command(words: string[], text: string, piped?: Evaluate): Evaluate {
  const first = words.shift();
  if (first === undefined || first === ')' || first === '|') throw wrong(`{{${text}}} lacks something`);
  if (!/^[a-z]/i.test(first) || first === 'true' || first === 'false') {
    if (piped !== undefined)
      throw wrong(`${quoted(first)} is not a function: there are ${alternatives(Object.keys(functions))}`);
    return operand(first, words, text);
  }
  const use = Object.hasOwn(functions, first) ? functions[first] : undefined;
  if (use === undefined) {
    throw wrong(`${quoted(first)} is not a function: there are ${alternatives(Object.keys(functions))}`);
  }
  const given: Evaluate[] = [];
  while (words.length > 0 && words[0] !== ')' && words[0] !== '|')
    given.push(operand(words.shift() ?? '', words, text));
  if (piped !== undefined) given.push(piped);
  if (given.length === 0) throw wrong(`${first} needs to know of what: {{${first} .name}}`);
  return (dot) => use(...given.map((each) => each(dot)));
}

function operand(word: string, words: string[], text: string): Evaluate {
  if (word === '(') {
    const inner = pipeline(words, text);
    if (words.shift() !== ')') throw wrong(`{{${text}}} lacks a closing parenthesis`);
    return inner;
  }
  if (word.startsWith('.')) {
    const path = word.split('.').filter((key) => key !== '');
    return (dot) => path.reduce(field, dot);
  }
  if (word.startsWith('"')) return constant(JSON.parse(word));
  if (word.startsWith('`')) return constant(word.slice(1, -1));
  if (word === 'true' || word === 'false') return constant(word === 'true');
  if (/^-?\d/.test(word)) return constant(Number(word));
  throw wrong(`${quoted(word)} is not a value: a field begins with a dot, a text with a quotation mark`);
}

const constant = (value: unknown) => () => value;

function field(value: unknown, name: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw wrong(`${Array.isArray(value) ? 'a list' : quoted(String(value))} has no field .${name}`);
  }
  const keys = Object.keys(value);
  const key = keys.find((each) => each === name) ?? keys.find((each) => each.toLowerCase() === name.toLowerCase());
  if (key !== undefined) return (value as Record<string, unknown>)[key];
  throw wrong(`there is no field .${name}: there are ${keys.map((each) => `.${each}`).join(', ')}`);
}

const functions: Readonly<Record<string, (...given: unknown[]) => unknown>> = {
  json: (value) => JSON.stringify(value) ?? 'null',
  join: (list, between) =>
    itemsOf(list)
      .map(shown)
      .join(shown(between ?? '')),
  len: (value) => (typeof value === 'string' ? [...value].length : itemsOf(value).length),
  index: (value, ...path) =>
    path.reduce((at: unknown, key) => (Array.isArray(at) ? at[Number(key)] : field(at, String(key))), value),
  upper: (text) => shown(text).toUpperCase(),
  lower: (text) => shown(text).toLowerCase(),
  println: (...values) => `${values.map(shown).join(' ')}\n`,
  eq: (first, ...others) => others.some((other) => other === first),
  ne: (first, other) => first !== other,
  not: (value) => !isTrue(value),
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
};

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function isTrue(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? itemsOf(value).length > 0 : Boolean(value);
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const wrong = (why: string) => new Failure('invalid', `the template cannot be used: ${why}`);
