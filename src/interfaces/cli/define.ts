/** How commands are written down, so that help, completion and errors are the same everywhere. */
import { type Command, Option } from 'commander';
import type { Session } from './session.ts';
import { parseTemplate, type Template } from './template.ts';
import { alternatives } from './text.ts';
import { UsageError, usage } from './usage.ts';
import type { Look } from './views.ts';

const known = new WeakMap<Command, { readonly examples: readonly string[]; readonly text: string }>();

/** A command under `parent`. Examples are shown by its help, as they are typed. */
export function define(parent: Command, name: string, says: string, examples: readonly string[]): Command {
  return withExamples(parent.command(name).description(says), examples);
}

export function withExamples(command: Command, examples: readonly string[], after = ''): Command {
  const lines = examples.map((example) => `  $ trama ${example}\n`).join('');
  const text = `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines}${after}`;
  known.set(command, { examples, text: `${text.trimEnd()}\n` });
  return command.addHelpText('after', text.trimEnd());
}

/** What `--help` shows. */
export const helpOf = (command: Command): string => command.helpInformation() + (known.get(command)?.text ?? '');

/** What follows `trama` in each. */
export const examplesOf = (command: Command): readonly string[] => known.get(command)?.examples ?? [];

/** Runs a handler; what it returns is the exit code. */
export function run<A extends unknown[]>(
  session: Session,
  handler: (...args: A) => Promise<number>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    session.exitCode = await handler(...args);
  };
}

/** A template is for one thing; of several it takes one after the other. */
export type Output = 'table' | 'wide' | 'json' | 'yaml' | { readonly template: Template };

export interface Format {
  readonly output: Output;
}

export const formats = ['json', 'yaml', 'table', 'wide'] as const;

/** `-o FORMAT`, on everything that lists or shows. */
export function formatOption(): Option {
  return new Option('-o, --output <FORMAT>', "json, yaml, table, wide, or a template like '{{.name}}'")
    .default('table', 'table')
    .argParser(outputOf);
}

function outputOf(text: string): Output {
  const known = formats.find((format) => format === text);
  if (known !== undefined) return known;
  if (text.includes('{{')) return { template: usage(parseTemplate)(text.replace(/^go-template=/, '')) };
  const shown = JSON.stringify(text.slice(0, 60));
  throw new UsageError(
    `${shown} is not a format: choose ${alternatives(formats)}, or write a template like '{{.name}}'`,
  );
}

/** Shows a value as JSON or YAML, by a template, or as text for people. */
export async function show<T>(
  session: Session,
  { output }: Format,
  value: T,
  forPeople: (value: T, wide: boolean) => string,
): Promise<void> {
  await session.print(await textOf(output, value, forPeople));
}

/** As `-o` asks for it. */
export async function textOf<T>(
  output: Output,
  value: T,
  forPeople: (value: T, wide: boolean) => string,
): Promise<string> {
  if (output === 'table' || output === 'wide') return forPeople(value, output === 'wide');
  if (output === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  // Not loaded for those who do not ask for it.
  if (output === 'yaml') return (await import('yaml')).stringify(value);
  const { template } = output;
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item) => template(item).replace(/\n?$/, '\n')).join('');
}

export interface Width {
  readonly trunc?: boolean;
}

/** Cells a table may take: the terminal's, or any number. */
export const widthOf = ({ io: { stdout } }: Session, { trunc = true }: Width = {}): Look =>
  trunc && stdout.isTTY && stdout.columns !== undefined ? { width: stdout.columns } : {};

/** On everything that lists. */
export const wholeLines = (): Option => new Option('--no-trunc', 'do not cut lines at the edge of the terminal');
