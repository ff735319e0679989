/** `debug`. */
import { type Command, Option } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { checkImage } from '../../../domain/image.ts';
import { containerNames } from '../container-names.ts';
import { define, run } from '../define.ts';
import { afterDashes, interruptibly, lost, told } from '../in-container.ts';
import type { Session } from '../session.ts';
import { each, usage } from '../usage.ts';
import { environment } from '../values.ts';

interface DebugFlags {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly hostTools?: boolean;
  readonly env?: (string | undefined)[];
}

/** May stand behind the container too, where an image would. */
const hostTools = '--host-tools';

export function debugCommand(program: Command, session: Session): void {
  define(program, 'debug', "Join a container's network and processes with tools, also when it has no shell", [
    'debug web',
    'debug web --host-tools ss -tlnp',
    'debug web alpine',
    'debug web registry:5000/tools:1 tcpdump -c3 -i eth0',
  ])
    .passThroughOptions()
    .option('-i, --interactive', 'send it our input (default: if that is a terminal)')
    .option('-t, --tty', 'give it a terminal (default: if ours is one)')
    .addOption(
      new Option('-e, --env <KEY=VALUE>', 'a variable of its environment; may be repeated').argParser(
        each((text) => environment(session.io.env, text)),
      ),
    )
    .option(hostTools, "the tools of the container's host, as without an image")
    .argument('<CONTAINER>', 'its name or id, or NODE/NAME', usage(checkContainerReference))
    .argument('[IMAGE]', "image of the tools (default: the host's own)")
    .argument('[COMMAND...]', 'a command, with its own options (default: a shell)')
    .action(
      run(session, (word: string, image: string | undefined, command: string[], flags: DebugFlags) =>
        debug(session, word, image === undefined ? [] : [image, ...command], flags),
      ),
    );
}

async function debug(session: Session, word: string, rest: readonly string[], flags: DebugFlags): Promise<number> {
  const { io } = session;
  const behind = rest[0] === hostTools || rest[0] === '--';
  const ofHost = behind || flags.hostTools || rest.length === 0;
  const command = afterDashes(behind || !ofHost ? rest.slice(1) : rest);
  const { interactive = io.stdin.isTTY, tty = io.stdin.isTTY && io.stdout.isTTY } = flags;
  const image = ofHost ? undefined : usage(checkImage)(rest[0] ?? '');
  const [name = word] = await containerNames(session, [word]);
  const stream = await session.open('workload.debug', {
    ...{ name, command, tty, stdin: interactive },
    env: [
      ...(tty && io.env.TERM ? [`TERM=${io.env.TERM}`] : []),
      ...(flags.env ?? []).filter((one) => one !== undefined),
    ],
    ...(image === undefined ? {} : { image }),
  });
  let begun = false;
  const onOutput = () => {
    begun = true;
  };
  const onProgress = (message: string) => session.note(`${name}: ${message}`);
  // Before that it may be that they could not be had: no connection was lost then.
  const explained = (error: unknown) => (begun ? lost(name, error, 'and the tools end with it') : error);
  const carried = { input: interactive, tty, onProgress, onOutput };
  return told(session, await interruptibly(session, name, stream, carried, explained));
}
