/** Streams of containers joined with ours: what `exec`, `attach` and others that look into one have in common. Loads little. */
import { Failure, isFailure } from '../../domain/errors.ts';
import type { ByteStream } from '../../protocol/api.ts';
import { type Carried, carry, tell } from './carry.ts';
import { containerNames } from './container-names.ts';
import { ConnectionLost, Interrupted, type Session } from './session.ts';
import { clause } from './text.ts';

export interface ExecFlags {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: (string | undefined)[];
  readonly user?: string;
  readonly workdir?: string;
}

/** @returns the exit code of the command */
export async function exec(session: Session, word: string, command: string[], flags: ExecFlags): Promise<number> {
  const [name = word] = await containerNames(session, [word]);
  const { interactive = false, tty = false } = flags;
  const stream = await session.open('workload.exec', {
    name,
    command,
    tty,
    stdin: interactive,
    env: (flags.env ?? []).filter((one) => one !== undefined),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.workdir === undefined ? {} : { workdir: flags.workdir }),
  });
  return told(session, await interruptibly(session, name, stream, { input: interactive, tty, signals: true }));
}

/** A command with `--` in front, as kubectl has it between its own words and the command's: no program is called that. */
export function afterDashes(command: readonly string[]): string[] {
  return command[0] === '--' ? command.slice(1) : [...command];
}

/** The exit code of a command, and on stderr why it could not be started. */
export async function told(session: Session, result: unknown): Promise<number> {
  const { error } = (result ?? {}) as { error?: unknown };
  if (typeof error === 'string') await session.complain(new Failure('invalid', error));
  return exitCodeOf(result);
}

/** Its keys are the terminal's that it has, if it has one: ctrl-p ctrl-q leaves that. */
export async function attach(session: Session, word: string, stdin: boolean): Promise<number> {
  const [name = word] = await containerNames(session, [word]);
  const stream = await session.open('workload.attach', { name, stdin });
  return exitCodeOf(await interruptibly(session, name, stream, { input: stdin, tty: false }));
}

/**
 * Carries a stream until its end; Ctrl-C leaves it, or, where signals are passed on, is the command's, and leaves at the second
 * time. What goes on in the container goes on.
 * @param explained an error of the stream, in words for somebody who was looking
 */
export async function interruptibly(
  session: Session,
  name: string,
  stream: ByteStream,
  carried: Carried,
  explained = (error: unknown) => lost(name, error),
): Promise<unknown> {
  let passed = false;
  const on = (signal: 'INT' | 'TERM') =>
    session.io.onSignal(`SIG${signal}`, () => {
      if (!carried.signals || passed) stream.reset(new Interrupted(''));
      else tell(stream, { type: 'signal', signal });
      passed = true;
    });
  const undo = [on('INT'), on('TERM')];
  try {
    return await carry(session, stream, carried);
  } catch (error) {
    throw explained(error);
  } finally {
    for (const one of undo) one();
  }
}

/** A connection that broke, in words for somebody who was looking at a container. */
export function lost(name: string, error: unknown, what = 'and what ran there may go on'): unknown {
  if (!isFailure(error, 'unavailable') || error instanceof Interrupted) return error;
  const sentence = `the connection to ${name} was lost, ${what}: ${clause(error.message)}`;
  return new ConnectionLost(sentence, { cause: error });
}

/** @throws Failure when the other side ended without telling. */
export function exitCodeOf(result: unknown): number {
  const { exitCode } = (result ?? {}) as { exitCode?: unknown };
  if (typeof exitCode === 'number') return exitCode;
  throw new Failure('internal', 'it ended without an exit code: see what `trama inspect` says of the container');
}
