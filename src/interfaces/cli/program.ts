/** The command tree. */
import { Command } from 'commander';
import { completionCommands } from './commands/completion.ts';
import { containerCommands } from './commands/containers.ts';
import { daemonCommands } from './commands/daemons.ts';
import { debugCommand } from './commands/debug.ts';
import { execCommands } from './commands/exec.ts';
import { networkCommands } from './commands/network.ts';
import { nodeCommands } from './commands/node.ts';
import { runCommand } from './commands/run.ts';
import { tokenCommands } from './commands/token.ts';
import { versionCommand } from './commands/version.ts';
import type { Session } from './session.ts';

/** @param out takes the text of help. What commander would print of errors is left to `cli.ts`. */
export function buildProgram(session: Session, out: (text: string) => void): Command {
  const program = new Command('trama')
    .description('Joins containers on many Linux hosts into one network, and lets a person see through it.')
    .version(`trama ${session.io.version}`, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: out,
      writeErr: () => {},
      getOutHelpWidth: () => session.io.stdout.columns,
      getOutHasColors: () => false,
    })
    .addHelpText(
      'after',
      '\nExamples:\n  $ trama up\n  $ trama network create app\n  $ trama run -d --name web --network app nginx\n  $ trama ps\n\nMore of a command: trama COMMAND --help',
    );
  daemonCommands(program.commandsGroup('Daemons:'), session);
  program.commandsGroup('Cluster:');
  tokenCommands(program, session);
  nodeCommands(program, session);
  networkCommands(program, session);
  program.commandsGroup('Containers:');
  runCommand(program, session);
  containerCommands(program, session);
  execCommands(program, session);
  debugCommand(program, session);
  program.commandsGroup('This program:');
  versionCommand(program, session);
  completionCommands(program, session);
  return program;
}
