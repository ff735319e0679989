/** Echo requests with iputils' ping(8), and whether one arrived, as connection tracking remembers it for half a minute. */
import type { Spawn } from './spawn.ts';

export interface Ping {
  readonly to: string;
  /** Address of this host to come from. */
  readonly from?: string;
  /** Bytes of the whole IPv4 packet, which no router may cut. Absent: a small one. */
  readonly size?: number;
  /** ICMP's identifier, 1…65535, by which these requests are told from others. */
  readonly id?: number;
}

export interface Pinged {
  readonly sent: number;
  readonly received: number;
  /** What a router or this host's kernel said the way carries. */
  readonly mtu?: number;
  /** Why nothing was sent: no ping, or one that does not know the options. */
  readonly untried?: string;
}

/** IPv4 header without options, and ICMP's. */
const headers = 28;

/** Three requests a fifth of a second apart, one second of patience. */
export async function ping(spawn: Spawn, { to, from, size, id }: Ping): Promise<Pinged> {
  const full = size === undefined ? [] : ['-M', 'do', '-s', `${size - headers}`];
  const own = id === undefined ? [] : ['-e', `${id}`];
  const source = from === undefined ? [] : ['-I', from];
  const argv = ['ping', '-4', '-n', '-c', '3', '-i', '0.2', '-W', '1', ...full, ...own, ...source, to] as const;
  try {
    const { stdout, stderr } = await spawn({ argv: [...argv], env: { LC_ALL: 'C' } });
    return readPing(stdout, stderr);
  } catch (error) {
    return { sent: 0, received: 0, untried: error instanceof Error ? error.message : String(error) };
  }
}

export function readPing(stdout: string, stderr: string): Pinged {
  const told = /message too long, mtu[=:]? ?(\d+)|mtu ?= ?(\d+)/.exec(`${stdout}\n${stderr}`);
  const mtu = Number(told?.[1] ?? told?.[2]);
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(stdout);
  if (counts === null) {
    const [why] = stderr.trim().split('\n');
    return { sent: 0, received: 0, untried: why || 'ping said nothing' };
  }
  const [, sent, received] = counts.map(Number);
  return { sent: sent ?? 0, received: received ?? 0, ...(Number.isNaN(mtu) ? {} : { mtu }) };
}

/** Whether an echo request from there to here, with that identifier, came by. @returns undefined when that cannot be known */
export async function heardPing(
  spawn: Spawn,
  { from, to, id }: Required<Omit<Ping, 'size'>>,
): Promise<boolean | undefined> {
  try {
    const { code, stdout } = await spawn({ argv: ['conntrack', '-L', '-p', 'icmp', '--src', from, '--dst', to] });
    return code === 0 ? stdout.includes(`src=${from} dst=${to} type=8 code=0 id=${id} `) : undefined;
  } catch {
    return undefined;
  }
}
