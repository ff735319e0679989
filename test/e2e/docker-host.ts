/**
 * A throwaway host with an unmodified Docker Engine, in namespaces of its own. Its first process reads from a pipe that
 * this process holds: when this process dies, however, the host dies with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { output, spawn as run } from '../../src/platform/platform.ts';

const init = `set -e
mount --make-rprivate /
mkdir -p /var/lib/docker
mount --bind "$1/lib" /var/lib/docker
mount -t tmpfs tmpfs /run
mkdir -p /run/docker/plugins
mount --bind "$1/plugins" /run/docker/plugins
hostname trama-test
ip link set lo up
echo ready
cat >/dev/null
`;

export interface DockerHost extends AsyncDisposable {
  readonly directory: string;
  /** The engine's socket, reachable from outside. */
  readonly socketPath: string;
  /** Is `/run/docker/plugins` in the host. */
  readonly plugins: string;
  startEngine(): Promise<void>;
  /** Ends dockerd. */
  stopEngine(signal?: NodeJS.Signals): Promise<void>;
  /** Runs a command in the host's namespaces. @returns its output. */
  inside(argv: readonly [string, ...string[]]): Promise<string>;
  /** `docker …` against the host's engine. */
  docker(...args: string[]): Promise<string>;
  /** Imports an image of busybox with all its applets. */
  importBusybox(name: string): Promise<void>;
  /** What dockerd wrote. */
  engineLog(): Promise<string>;
}

/** Needs root. The engine is not started yet. */
export async function createDockerHost(): Promise<DockerHost> {
  const directory = await mkdtemp(join(tmpdir(), 'trama-docker-'));
  const socketPath = join(directory, 'docker.sock');
  const plugins = join(directory, 'plugins');
  await mkdir(join(directory, 'lib'));
  await mkdir(plugins);
  const namespaces = ['--net', '--mount', '--uts', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const holder = spawn('unshare', [...namespaces, 'sh', '-c', init, 'sh', directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const pid = (await readFile(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8')).trim();
  const enter = ['nsenter', '-t', pid, '-n', '-m', '-u', '-p'] as const;
  let engine: ChildProcess | undefined;

  const host: DockerHost = {
    directory,
    socketPath,
    plugins,
    async startEngine() {
      const log = openSync(join(directory, 'dockerd.log'), 'a');
      const argv = ['dockerd', '-H', `unix://${socketPath}`, '--cgroup-parent', '/trama-test'];
      engine = spawn(enter[0], [...enter.slice(1), ...argv], { stdio: ['ignore', log, log] });
      closeSync(log);
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const { code } = await run({ argv: ['docker', '-H', `unix://${socketPath}`, 'version'], timeoutMs: 30_000 });
        if (code === 0) return;
        await delay(100);
      }
      throw new Error(`dockerd did not start:\n${await host.engineLog()}`);
    },
    async stopEngine(signal = 'SIGTERM') {
      if (engine?.exitCode !== null || engine.signalCode !== null) return;
      const ended = once(engine, 'exit');
      // dockerd is the only child of nsenter, which dies of the signal without passing it on.
      const [child] = (await readFile(`/proc/${engine.pid}/task/${engine.pid}/children`, 'utf8')).trim().split(' ');
      process.kill(Number(child), signal);
      await ended;
    },
    inside: (argv) => output(run, { argv: [...enter, ...argv], timeoutMs: 30_000 }),
    docker: (...args) => output(run, { argv: ['docker', '-H', `unix://${socketPath}`, ...args], timeoutMs: 60_000 }),
    async importBusybox(name) {
      const root = join(directory, 'image');
      await mkdir(join(root, 'bin'), { recursive: true });
      await copyFile('/bin/busybox', join(root, 'bin/busybox'));
      const applets = (await output(run, { argv: ['/bin/busybox', '--list'] })).trim().split('\n');
      for (const applet of applets.filter((each) => each !== 'busybox')) {
        await symlink('busybox', join(root, 'bin', applet));
      }
      await mkdir(join(root, 'tmp'));
      await mkdir(join(root, 'etc'));
      await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n');
      await output(run, { argv: ['tar', '-C', root, '-cf', join(directory, 'image.tar'), '.'] });
      await host.docker('import', join(directory, 'image.tar'), name);
    },
    engineLog: () => readFile(join(directory, 'dockerd.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      await host.stopEngine().catch(() => {});
      const ended = once(holder, 'exit');
      holder.stdin.end();
      const timer = setTimeout(() => holder.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
      await rm(directory, { recursive: true, force: true });
    },
  };
  return host;
}
