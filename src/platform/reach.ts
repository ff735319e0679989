/** Whether somebody answers at an address, and who has a port of this host. Read only. */
import { readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** `refused`: the host is there and nobody listens. `silent`: no answer came, as from behind a filter. */
export type Reached = 'open' | 'refused' | 'silent' | 'unreachable';

/** Opens a TCP connection and closes it again. @param from address of this host to come from */
export function reachTcp(host: string, port: number, waitMs: number, from?: string): Promise<Reached> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
    const end = (reached: Reached) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reached);
    };
    const timer = setTimeout(() => end('silent'), waitMs);
    socket.once('connect', () => end('open'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ECONNRESET') end('refused');
      else end(code === 'ETIMEDOUT' ? 'silent' : 'unreachable');
    });
  });
}

/** The discard service's, which nobody offers: a host that lives refuses. */
const nobodysPort = 9;

/** Whether a host answers at all within a second, whatever runs on it; a host whose firewall is silent does not. */
export async function hostAnswers(address: string): Promise<boolean> {
  return ['open', 'refused'].includes(await reachTcp(address, nobodysPort, 1000));
}

export interface Space {
  /** Bytes for others than root. */
  readonly free: number;
  readonly total: number;
  /** Files that can still be made; undefined where file systems do not count them. */
  readonly files?: number;
}

/** Of the file system that holds a path, or would: of its nearest parent that there is. */
export async function freeSpace(path: string): Promise<Space> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize, blocks, files, ffree } = await statfs(at);
      return { free: bavail * bsize, total: blocks * bsize, ...(files === 0 ? {} : { files: ffree }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw error;
    }
  }
}

/** Command lines of processes that hold a socket, by its inode; of other users' ones only root is told. */
export async function holdersOf(inode: number): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')) !== `socket:[${inode}]`) continue;
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      found.push(words.replaceAll('\0', ' ').trim());
      break;
    }
  }
  return found;
}
