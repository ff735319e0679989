import { constants } from 'node:fs';
import { access, mkdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Failure } from '../domain/domain.ts';
import { type Detached, output, readIfThere, type Spawn, signalProcess, startDetached } from '../platform/platform.ts';
import type { Argv } from './host-processes.ts';

/** The checkout, which a host must see wherever it lies. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export const initScript = fileURLToPath(new URL('host-init.sh', import.meta.url));

/** Under which names a host makes what it makes on the machine. */
export interface HostPlace {
  /** Its network, as `ip netns` lists it; somebody else's to make. */
  readonly namespace: string;
  /** A directory, of which `ready` tells its pid 1 as the machine counts. */
  readonly disk: string;
  /** Parent of its containers' control groups, in every hierarchy. */
  readonly cgroup: string;
  /** Of every process that is started in it from outside, with a label by which it is found. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it goes on when the process that has powered it on ends. */
  readonly outlives: boolean;
}

/** A running simulated machine: its pid 1, as the real machine counts. */
export interface PoweredOn {
  readonly init: number;
  /** Absent: another process has powered it on. */
  readonly process?: Detached;
}

/**
 * The disk of a host: its own /etc and /var/lib, logs. Everything else it sees is the machine's.
 * /etc is a copy without the machine's Docker and Trama configuration.
 */
export async function formatDisk(disk: string, name: string, address: string, run: Spawn): Promise<void> {
  for (const directory of ['cgroup', 'var-lib', 'log']) await mkdir(`${disk}/${directory}`, { recursive: true });
  await output(run, { argv: ['cp', '-a', '/etc', `${disk}/etc`], timeoutMs: 60_000 });
  for (const path of ['docker', 'trama', 'hosts', 'hostname', 'resolv.conf']) {
    await rm(`${disk}/etc/${path}`, { recursive: true, force: true });
  }
  await writeFile(`${disk}/etc/hosts`, `127.0.0.1 localhost\n::1 localhost\n${address} ${name}\n`);
  await writeFile(`${disk}/etc/hostname`, `${name}\n`);
  // Nobody answers there, but it says so at once: a name that cannot be resolved must not cost five seconds.
  await writeFile(`${disk}/etc/resolv.conf`, 'nameserver 198.51.100.1\noptions timeout:1 attempts:1\n');
}

/** What starts pid 1 of a host, by this script. */
const powerOnArgv = ({ namespace, disk }: HostPlace, name: string, script: string): Argv => [
  ...(['nsenter', `--net=/run/netns/${namespace}`] as const),
  ...['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--'],
  ...['bash', script, name, disk, repository, dirname(globalThis.process.execPath)],
];

/**
 * Starts pid 1 in the host's network namespace and waits until its mounts are in place. Everything in the host dies with
 * it; it dies with this process (parent-death signals, see prctl(2)), unless it is to outlive that.
 */
export async function powerOn(place: HostPlace, name: string): Promise<PoweredOn> {
  const { disk, env, outlives } = place;
  await rm(`${disk}/ready`, { force: true });
  const log = `${disk}/log/init.log`;
  const argv = powerOnArgv(place, name, initScript);
  const process = await startDetached(outlives ? argv : ['setpriv', '--pdeathsig', 'KILL', ...argv], {
    ...{ log, env, cwd: '/' },
  });
  let failed = false;
  void process.ended.then(() => {
    failed = true;
  });
  while (!failed) {
    const init = await readFile(`${disk}/ready`, 'utf8').catch(() => undefined);
    if (init !== undefined) return { init: Number(init), process };
    await delay(5);
  }
  const why = (await readFile(log, 'utf8')).trim().split('\n').at(-1);
  throw new Failure('internal', `Simulated host ${name} could not start: ${why}`);
}

/** Of a host that another process has powered on. @throws Failure `unavailable` when it is off */
export async function findPower({ namespace, disk }: HostPlace, name: string): Promise<PoweredOn> {
  const init = Number(await readIfThere(`${disk}/ready`));
  // The number may be another process's by now; that is not in this network.
  const network = await readlink(`/proc/${init}/ns/net`).catch(() => '');
  const own = await stat(`/run/netns/${namespace}`).catch(() => undefined);
  if (init > 0 && own !== undefined && network === `net:[${own.ino}]`) return { init };
  throw new Failure('unavailable', `Host ${name} is off.`);
}

/** Returns when the last process of the host is gone. */
export async function powerOff({ init, process }: PoweredOn): Promise<void> {
  signalProcess(init, 'SIGKILL');
  await process?.ended;
}

/** A lab needs root and some programs; says at the start which are missing. */
export async function requireTools(programs: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Failure('denied', 'Simulated hosts need root; run this with sudo.');
  const path = (process.env.PATH ?? '').split(':');
  const missing: string[] = [];
  for (const program of programs) {
    const found = await Promise.any(path.map((directory) => access(`${directory}/${program}`, constants.X_OK))).then(
      () => true,
      () => false,
    );
    if (!found) missing.push(program);
  }
  if (missing.length > 0) {
    throw new Failure(
      'unavailable',
      `Not installed: ${missing.join(', ')}; run scripts/setup.sh, it installs what is missing.`,
    );
  }
}
