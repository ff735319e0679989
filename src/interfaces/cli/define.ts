/** How commands are written down, so that help, completion and errors are the same everywhere. */
import { type Command, Option } from 'commander';
import type { Session } from './session.ts';
import { alternatives } from './text.ts';
import { UsageError } from './usage.ts';

/** A command under `parent`. Examples are shown by its help, as they are typed. */
export function define(parent: Command, name: string, says: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ trama ${example}\n`).join('');
  return parent
    .command(name)
    .description(says)
    .addHelpText('after', `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines}`.trimEnd());
}

/** Runs a handler; what it returns is the exit code. */
export function run<A extends unknown[]>(
  session: Session,
  handler: (...args: A) => Promise<number>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    session.exitCode = await handler(...args);
  };
}

export interface Format {
  readonly output: 'table' | 'json';
}

/** `-o json|table`, on everything that lists or shows. */
export function formatOption(): Option {
  const formats = ['json', 'table'];
  const option = new Option('-o, --output <FORMAT>', 'json or table').choices(formats).default('table', 'table');
  return option.argParser((text) => {
    if (formats.includes(text)) return text;
    throw new UsageError(`${JSON.stringify(text.slice(0, 60))} is not a format: choose ${alternatives(formats)}`);
  });
}

/** Shows a value as JSON, or as text for people. */
export function show<T>(session: Session, format: Format, value: T, forPeople: (value: T) => string): Promise<void> {
  return session.print(format.output === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : forPeople(value));
}

/** Cells a table may take: the terminal's, or any number. */
export const widthOf = (session: Session): number | undefined =>
  session.io.stdout.isTTY ? session.io.stdout.columns : undefined;
