/** The command line: words in, exit code out. */
import { type Command, CommanderError } from 'commander';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';
import { codes, report } from './report.ts';
import { Session } from './session.ts';
import { alternatives, cut } from './text.ts';
import { UsageError } from './usage.ts';

/**
 * Runs `trama` with the words after its name. Data goes to stdout, messages to stderr: for every failure one sentence.
 * @returns the exit code: 0 done, 1 failed, 2 usage, 130 interrupted; of `exec` and `run` the container's own, and 125
 * when the connection to it was lost.
 * The caller ends the process then: a question to the daemon may still be open.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const session = new Session(io);
  const help: string[] = [];
  const program = await buildProgram(session, (text) => help.push(text), withoutContext(argv)[0]);
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

/** What commander found, in our words: one line, nothing too long, and where to read more. */
function sentence(error: CommanderError, program: Command, argv: readonly string[]): string {
  const command = commandOf(program, argv);
  const path = pathOf(command);
  const more = `see \`${path} --help\``;
  if (error.code === 'commander.help') {
    const verbs = command.commands.map((one) => one.name()).filter((name) => name !== 'help');
    return `${path} needs to know what to do: ${alternatives(verbs)}; ${more}`;
  }
  if (error.code === 'commander.unknownOption' && / '--context[='\b]/.test(error.message))
    return `--context stands before the command: trama --context CONTEXT ${path.replace(/^trama /, '')}`;
  const text = error.message
    .replace(/^error: /, '')
    .replace('. Allowed choices are ', ': choose one of ')
    .replace(/'([^']{61,})'/g, (_, long: string) => `'${cut(long, 60)}'`);
  const [said = '', guess] = text.replace('. Expected', ': expected').split(/\n\(Did you mean /);
  if (guess !== undefined) return `${said}: did you mean ${guess.replace(/\?\)$/, '')}?`;
  return `${said.replace(/\.$/, '')}; ${more}`;
}

function commandOf(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of withoutContext(argv)) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

/** The one flag that may stand before the command. */
const withoutContext = ([first, ...rest]: readonly string[]): readonly string[] =>
  first === '--context'
    ? rest.slice(1)
    : first?.startsWith('--context=')
      ? rest
      : first === undefined
        ? []
        : [first, ...rest];

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
