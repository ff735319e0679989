/** The command line: words in, exit code out. */
import { type Command, CommanderError } from 'commander';
import { type CliIo, OutputClosed } from './io.ts';
import { buildProgram } from './program.ts';
import { Interrupted, Session } from './session.ts';
import { alternatives, cut } from './text.ts';
import { UsageError } from './usage.ts';

const codes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs `trama` with the words after its name. Data goes to stdout, messages to stderr: for every failure one sentence.
 * @returns the exit code: 0 done, 1 failed, 2 usage, 130 interrupted; of `exec` and `run` the container's own.
 * The caller ends the process then: a question to the daemon may still be open.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const session = new Session(io);
  const help: string[] = [];
  const program = buildProgram(session, (text) => help.push(text));
  try {
    try {
      await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
      return session.exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0) throw new UsageError(sentence(error, program, argv), { cause: error });
      await io.stdout.write(help.join(''));
      return codes.done;
    }
  } catch (error) {
    return report(session, error);
  }
}

async function report(session: Session, error: unknown): Promise<number> {
  // Whoever closed the pipe has seen enough.
  if (error instanceof OutputClosed) return codes.done;
  if (error instanceof Interrupted) {
    if (error.message !== '') await session.complain(error);
    return codes.interrupted;
  }
  await session.complain(error);
  return error instanceof UsageError ? codes.usage : codes.failed;
}

/** What commander found, in our words: one line, nothing too long, and where to read more. */
function sentence(error: CommanderError, program: Command, argv: readonly string[]): string {
  const command = commandOf(program, argv);
  const path = pathOf(command);
  const more = `see \`${path} --help\``;
  if (error.code === 'commander.help') {
    const verbs = command.commands.map((one) => one.name()).filter((name) => name !== 'help');
    return `${path} needs to know what to do: ${alternatives(verbs)}; ${more}`;
  }
  const text = error.message
    .replace(/^error: /, '')
    .replace(/'([^']{61,})'/g, (_, long: string) => `'${cut(long, 60)}'`);
  const [said = '', guess] = text.replace('. Expected', ': expected').split(/\n\(Did you mean /);
  if (guess !== undefined) return `${said}: did you mean ${guess.replace(/\?\)$/, '')}?`;
  return `${said.replace(/\.$/, '')}; ${more}`;
}

function commandOf(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
