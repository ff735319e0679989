/**
 * This machine once more, to be changed and thrown away: its files below an overlay in memory, with networks, mounts and
 * processes of its own. Nothing of it is left when it ends, or when the test that made it does, by whatever end.
 */
import { spawn as nodeSpawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Command, type Finished, output, spawn } from '../../src/platform/platform.ts';

type Argv = Command['argv'];
type Options = Omit<Command, 'argv'>;

export interface ThrowawayMachine extends AsyncDisposable {
  readonly run: (argv: Argv, options?: Options) => Promise<Finished>;
  /** Standard output. @throws CommandFailed */
  readonly output: (argv: Argv, options?: Options) => Promise<string>;
  /** Where a file of its is for us. */
  readonly path: (path: string) => string;
  /** Starts a process there, which goes on. */
  readonly start: (script: string, log: string) => Promise<void>;
}

const checkout = join(import.meta.dirname, '../..');

/** What runs there sees the overlay as `/`, the files that it has changed in `/mnt/upper`, and our checkout. Its first process does nothing but live. */
const boot = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/new
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/new
for one in dev sys; do mount --rbind /$one /mnt/new/$one; done
mount -t proc proc /mnt/new/proc
for one in run tmp; do mount -t tmpfs tmpfs /mnt/new/$one; done
mount --bind /mnt /mnt/new/mnt
mkdir /mnt/new/checkout
mount --bind "$1" /mnt/new/checkout
ip link set lo up
echo ready
exec sleep infinity`;

export async function throwawayMachine(): Promise<ThrowawayMachine> {
  // It ends with us, however we end.
  const [program, ...words] = [
    ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--uts', '--fork', '--kill-child'],
    ...['sh', '-c', boot, 'sh', checkout],
  ] as const;
  const outer = nodeSpawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => outer.once('exit', () => resolve()));
  const said = createInterface(outer.stdout);
  const [line] = await Promise.race([
    new Promise<string[]>((resolve) => said.once('line', (text) => resolve([text]))),
    ended.then(() => []),
  ]);
  if (line !== 'ready') throw new Error('the machine to throw away did not start');
  const init = await output(spawn, { argv: ['pgrep', '-P', String(outer.pid)] });
  const inside = (argv: Argv): Argv => {
    const enter = ['--target', init.trim(), '--net', '--mount', '--pid', '--uts', 'chroot', '/mnt/new'] as const;
    return ['nsenter', ...enter, ...argv];
  };
  const run = (argv: Argv, options: Options = {}) => spawn({ timeoutMs: 60_000, ...options, argv: inside(argv) });
  return {
    run,
    output: (argv, options = {}) => output(spawn, { timeoutMs: 60_000, ...options, argv: inside(argv) }),
    path: (path) => `/proc/${init.trim()}/root/mnt/new${path}`,
    start: async (script, log) => {
      await output(spawn, { argv: inside(['sh', '-c', `(${script}) >${log} 2>&1 </dev/null &`]) });
    },
    async [Symbol.asyncDispose]() {
      // Its first process dies with it, and everything there with that.
      outer.kill('SIGKILL');
      await ended;
    },
  };
}
