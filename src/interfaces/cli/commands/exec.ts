/** `exec` and `attach`. */
import { type Command, Option } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { define, run } from '../define.ts';
import { afterDashes, attach, type ExecFlags, exec } from '../in-container.ts';
import type { Session } from '../session.ts';
import { each, usage } from '../usage.ts';
import { absolutePath, environment, user } from '../values.ts';

export function execCommands(program: Command, session: Session): void {
  define(program, 'exec', 'Run a command in a container, on whatever host it is', [
    'exec cli ping -c1 10.42.0.5',
    'exec -it web sh',
    'echo hello | trama exec -i web tee /tmp/hello',
  ])
    .passThroughOptions()
    .option('-i, --interactive', 'send it our input')
    .option('-t, --tty', 'give it a terminal')
    .addOption(
      new Option('-e, --env <KEY=VALUE>', 'a variable of its environment; may be repeated').argParser(
        each((text) => environment(session.io.env, text)),
      ),
    )
    .addOption(
      new Option('-u, --user <NAME|UID>', 'run as this user: NAME or UID, and perhaps :GROUP').argParser(usage(user)),
    )
    .addOption(
      new Option('-w, --workdir <DIRECTORY>', 'in this directory of the container').argParser(
        usage(absolutePath('a directory of a container')),
      ),
    )
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .argument('<COMMAND...>', 'the command, with its own options')
    .action(
      run(session, (word: string, command: string[], flags: ExecFlags) =>
        exec(session, word, afterDashes(command), flags),
      ),
    );
  define(program, 'attach', "Join the streams of a container's main process; Ctrl-C leaves it", [
    'attach web',
    'attach h2/web --no-stdin',
  ])
    .option('--no-stdin', 'do not send it our input')
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .action(run(session, (word: string, { stdin }: { stdin: boolean }) => attach(session, word, stdin)));
}
