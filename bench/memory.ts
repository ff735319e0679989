/**
 * Resident memory and idle CPU of a server and of agents that know 100 endpoints, each daemon started by `bin/trama` as
 * the README says, and dockerd's beside them. The endpoints are made and unmade as Docker would, through the plugin's
 * socket; they are whole, interfaces included, but no container stands behind them.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLab, eventually, type LabCluster, startCluster } from '../src/lab/lab.ts';
import { systemClock } from '../src/platform/platform.ts';
import type { NetworkView } from '../src/protocol/protocol.ts';
import { PluginClient, type PluginEndpoint } from './plugin.ts';
import type { Figure } from './report.ts';
import type { Bench, Subject } from './subject.ts';

const perHost = 50;
/** Endpoints of each host that go and are replaced, before anything is measured. */
const churn = 100;
/** V8 compiles and collects for some seconds after work. */
const settleMs = 15_000;
/** Two of an agent's looks at the kernel fall into it. */
const idleSeconds = 60;
/** Of the kernel's accounting; `getconf CLK_TCK`, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const megabyte = 1e6;

interface Daemon {
  readonly label: string;
  /** Its directory in a /proc. */
  readonly process: string;
  readonly memoryLimit?: number;
}

export const memory: Subject = async (bench) => {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: ['h1', 'h2'], onStep: bench.say });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await populate(bench, cluster);
  const daemons = await daemonsOf(cluster);
  await systemClock.sleep(settleMs);
  bench.say(`idle for ${idleSeconds} s`);
  const { resident, cpu } = await watch(daemons);
  await allKnown(cluster);
  return {
    subject: 'memory',
    title: `a server, and an agent on each of two hosts, with ${2 * perHost} endpoints known`,
    figures: [
      ...figures('resident', 'MB', daemons, resident),
      ...figures('idle CPU', '% of a core', daemons, new Map([...cpu].map(([daemon, share]) => [daemon, [share]]))),
    ],
    targets: daemons.flatMap((daemon) => {
      const { label, memoryLimit: limit } = daemon;
      if (limit === undefined) return [];
      const most = Math.max(...(resident.get(daemon) ?? []));
      return [
        { what: `resident, ${label}`, relation: 'under', limit, measured: most, unit: 'MB' },
        {
          what: `idle CPU, ${label}`,
          relation: 'under',
          limit: 1,
          measured: cpu.get(daemon) ?? 0,
          unit: '% of a core',
        },
      ] as const;
    }),
    notes: [
      `After ${2 * churn} endpoints came and went. Memory once a second, its highest counts; CPU over ${idleSeconds} s, with`,
      'that of the commands that the daemon ran, and of its children: shells that run them, containerd.',
    ],
  };
};

async function populate(bench: Bench, cluster: LabCluster): Promise<void> {
  await Promise.all(
    cluster.hosts.map(async (host) => {
      const plugin = await PluginClient.open(host, 'app');
      const endpoints: PluginEndpoint[] = [];
      for (let i = 0; i < perHost + churn; i += 1) {
        const [oldest] = endpoints;
        if (endpoints.length === perHost && oldest !== undefined) {
          endpoints.shift();
          await plugin.remove(oldest);
        }
        endpoints.push(await plugin.create());
      }
    }),
  );
  await allKnown(cluster);
  bench.say(`${2 * perHost} endpoints, after ${2 * churn} others`);
}

/** The server has them all, so every agent in the network has heard of them. @throws Failure when some have gone again */
async function allKnown(cluster: LabCluster): Promise<void> {
  await eventually(`${2 * perHost} endpoints in the network`, async () => {
    const { containers } = await cluster.json<NetworkView>('network', 'inspect', 'app');
    return containers.length === 2 * perHost;
  });
}

async function daemonsOf(cluster: LabCluster): Promise<Daemon[]> {
  const agents = [...cluster.agents].map(([host, { pid }]) => {
    return { label: `agent on ${host}`, process: `/proc/${pid}`, memoryLimit: 110 };
  });
  const engines = cluster.hosts.map(async (host) => {
    // Its number counts in the host's own /proc.
    const pid = (await host.readFile('/run/docker.pid')).trim();
    return { label: `dockerd on ${host.name}`, process: `/proc/${host.init}/root/proc/${pid}` };
  });
  const server = { label: 'server', process: `/proc/${cluster.server.pid}`, memoryLimit: 120 };
  return [server, ...agents, ...(await Promise.all(engines))];
}

/** @returns megabytes once a second, and the share of a core in percent over all of it. */
async function watch(daemons: readonly Daemon[]) {
  const resident = new Map<Daemon, number[]>(daemons.map((daemon) => [daemon, []]));
  const before = await Promise.all(daemons.map(cpuSeconds));
  const began = performance.now();
  for (let second = 0; second < idleSeconds; second += 1) {
    await systemClock.sleep(1000);
    for (const [daemon, values] of resident) values.push(await residentMegabytes(daemon));
  }
  const after = await Promise.all(daemons.map(cpuSeconds));
  const seconds = (performance.now() - began) / 1000;
  const share = (index: number) => (100 * ((after[index] ?? 0) - (before[index] ?? 0))) / seconds;
  return { resident, cpu: new Map(daemons.map((daemon, index) => [daemon, share(index)])) };
}

async function residentMegabytes({ process, label }: Daemon): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`${process}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`${label} is not running any more`);
  return (Number(kibibytes) * 1024) / megabyte;
}

/** In user and kernel mode, its own, that of its children, and that of children of both that have ended. */
async function cpuSeconds({ process }: Daemon): Promise<number> {
  const threads = await readdir(`${process}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`${process}/task/${thread}/children`, 'utf8')));
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean)).map((pid) => join(process, '..', pid));
  const ticks = await Promise.all([process, ...children].map(cpuTicks));
  return ticks.reduce((sum, some) => sum + some) / ticksPerSecond;
}

/** Fields 14 to 17 of proc_pid_stat(5). */
async function cpuTicks(process: string): Promise<number> {
  const stat = await readFile(`${process}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function figures(
  what: string,
  unit: string,
  daemons: readonly Daemon[],
  values: ReadonlyMap<Daemon, readonly number[]>,
): Figure[] {
  return daemons.map((daemon) => ({ label: `${what}, ${daemon.label}`, unit, values: values.get(daemon) ?? [] }));
}
