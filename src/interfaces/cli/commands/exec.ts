/** `exec`, `attach` and `logs`. */
import { type Command, Option } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { Failure, isFailure } from '../../../domain/errors.ts';
import type { ByteStream } from '../../../protocol/api.ts';
import { type Carried, carry } from '../carry.ts';
import { containerNames } from '../container-names.ts';
import { define, run } from '../define.ts';
import { Interrupted, type Session } from '../session.ts';
import { clause } from '../text.ts';
import { each, usage } from '../usage.ts';
import { environment, user, whole } from '../values.ts';

interface ExecFlags {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: (string | undefined)[];
  readonly user?: string;
}

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
      new Option('-u, --user <USER>', 'run as this user: NAME or UID, and perhaps :GROUP').argParser(usage(user)),
    )
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .argument('<COMMAND...>', 'the command, with its own options')
    .action(run(session, (word: string, command: string[], flags: ExecFlags) => exec(session, word, command, flags)));
  define(program, 'attach', "Join the streams of a container's main process; Ctrl-C leaves it", [
    'attach web',
    'attach h2/web --no-stdin',
  ])
    .option('--no-stdin', 'do not send it our input')
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .action(run(session, (word: string, { stdin }: { stdin: boolean }) => attach(session, word, stdin)));
  define(program, 'logs', 'Show what a container printed', ['logs web', 'logs -f --tail 20 web'])
    .option('-f, --follow', 'go on until it ends')
    .addOption(
      new Option('--tail <N>', 'only the last N lines').argParser(usage(whole('a number of lines', 0, 1_000_000_000))),
    )
    .option('-t, --timestamps', 'with the time of each line')
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .action(
      run(session, async (word: string, flags: { follow?: boolean; tail?: number; timestamps?: boolean }) => {
        const [name = word] = await containerNames(session, [word]);
        const { follow = false, timestamps = false, tail } = flags;
        const stream = await session.open('workload.logs', {
          name,
          follow,
          timestamps,
          ...(tail === undefined ? {} : { tail }),
        });
        await interruptibly(session, name, stream, { input: false, tty: false });
        return 0;
      }),
    );
}

async function exec(session: Session, word: string, command: string[], flags: ExecFlags): Promise<number> {
  const [name = word] = await containerNames(session, [word]);
  const { interactive = false, tty = false } = flags;
  const stream = await session.open('workload.exec', {
    name,
    command,
    tty,
    stdin: interactive,
    env: (flags.env ?? []).filter((one) => one !== undefined),
    ...(flags.user === undefined ? {} : { user: flags.user }),
  });
  return told(session, await interruptibly(session, name, stream, { input: interactive, tty }));
}

/** The exit code of a command, and on stderr why it could not be started. */
export async function told(session: Session, result: unknown): Promise<number> {
  const { error } = (result ?? {}) as { error?: unknown };
  if (typeof error === 'string') await session.complain(new Failure('invalid', error));
  return exitCodeOf(result);
}

/** Its keys are the terminal's that it has, if it has one: ctrl-p ctrl-q leaves that. */
async function attach(session: Session, word: string, stdin: boolean): Promise<number> {
  const [name = word] = await containerNames(session, [word]);
  const stream = await session.open('workload.attach', { name, stdin });
  return exitCodeOf(await interruptibly(session, name, stream, { input: stdin, tty: false }));
}

/**
 * Carries a stream until its end; Ctrl-C leaves it. What goes on in the container goes on.
 * @param explained an error of the stream, in words for somebody who was looking
 */
export async function interruptibly(
  session: Session,
  name: string,
  stream: ByteStream,
  carried: Carried,
  explained = (error: unknown) => lost(name, error),
): Promise<unknown> {
  const stop = () => stream.reset(new Interrupted(''));
  const undo = [session.io.onSignal('SIGINT', stop), session.io.onSignal('SIGTERM', stop)];
  try {
    return await carry(session, stream, carried);
  } catch (error) {
    throw explained(error);
  } finally {
    for (const one of undo) one();
  }
}

/** A connection that broke, in words for somebody who was looking at a container. */
export function lost(name: string, error: unknown, what = 'what ran there may go on'): unknown {
  if (!isFailure(error, 'unavailable') || error instanceof Interrupted) return error;
  const sentence = `the connection to ${name} was lost, and ${what}: ${clause(error.message)}`;
  return new Failure('unavailable', sentence, { cause: error });
}

/** @throws Failure when the other side ended without telling. */
export function exitCodeOf(result: unknown): number {
  const { exitCode } = (result ?? {}) as { exitCode?: unknown };
  if (typeof exitCode === 'number') return exitCode;
  throw new Failure('internal', 'it ended without an exit code: see what `trama inspect` says of the container');
}
