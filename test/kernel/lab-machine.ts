/** A machine for labs: network, mounts, processes and /run of its own, so that whatever is left behind is seen, and goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, type Running, spawn, start } from '../../src/platform/platform.ts';

export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export interface LabMachine extends AsyncDisposable {
  /** For files; goes with the machine. */
  readonly directory: string;
  /** What goes before a command that is to run there. */
  readonly enter: readonly [string, ...string[]];
  run(...argv: [string, ...string[]]): Promise<Finished>;
  /** Standard output; fails with the command. */
  output(...argv: [string, ...string[]]): Promise<string>;
  trama(...words: string[]): Promise<Finished>;
  /** Goes on. */
  start(...argv: [string, ...string[]]): Running;
  /** Names of network namespaces. */
  namespaces(): Promise<string[]>;
  /** Whatever a lab could have left: namespaces, links, records, disks, programs. */
  leftovers(): Promise<string[]>;
}

const booting = (ownDisks: boolean) =>
  ['/run', ...(ownDisks ? ['/var/tmp'] : [])].map((path) => `mount -t tmpfs tmpfs ${path} && `).join('') +
  'echo ready && exec sleep infinity';

/** @param ownDisks whether labs have their hosts' disks there, in memory; else where this machine has them */
export async function labMachine({ ownDisks = true } = {}): Promise<LabMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-'));
  const flags = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const machine = start(['unshare', ...flags, 'sh', '-c', booting(ownDisks)]);
  for await (const line of machine.lines) if (line === 'ready') break;
  const [init = ''] = (await outputOf('pgrep', '-P', String(machine.pid))).split('\n');
  const enter = ['nsenter', '--target', init, '--mount', '--net', '--pid', `--wdns=${directory}`] as const;
  const run = (...argv: [string, ...string[]]) => spawn({ argv: [...enter, ...argv], timeoutMs: 60_000 });
  const output = async (...argv: [string, ...string[]]) => {
    const { code, stdout, stderr } = await run(...argv);
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  };
  const namespaces = async () =>
    (await output('ip', 'netns', 'list')).split('\n').flatMap((line) => line.split(' ')[0] || []);
  return {
    ...{ directory, enter, run, output, namespaces },
    trama: (...words) => run(`${checkout}/bin/trama`, ...words),
    start: (...argv) => start([...enter, ...argv]),
    async leftovers() {
      const links = JSON.parse(await output('ip', '-j', 'link')) as { ifname: string }[];
      const records = await run('ls', '/run/trama-labs');
      const disks = await run('ls', '/var/tmp/trama-labs');
      const programs = (await output('ps', '-e', '-o', 'args='))
        .split('\n')
        .filter((line) => /busybox|^ip |^nft /.test(line) && !line.includes('<defunct>'));
      return [
        ...(await namespaces()),
        ...links.flatMap(({ ifname }) => (ifname === 'lo' ? [] : [ifname])),
        ...[records, disks].flatMap(({ stdout }) => stdout.split('\n').filter(Boolean)),
        ...programs,
      ];
    },
    async [Symbol.asyncDispose]() {
      machine.kill('SIGKILL');
      await machine.ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function outputOf(...argv: [string, ...string[]]): Promise<string> {
  return (await spawn({ argv })).stdout;
}

/** Everything that a lab makes in the kernel, as iproute2 and nft list it, without what differs each time. */
export async function networkState(machine: LabMachine): Promise<unknown> {
  const state: Record<string, unknown> = {};
  for (const ns of (await machine.namespaces()).sort()) {
    const inside = (...argv: string[]) => machine.output('nsenter', `--net=/run/netns/${ns}`, ...argv);
    const json = async (...argv: string[]) => JSON.parse((await inside(...argv)).trim() || '[]');
    state[ns] = withoutVolatile({
      links: byName(await json('ip', '-j', '-d', 'addr')),
      routes: await json('ip', '-j', 'route', 'show', 'table', 'all', 'proto', '84'),
      entries: (await json('bridge', '-j', 'fdb')).filter(
        ({ dst, state }: { dst?: string; state?: string }) => dst !== undefined && state === 'permanent',
      ),
      rates: (await json('tc', '-j', 'qdisc')).filter(({ kind }: { kind: string }) => kind === 'tbf'),
      rules: (await json('nft', '-j', 'list', 'ruleset')).nftables?.slice(1),
      forwards: (await inside('sysctl', '-n', 'net.ipv4.ip_forward')).trim(),
    });
  }
  return state;
}

const byName = (links: { ifname: string }[]) => links.sort((a, b) => (a.ifname < b.ifname ? -1 : 1));

/** Numbers and MACs that the kernel chose, counters, timers. Handles of rules follow from the order of making. */
const volatile =
  /^(ifindex|link_index|link_netnsid|link|handle|.*_timer|timer|root_id|bridge_id|designated_.*|.*_life_time|.*lft|broadcast|permaddr|port_no|no|id|priority_id|topology_change.*|gc_.*|stats.*|bytes|packets|operstate|flags|protocol|peer_ifindex|cookie|.*port_id)$/;

function withoutVolatile(value: unknown): unknown {
  if (Array.isArray(value)) {
    // What is independent is made in any order; rules carry theirs inside.
    const all = value.map(withoutVolatile).filter((one) => one !== undefined);
    return all
      .map((one) => [JSON.stringify(one), one] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, one]) => one);
  }
  if (typeof value === 'string')
    return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(value) && !value.startsWith('02:00:') ? 'MAC' : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  // Link-local IPv6 follows from MACs.
  if (entries.some(([key, inner]) => key === 'local' && `${inner}`.startsWith('fe80'))) return undefined;
  // The VNI is an id that counts.
  const kept = entries.filter(([key]) => !volatile.test(key) || (key === 'id' && 'local' in value));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutVolatile(inner)]));
}
