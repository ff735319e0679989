import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CommandFailed } from './spawn.ts';

/**
 * Runs a program with our own terminal, input and output, until it ends; keys such as Ctrl-C are its own. @returns its exit
 * code; of one that a signal ended 128 and its number. @throws CommandFailed when it cannot start
 */
export function runAttached(argv: readonly [string, ...string[]]): Promise<number> {
  const [file, ...rest] = argv;
  const ignore = () => {};
  // The terminal tells both of us; what is to be done about it is the program's to say.
  process.on('SIGINT', ignore);
  process.on('SIGQUIT', ignore);
  const child = spawn(file, rest, { stdio: 'inherit' });
  const pass = () => void child.kill('SIGTERM');
  process.on('SIGTERM', pass);
  return new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = missing ? 'is not installed' : error.message;
      reject(new CommandFailed(argv, { code: -1, stdout: '', stderr: '' }, why, { cause: error }));
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  }).finally(() => {
    process.off('SIGINT', ignore);
    process.off('SIGQUIT', ignore);
    process.off('SIGTERM', pass);
  });
}
