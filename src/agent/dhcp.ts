/**
 * Asks a LAN's DHCP server on behalf of an interface that is somebody else's, by busybox's udhcpc: it speaks for the MAC of the
 * interface that it is given, and is told to change nothing of it.
 */
import { fileURLToPath } from 'node:url';
import { Failure } from '../domain/domain.ts';
import { CommandFailed, type Finished, type Spawn } from '../platform/platform.ts';

export interface Lease {
  readonly address: string;
  /** For how long, from now. */
  readonly seconds: number;
  /** The LAN's, as its server has it. */
  readonly router?: string;
}

export interface Asking {
  /** The namespace, as a path, and the interface in it. */
  readonly path: string;
  readonly device: string;
  /** The address that it had, or is to give back. */
  readonly address?: string;
}

/** Discoveries and the seconds between them: a server may first look for a while whether somebody has the address. */
const tries = ['-t', '5', '-T', '3'];
const timeoutMs = 25_000;

/**
 * With `-q` busybox 1.35 ends before it counts the lease as its own, and gives nothing back. So it goes on, and is ended as soon as it has
 * the lease; what it says then waits for the server's MAC, and leaves with it.
 */
const giveBack = `sh -c 'echo $$; exec busybox udhcpc "$@" 2>&1' sh "$@" | {
  read -r pid
  while read -r line; do
    echo "$line"
    case $line in *'lease of '*) kill "$pid" ;; esac
  done
}
sleep 0.5`;

/** @throws Failure `unavailable` when nobody offers an address */
export async function askDhcp(spawn: Spawn, asking: Asking): Promise<Lease> {
  const said = await run(spawn, asking, ['busybox', 'udhcpc', ...about(asking, tellRouter), '-q']);
  const lease = readLease(`${said.stdout}\n${said.stderr}`);
  if (lease !== undefined) return lease;
  throw new Failure(
    'unavailable',
    'no DHCP server of the LAN answers, or it has no address left: see to it, or make the network with --range',
  );
}

/** Nobody can say whether it was heard: the server does not answer. The address must stand on the interface. */
export async function releaseDhcp(spawn: Spawn, asking: Asking): Promise<void> {
  await run(spawn, asking, ['sh', '-c', giveBack, 'sh', ...about(asking), '-R']);
}

/**
 * `udhcpc: lease of 192.168.1.5 obtained from 192.168.1.1, lease time 3600`; without the server in older ones. And `router 192.168.1.1`.
 */
export function readLease(said: string): Lease | undefined {
  const [, address, seconds] = /lease of (\d+(?:\.\d+){3}) obtained(?: from \S+)?, lease time (\d+)/.exec(said) ?? [];
  const router = /^router (\d+(?:\.\d+){3})$/m.exec(said)?.[1];
  if (address === undefined) return undefined;
  return { address, seconds: Number(seconds), ...(router === undefined ? {} : { router }) };
}

/** What it runs instead of setting the interface up. */
const tellRouter = fileURLToPath(new URL('udhcpc-script.sh', import.meta.url));

/** Once, in the foreground, with answers by broadcast: what is for its MAC alone goes where that stands now. */
function about({ device, address }: Asking, script = '/bin/true'): string[] {
  const wanted = address === undefined ? [] : ['-r', address];
  return ['-f', '-n', '-B', ...tries, '-i', device, '-s', script, ...wanted];
}

async function run(spawn: Spawn, { path }: Asking, command: readonly string[]): Promise<Finished> {
  const missing = () =>
    new Failure(
      'unavailable',
      'busybox with udhcpc is not installed, which asks for addresses: apt-get install busybox',
    );
  try {
    const finished = await spawn({ argv: ['nsenter', `--net=${path}`, ...command], timeoutMs });
    const absent = finished.code === 127 || /failed to execute busybox|applet not found/.test(finished.stderr);
    if (absent) throw missing();
    return finished;
  } catch (error) {
    if (error instanceof CommandFailed && error.message.includes('is not installed')) throw missing();
    throw error;
  }
}
