/** A file that people write, in YAML, as a value of a schema; what is wrong is told with its line. */
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { DocumentRefused, either, nearest, type Path, Problems } from './problems.ts';

export interface ReadDocument<T> {
  readonly value: T;
  /** Takes further problems, and knows their lines. */
  readonly problems: Problems;
  readonly warnings: readonly string[];
}

export interface Kind<T> {
  readonly schema: z.ZodType<T>;
  /** What it is called where nothing else can be said: `topology`. */
  readonly name: string;
  /** Brings another system's file of the same shape into ours. */
  adapt?(value: unknown): Adapted;
}

export interface Adapted {
  readonly value: unknown;
  /** What means nothing here, and why not. */
  readonly ignored: readonly Path[];
  readonly why: string;
  /** What cannot be so; told by `problems`. */
  readonly wrong: readonly { readonly path: Path; readonly sentence: string }[];
}

/** @param file its name, for messages. @throws DocumentRefused */
export function readDocument<T>(file: string, text: string, kind: Kind<T>): ReadDocument<T> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line } = counter.linePos(broken.pos[0]);
    throw new DocumentRefused([`${file}:${line}: this is not YAML: ${broken.message}: correct the line`]);
  }
  const problems = new Problems(file, (path) => counter.linePos(offsetOf(document.contents, path)).line);
  const read = plainValue(document, (offset, sentence) => {
    const { line } = offset === undefined ? { line: 1 } : counter.linePos(offset);
    return new DocumentRefused([`${file}:${line}: ${sentence}`]);
  });
  const adapted: Adapted = kind.adapt?.(read) ?? { value: read, ignored: [], why: '', wrong: [] };
  const { value, ignored, why } = adapted;
  for (const { path, sentence } of adapted.wrong) problems.at(path, sentence);
  const at = (path: Path) => offsetOf(document.contents, path);
  const warnings = ignored.toSorted((a, b) => at(a) - at(b)).map((path) => problems.told(path, why));
  const checked = kind.schema.safeParse(value ?? {});
  if (checked.success) return { value: checked.data, problems, warnings };
  for (const issue of checked.error.issues) tell(problems, kind.schema, issue);
  problems.refuse();
  throw new DocumentRefused([`${file}:1: this is no ${kind.name}`]);
}

/** @throws what `refusal` says of aliases, which the parser leaves alone: one of nothing, or so many that they would never end */
function plainValue(
  document: Document.Parsed,
  refusal: (offset: number | undefined, sentence: string) => Error,
): unknown {
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const { source } = alias;
      throw refusal(alias.range?.[0], `there is no &${source} before *${source}: correct the name, or add the anchor`);
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw refusal(undefined, `the aliases cannot be followed: ${error.message}: write out what they stand for`);
  }
}

/** Where in the text the thing at a path begins: its key, if it has one; else of what is around it. */
function offsetOf(contents: unknown, path: Path): number {
  let [node, offset] = [contents, isNode(contents) ? (contents.range?.[0] ?? 0) : 0];
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === `${part}`,
      );
      if (pair === undefined) return offset;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)];
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}

type Issue = z.core.$ZodIssue;

function tell(problems: Problems, schema: unknown, issue: Issue): void {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    for (const key of issue.keys) {
      const meant = nearest(key, known);
      const fix = meant === undefined ? `there are ${either(known)}` : `did you mean ${meant}?`;
      problems.at([...path, key], `there is no such key: ${fix}`);
    }
    return;
  }
  // Of what can be written in two ways, the one that was meant says more.
  const meant = issue.code === 'invalid_union' ? issue.errors.flat().filter((inner) => inner.path.length > 0) : [];
  if (meant.length === 0) problems.at(path, sentence(issue));
  for (const inner of meant) tell(problems, schema, { ...inner, path: [...issue.path, ...inner.path] });
}

function sentence(issue: Issue): string {
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.flat().map(sentence);
    return [...new Set(inner)].join(', or ');
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'this is no name';
  if (issue.code === 'invalid_value') {
    const values = issue.values.map((value) => JSON.stringify(value));
    return values.length === 1 ? `write ${values[0]}` : `choose ${either(values)}`;
  }
  if (issue.code === 'invalid_type')
    return missing(issue) ? 'is missing: add it' : `this must be ${article(issue.expected)}`;
  if (issue.code === 'too_big' && issue.origin === 'array') return `this has ${issue.maximum} entries at most`;
  if (issue.code === 'too_small' && issue.origin === 'array')
    return issue.minimum === 1 ? 'this must not be empty' : `this needs ${issue.minimum} entries`;
  if (issue.code === 'too_small' && issue.origin === 'string') return 'this must not be empty';
  return issue.message;
}

/** What is not there is undefined to zod, and nothing that YAML can say is. */
const missing = (issue: Issue) => issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
const articles: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  record: 'a map',
  tuple: 'a list of two',
};
const article = (expected: string) => articles[expected] ?? `a ${expected}`;

/** Keys that a schema knows at a path. */
function keysAt(whole: unknown, path: Path): string[] {
  let schema = whole;
  for (const part of path) schema = step(unwrapped(schema), part);
  const { shape } = (unwrapped(schema) ?? {}) as { shape?: object };
  return Object.keys(shape ?? {});
}

interface Inside {
  readonly def?: {
    readonly type?: string;
    readonly innerType?: unknown;
    readonly in?: unknown;
    readonly options?: readonly unknown[];
  };
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly valueType?: unknown;
}

function unwrapped(schema: unknown): unknown {
  const { def } = (schema ?? {}) as Inside;
  if (['optional', 'nullable', 'default'].includes(def?.type ?? '')) return unwrapped(def?.innerType);
  if (def?.type === 'pipe') return unwrapped(def.in);
  if (def?.type === 'union') return unwrapped(def.options?.at(-1));
  return schema;
}

function step(schema: unknown, part: string | number): unknown {
  const { shape, element, valueType } = (schema ?? {}) as Inside;
  return typeof part === 'number' ? element : (shape?.[part] ?? valueType);
}
