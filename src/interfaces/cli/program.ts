/** The command tree. Of a command that is named the others are not loaded: most of the time to its first word would be theirs. */
import { Command, Option } from 'commander';
import { localContext } from '../../domain/users.ts';
import { withExamples } from './define.ts';
import type { Session } from './session.ts';

type Adds = (program: Command, session: Session) => void;

/** First words of commands, and who adds them. */
interface Part {
  readonly verbs: readonly string[];
  load(): Promise<Adds>;
}

const part = (verbs: string, load: () => Promise<Adds>): Part => ({ verbs: verbs.split(' '), load });

/** As help shows them. */
const groups: Readonly<Record<string, readonly Part[]>> = {
  'Daemons:': [part('up server agent', async () => (await import('./commands/daemons.ts')).daemonCommands)],
  'Cluster:': [
    part('console', async () => (await import('./commands/console.ts')).consoleCommand),
    part('info', async () => (await import('./commands/info.ts')).infoCommand),
    part('token', async () => (await import('./commands/token.ts')).tokenCommands),
    part('user', async () => (await import('./commands/user.ts')).userCommands),
    part('context', async () => (await import('./commands/context.ts')).contextCommands),
    part('node', async () => (await import('./commands/node.ts')).nodeCommands),
    part('network', async () => (await import('./commands/network.ts')).networkCommands),
    part('image', async () => (await import('./commands/image.ts')).imageCommands),
    part('apply diff', async () => (await import('./commands/apply.ts')).applyCommands),
    part('store', async () => (await import('./commands/store.ts')).storeCommands),
  ],
  'Containers:': [
    part('run', async () => (await import('./commands/run.ts')).runCommand),
    part('ps inspect start stop rm', async () => (await import('./commands/containers.ts')).containerCommands),
    part('stats', async () => (await import('./commands/stats.ts')).statsCommand),
    part('events', async () => (await import('./commands/events.ts')).eventsCommand),
    part('logs', async () => (await import('./commands/logs.ts')).logsCommand),
    part('exec attach', async () => (await import('./commands/exec.ts')).execCommands),
    part('debug', async () => (await import('./commands/debug.ts')).debugCommand),
    part('cp', async () => (await import('./commands/cp.ts')).copyCommand),
  ],
  'This host:': [
    part('doctor', async () => (await import('./commands/doctor.ts')).doctorCommand),
    part('lab', async () => (await import('./commands/lab.ts')).labCommands),
  ],
  // Help, completion and the manual page tell of all commands.
  'This program:': [
    part('', async () => (await import('./commands/help.ts')).helpCommand),
    part('version', async () => (await import('./commands/version.ts')).versionCommand),
    part('', async () => (await import('./commands/completion.ts')).completionCommands),
    part('', async () => (await import('./commands/manual.ts')).manualCommand),
  ],
};

/**
 * @param verb first word of the command that is asked for, if one is: what is there is no more than it takes
 * @param out takes the text of help. What commander would print of errors is left to `cli.ts`.
 */
export async function buildProgram(
  session: Session,
  out: (text: string) => void,
  verb: string | undefined,
): Promise<Command> {
  const program = rootOf(session, out);
  const all = Object.entries(groups).flatMap(([heading, parts]) => parts.map((each) => ({ heading, ...each })));
  const asked = all.filter(({ verbs }) => verb !== undefined && verb !== '' && verbs.includes(verb));
  const loaded = (asked.length > 0 ? asked : all).map(async ({ heading, load }) => ({ heading, adds: await load() }));
  for (const { heading, adds } of await Promise.all(loaded)) {
    program.commandsGroup(heading);
    if (heading === 'This program:') program.helpCommand(false);
    adds(program, session);
  }
  return program;
}

function rootOf(session: Session, out: (text: string) => void): Command {
  const program = new Command('trama')
    .description('Joins containers on many Linux hosts into one network, and lets a person see through it.')
    .version(`trama ${session.io.version}`, '-V, --version')
    .addOption(new Option('--context <CONTEXT>', 'control the cluster of this context (also TRAMA_CONTEXT)'))
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: out,
      writeErr: () => {},
      getOutHelpWidth: () => session.io.stdout.columns,
      getOutHasColors: () => false,
    });
  program.hook('preAction', async (_, command) => {
    const { context } = program.opts<{ context?: string }>();
    if (context !== undefined && context !== localContext) {
      (await import('./commands/context.ts')).checkGoesElsewhere(command);
    }
    session.contextFlag = context;
  });
  return withExamples(
    program,
    ['up', 'network create app', 'run -d --name web --network app nginx', 'ps'],
    '\nMore of a command: trama COMMAND --help; of ports, names, output and more: trama help',
  );
}
