import { spawn as nodeSpawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';

/** A process that somebody converses with. */
export interface Piped {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Its exit code, of one that was killed 128 and the signal's number, as shells count; -1 when it could not start. */
  readonly ended: Promise<number>;
  /** To it and to what it has started, unless that has left its process group. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts a process in a group of its own. @param env added to ours */
export function startPiped(argv: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}): Piped {
  const [file, ...rest] = argv;
  const child = nodeSpawn(file, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  });
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(-1));
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  // EPIPE: it ended without reading; its exit code tells.
  child.stdin.on('error', () => {});
  return {
    pid: child.pid ?? -1,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill(signal) {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  };
}

/** Resolves when more may be written; what comes after its reader has gone is dropped, as a pipe would. */
export async function writeTo(target: Writable, data: Uint8Array): Promise<void> {
  if (!target.writable || target.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      target.off('drain', done);
      target.off('close', done);
      resolve();
    };
    target.once('drain', done);
    target.once('close', done);
  });
}
