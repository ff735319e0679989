/** A whole Trama cluster on simulated hosts: a server on the first, an agent on each. */
import { Failure } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import type { HostOptions, Lab } from './create-lab.ts';
import type { LabHost } from './host.ts';
import type { Started } from './host-processes.ts';

export interface ClusterOptions {
  readonly hosts: readonly string[];
  readonly hostOptions?: HostOptions;
  /** A function is called when the hosts are there, to start on them what the server needs. */
  readonly serverArguments?: readonly string[] | ((hosts: readonly LabHost[]) => Promise<readonly string[]>);
  /** The server's port for requests, if `serverArguments` changes it. */
  readonly requestsPort?: number;
  readonly agentArguments?: readonly string[];
  /** Told of each step as it is done, in a few words. */
  onStep?(step: string): void;
}

export interface LabCluster {
  readonly lab: Lab;
  readonly hosts: readonly LabHost[];
  /** What runs now; replaced by whoever restarts it. */
  server: Started;
  readonly agents: Map<string, Started>;
  host(name: string): LabHost;
  /** Runs the command line on the first host. @throws Failure with what it said when it fails */
  trama(...args: string[]): Promise<string>;
  /** The same with `-o json`, parsed. */
  json<T>(...args: string[]): Promise<T>;
}

const pollMs = 50;
const patienceMs = 30_000;

/** @throws Failure with the end of the log of whatever did not come up */
export async function startCluster(lab: Lab, options: ClusterOptions): Promise<LabCluster> {
  const step = options.onStep ?? (() => {});
  const [first, ...others] = options.hosts;
  if (first === undefined) throw new Failure('invalid', 'A cluster needs at least one host.');
  const hosts = await Promise.all(
    options.hosts.map(async (name) => {
      const host = await lab.host(name, options.hostOptions);
      step(`host ${name} with its Docker Engine, ${host.address}`);
      return host;
    }),
  );
  const host = (name: string) => {
    const found = hosts.find((each) => each.name === name);
    if (found === undefined) throw new Failure('not-found', `There is no host ${name} in this lab.`);
    return found;
  };
  const { serverArguments } = options;
  const server = await host(first).startServer(
    typeof serverArguments === 'function' ? await serverArguments(hosts) : serverArguments,
  );
  await untilThere(host(first), '/run/trama/server.sock', server);
  step(`server on ${first}`);
  const token = (await said(host(first), 'token', 'create', '--uses', String(hosts.length))).trim();
  const agents = new Map<string, Started>();
  await Promise.all(
    [first, ...others].map(async (name) => {
      const port = options.requestsPort === undefined ? '' : `:${options.requestsPort}`;
      const join = ['--join', `${token}@${host(first).address}${port}`];
      const agent = await host(name).startAgent([...join, ...(options.agentArguments ?? [])]);
      agents.set(name, agent);
      await untilThere(host(name), '/run/docker/plugins/trama.sock', agent);
      step(`agent on ${name}`);
    }),
  );
  const cluster: LabCluster = {
    lab,
    hosts,
    server,
    agents,
    host,
    trama: (...args) => said(host(first), ...args),
    json: async (...args) => JSON.parse(await said(host(first), ...args, '-o', 'json')),
  };
  await untilReady(cluster);
  return cluster;
}

/** Waits until the server has heard of every host. */
export async function untilReady(cluster: LabCluster): Promise<void> {
  const nodes = () => cluster.json<{ name: string; status: string }[]>('node', 'ls');
  await eventually('all nodes ready', async () => {
    const ready = (await nodes()).filter((node) => node.status === 'ready');
    return ready.length >= cluster.hosts.length;
  });
}

export async function untilThere(host: LabHost, path: string, process: Started): Promise<void> {
  await eventually(`${path} on ${host.name}`, async () => (await host.run(['test', '-S', path])).code === 0).catch(
    async (cause) => {
      const log = (await process.output()).trim().split('\n').slice(-15).join('\n');
      throw new Failure('deadline', `${path} did not appear on ${host.name}; its log ends so:\n${log}`, { cause });
    },
  );
}

/** Looks again and again until it is so. @throws Failure naming what was waited for */
export async function eventually(what: string, look: () => Promise<boolean>, patience = patienceMs): Promise<void> {
  const end = Date.now() + patience;
  for (;;) {
    if (await look().catch(() => false)) return;
    if (Date.now() > end) throw new Failure('deadline', `Waited ${patience / 1000} s in vain for: ${what}.`);
    await systemClock.sleep(pollMs);
  }
}

async function said(host: LabHost, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.trama(...args);
  if (code === 0) return stdout;
  throw new Failure(
    'internal',
    `trama ${args.join(' ')} on ${host.name} ended with code ${code}: ${stderr.trim() || stdout.trim()}`,
  );
}
