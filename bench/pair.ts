/** Two simulated hosts whose engines have a network of each kind: Trama's, Docker's own bridge, Swarm's overlay. */
import { createLab, type LabCluster, type LabHost, labImage, startCluster } from '../src/lab/lab.ts';
import type { Bench } from './subject.ts';

/** Networks by the names that both engines know them by. */
export const networks = { trama: 'app', swarm: 'peer', bridge: 'own' } as const;

export interface Pair {
  readonly cluster: LabCluster;
  readonly first: LabHost;
  readonly second: LabHost;
}

export async function startPair(bench: Bench): Promise<Pair> {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: ['h1', 'h2'], onStep: bench.say });
  const [first, second] = [cluster.host('h1'), cluster.host('h2')];
  await cluster.trama('network', 'create', networks.trama, '--subnet', '10.42.0.0/16');
  await formSwarm(first, second);
  await first.docker('network', 'create', networks.bridge);
  bench.say('Trama network, Swarm with an attachable overlay, a bridge network on each engine');
  return { cluster, first, second };
}

async function formSwarm(manager: LabHost, worker: LabHost): Promise<void> {
  await manager.docker('swarm', 'init', '--advertise-addr', manager.address);
  const token = await manager.docker('swarm', 'join-token', '--quiet', 'worker');
  await worker.docker('swarm', 'join', '--token', token, `${manager.address}:2377`);
  const overlay = ['--driver', 'overlay', '--attachable', '--subnet', '10.43.0.0/16'];
  await manager.docker('network', 'create', ...overlay, networks.swarm);
}

/** A container that does nothing, in one network. @returns its name */
export async function idle(host: LabHost, name: string, network: string, ...options: string[]): Promise<string> {
  const all = ['--detach', '--name', name, '--network', network, ...options];
  await host.docker('run', ...all, labImage, 'sleep', 'infinity');
  return name;
}

/** Where a container's network namespace is, as the machine sees it: /proc of the host's own, reached through its pid 1. */
export async function namespaceOf(host: LabHost, container: string): Promise<string> {
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', container);
  return `/proc/${host.init}/root/proc/${pid}/ns/net`;
}

/** The host's own, likewise. */
export const namespaceOfHost = (host: LabHost): string => `/proc/${host.init}/ns/net`;

export async function addressOf(host: LabHost, container: string): Promise<string> {
  return host.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);
}

/** argv that runs a command of the machine in that network namespace. It ends with this process at the latest, whatever ends it. */
export const inside = (namespace: string, argv: readonly string[]): [string, ...string[]] => [
  ...(['nsenter', `--net=${namespace}`, 'setpriv', '--pdeathsig', 'KILL'] as const),
  ...argv,
];
