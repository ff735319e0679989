import { spawn as nodeSpawn } from 'node:child_process';

/** A command as an argument vector; never a line of shell. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Text for its standard input. */
  readonly input?: string;
  /** Default 10000. It is killed then. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that ended otherwise than asked. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly argv: readonly string[];
  readonly result: Finished;

  constructor(argv: readonly string[], result: Finished, why: string, options?: ErrorOptions) {
    super(`${argv.join(' ')}: ${why}${result.stderr ? `: ${result.stderr.trim()}` : ''}`, options);
    this.argv = argv;
    this.result = result;
  }
}

/** Runs a command to its end. @throws CommandFailed when it cannot start or takes too long; not for its exit code. */
export type Spawn = (command: Command) => Promise<Finished>;

/** Output beyond this many bytes per stream is an error of the caller's: a listing of 10,000 endpoints is 3 MB. */
export const outputLimit = 256 * 1024 * 1024;

export const spawn: Spawn = (command) =>
  new Promise((resolve, reject) => {
    const [file, ...rest] = command.argv;
    const child = nodeSpawn(file, rest, {
      stdio: [command.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(command.env ? { env: { ...process.env, ...command.env } } : {}),
      ...(command.cwd ? { cwd: command.cwd } : {}),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let size = 0;
    let why: string | undefined;
    const stop = (reason: string) => {
      why ??= reason;
      child.kill('SIGKILL');
    };
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size > outputLimit) stop('printed too much');
      else into.push(chunk);
    };
    const timeoutMs = command.timeoutMs ?? 10_000;
    const timer = setTimeout(() => stop(`took longer than ${timeoutMs} ms`), timeoutMs);
    const finish = (code: number): Finished => ({
      code,
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
    });
    child.stdout?.on('data', collect(out));
    child.stderr?.on('data', collect(err));
    child.on('error', (error) => {
      clearTimeout(timer);
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      reject(
        new CommandFailed(command.argv, finish(-1), missing ? 'is not installed' : error.message, { cause: error }),
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (why !== undefined) reject(new CommandFailed(command.argv, finish(-1), why));
      else resolve(finish(code ?? (signal ? 128 : -1)));
    });
    // EPIPE: it ended without reading; its exit code tells.
    child.stdin?.on('error', () => {});
    child.stdin?.end(command.input);
  });

/** Like `spawn`, but anything other than exit code 0 throws too. @returns its standard output. */
export async function output(run: Spawn, command: Command): Promise<string> {
  const result = await run(command);
  if (result.code !== 0) throw new CommandFailed(command.argv, result, `ended with code ${result.code}`);
  return result.stdout;
}

/** A process that goes on by itself: a monitor, a daemon under test. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Exit code, or -1 when it was killed or could not start. */
  readonly ended: Promise<number>;
  /** Lines of standard output; iterate once. */
  readonly lines: AsyncIterable<string>;
  kill(signal?: NodeJS.Signals): void;
}

/** Starts a process whose standard output is read line by line; its standard error goes to `onError` by line. */
export function start(argv: readonly [string, ...string[]], onError: (line: string) => void = () => {}): Running {
  const [file, ...rest] = argv;
  const child = nodeSpawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(-1));
    child.on('close', (code) => resolve(code ?? -1));
  });
  void forEachLine(child.stderr, onError);
  return {
    pid: child.pid ?? -1,
    ended,
    lines: linesOf(child.stdout),
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function forEachLine(stream: AsyncIterable<Buffer>, use: (line: string) => void): Promise<void> {
  try {
    for await (const line of linesOf(stream)) use(line);
  } catch {
    // The process is gone; `ended` tells.
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncIterable<string> {
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}
