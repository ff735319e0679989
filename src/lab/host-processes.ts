import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, type Finished, type Spawn, signalProcess, startDetached } from '../platform/platform.ts';

export type Argv = readonly [string, ...string[]];

export interface RunOptions {
  /** Default 10000. The command is killed then. */
  readonly timeoutMs?: number;
  /** Text for its standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that goes on by itself in a simulated host. It dies with its host at the latest. */
export interface Started extends AsyncDisposable {
  /** As the machine counts, not as the host does. */
  readonly pid: number;
  /** File with its standard output and error. */
  readonly log: string;
  /** Exit code, or -1 when a signal ended it. */
  readonly ended: Promise<number>;
  /** What it has written so far. */
  output(): Promise<string>;
  /** Default SIGTERM. No error when it has ended. */
  kill(signal?: NodeJS.Signals): void;
}

/** argv that runs a command in all namespaces of the host whose pid 1 is `init`. Its working directory is `/`. */
export const entering = (init: number): Argv => [
  'nsenter',
  '--target',
  `${init}`,
  '--mount',
  '--net',
  '--uts',
  '--pid',
  '--',
];

export function runInHost(run: Spawn, init: number, argv: Argv, options: RunOptions): Promise<Finished> {
  return run({
    // nsenter waits outside for its child; with nsenter killed for taking too long, the child must go too.
    argv: [...entering(init), 'setpriv', '--pdeathsig', 'KILL', ...argv],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
}

export async function startInHost(
  init: number,
  argv: Argv,
  options: { readonly log: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Started> {
  const outer = await startDetached([...entering(init), ...argv], {
    log: options.log,
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  let alive = true;
  const ended = outer.ended.finally(() => {
    alive = false;
  });
  const pid = await firstChild(outer.pid, () => alive);
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!alive) return;
    signalProcess(pid, signal);
    // nsenter stops with its child, but does not go on with it.
    if (signal !== 'SIGSTOP') signalProcess(outer.pid, 'SIGCONT');
  };
  return {
    pid,
    log: options.log,
    ended,
    output: () => readFile(options.log, 'utf8'),
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      const timer = setTimeout(() => kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A process that enters a pid namespace is nsenter's child. When it ended too soon to be seen, the number is nsenter's. */
async function firstChild(parent: number, alive: () => boolean): Promise<number> {
  for (;;) {
    const [child] = await childrenOf(parent);
    if (child !== undefined) return child;
    if (!alive()) return parent;
    await delay(1);
  }
}
