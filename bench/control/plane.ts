/** The control plane that is measured: three hosts with a server and a member of an etcd each, and a fourth full of simulated agents. */
import { connectLocalApi } from '../../src/interfaces/local/client.ts';
import { createLab, eventually, LabEtcd, type LabHost, type Started } from '../../src/lab/lab.ts';
import { systemClock } from '../../src/platform/platform.ts';
import { type Api, ask } from '../../src/protocol/protocol.ts';
import { namespaceOfHost } from '../pair.ts';
import type { Bench } from '../subject.ts';
import { Crowd } from './crowd.ts';
import { type Layout, networkName, subnetOf } from './layout.ts';
import { mostMegabytes, type Watched } from './readings.ts';

export const names = ['h1', 'h2', 'h3'] as const;
export const processes = 4;
const patienceMs = 120_000;
const pollMs = 20;
/** Between two looks at the figures of all servers, which they have to gather. */
const restMs = 1000;
/** Node's flags for what is to be looked into, e.g. `--cpu-prof --cpu-prof-dir=/var/tmp`. */
const flags = (process.env.TRAMA_BENCH_NODE_FLAGS ?? '').split(' ').filter(Boolean);

export interface Plane {
  readonly hosts: readonly LabHost[];
  readonly etcd: LabEtcd;
  /** By host. */
  readonly servers: Map<string, Started>;
  readonly crowd: Crowd;
  /** Goes with the lab. */
  readonly directory: string;
}

export async function build(bench: Bench): Promise<Plane> {
  const lab = bench.resources.use(await createLab());
  const hosts = await Promise.all(names.map((name) => lab.host(name, { docker: false })));
  const outpost = await lab.host('agents', { docker: false });
  const etcd = await LabEtcd.start(hosts);
  const crowd = bench.resources.use(Crowd.start(namespaceOfHost(outpost), processes, flags));
  const plane = { hosts, etcd, crowd, servers: new Map<string, Started>(), directory: lab.directory };
  await Promise.all(names.map((name) => startServer(plane, name)));
  bench.say('three hosts, with an etcd and a server each');
  return plane;
}

/** Milliseconds. */
export interface Start {
  /** Until `/readyz` says so. */
  readonly ready: number;
  /** Until it has answered a request, out of the store. */
  readonly served: number;
}

async function startServer({ hosts, etcd, servers }: Plane, name: string): Promise<Start> {
  const host = hostNamed(hosts, name);
  const began = performance.now();
  const server = await host.startServer(['--store', etcd.url]);
  servers.set(name, server);
  const since = async (moment: Promise<unknown>) => {
    await moment;
    return performance.now() - began;
  };
  const asking = 'until busybox wget -qO- http://127.0.0.1:4700/readyz >/dev/null 2>&1; do busybox sleep 0.02; done';
  const gone = server.ended.then(async (): Promise<never> => {
    throw new Error(`the server on ${name} has ended:\n${(await server.output()).slice(-2000)}`);
  });
  const [ready, served] = await Promise.race([
    gone,
    Promise.all([since(host.run(['sh', '-c', asking], { timeoutMs: patienceMs })), since(untilServed(apiOf(host)))]),
  ]);
  gone.catch(() => {});
  return { ready, served };
}

/** Killed, and started over what the store holds. */
export async function restart(plane: Plane, name: string): Promise<Start> {
  const server = plane.servers.get(name);
  server?.kill('SIGKILL');
  await server?.ended;
  return startServer(plane, name);
}

async function untilServed(api: Api): Promise<void> {
  for (const end = performance.now() + patienceMs; ; await systemClock.sleep(pollMs)) {
    try {
      await ask(api, 'node.list', {});
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

/** By joins, leases and tellings of the agents' own: nothing is written behind the servers' back. @returns how many endpoints */
export async function fill(bench: Bench, plane: Plane, layout: Layout): Promise<number> {
  const { crowd, hosts, directory } = plane;
  const api = apiOf(hostNamed(hosts, 'h1'));
  const networks: { id: string; vni: number; subnet: string }[] = [];
  for (let number = 0; number < layout.networks; number += 1) {
    const wish = { name: networkName(number), subnet: subnetOf(number) };
    const { id, vni, subnet } = await ask(api, 'network.create', wish);
    networks.push({ id, vni, subnet });
  }
  const share = Math.ceil(layout.agents / processes);
  const wish = { uses: share, ttlMs: 3_600_000 };
  const tokens = await Promise.all(Array.from({ length: processes }, () => ask(api, 'token.create', wish)));
  const servers = hosts.map(({ address }) => address).join(',');
  await crowd.all('join', (process) => ({
    ...{ layout, networks, directory },
    first: process * share,
    count: Math.max(0, Math.min(share, layout.agents - process * share)),
    join: `${tokens[process]?.token}@${servers}`,
  }));
  bench.say(`${layout.agents} agents have joined`);
  const told = await crowd.all('populate', null);
  const endpoints = told.reduce((sum, each) => sum + each.endpoints, 0);
  bench.say(`${endpoints} endpoints`);
  await crowd.all('follow', null);
  await untilWhole(plane, layout);
  bench.say('every agent is connected to every server, and has heard of its networks');
  return endpoints;
}

/** Every agent is connected to every server. */
export async function untilWhole({ hosts }: Plane, { agents }: Layout): Promise<void> {
  const seen = new Map<string, string>();
  const look = async () => {
    await systemClock.sleep(restMs);
    for (const host of hosts) {
      const { stdout } = await host.run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:4700/metrics']);
      seen.set(host.name, /^trama_connected_nodes (\d+)$/m.exec(stdout)?.[1] ?? 'none told');
    }
    return [...seen.values()].every((count) => count === String(agents));
  };
  try {
    await eventually('every agent is connected to every server', look, patienceMs);
  } catch (error) {
    const last = [...seen].map(([name, count]) => `${name}: ${count}`).join(', ');
    throw new Error(`${(error as Error).message} Connected of ${agents} at the last look: ${last}.`, { cause: error });
  }
}

export function watched({ servers, etcd, crowd }: Plane): readonly Watched[] {
  const pids = (started: ReadonlyMap<string, Started>) => [...started.values()].map(({ pid }) => pid);
  return [
    { label: 'server', pids: pids(servers) },
    { label: 'etcd', pids: pids(etcd.members) },
    { label: 'agents', pids: crowd.pids },
  ];
}

/** The most that the largest of each kind ever had: megabytes. */
export async function mostOf(plane: Plane): Promise<ReadonlyMap<string, number>> {
  const most = watched(plane).map(async ({ label, pids }) => {
    const each = await Promise.all(pids.map(mostMegabytes));
    return [label, Math.max(...each)] as const;
  });
  return new Map(await Promise.all(most));
}

function hostNamed(hosts: readonly LabHost[], name: string): LabHost {
  const host = hosts.find((each) => each.name === name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}

const apiOf = (host: LabHost): Api =>
  connectLocalApi({ socketPaths: [`/proc/${host.init}/root/run/trama/server.sock`] });
