import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { CommandFailed } from './spawn.ts';

/** A process in a session of its own: Ctrl-C at the terminal does not reach it, and it does not die with its starter. */
export interface Detached {
  readonly pid: number;
  /** Exit code, or -1 when a signal ended it. */
  readonly ended: Promise<number>;
}

/**
 * Starts a process whose standard output and error are appended to a file. Resolves when it runs.
 * @throws CommandFailed when it cannot start.
 */
export function startDetached(
  argv: readonly [string, ...string[]],
  options: { readonly log: string; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<Detached> {
  const [file, ...rest] = argv;
  const log = openSync(options.log, 'a', 0o600);
  const child = spawn(file, rest, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve({ pid: child.pid ?? -1, ended }));
    child.once('error', (error) => {
      const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not installed' : error.message;
      reject(new CommandFailed(argv, { code: -1, stdout: '', stderr: '' }, why, { cause: error }));
    });
  });
}
