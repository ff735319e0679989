/** A whole Trama cluster on simulated hosts: servers on the first ones, an agent on each. */
import { Failure } from '../domain/domain.ts';
import type { HostOptions, Lab } from './create-lab.ts';
import { named, said, startDaemons, untilNodesReady } from './daemons.ts';
import type { LabEtcd } from './etcd.ts';
import type { LabHost } from './host.ts';
import type { Started } from './host-processes.ts';

export interface ClusterOptions {
  readonly hosts: readonly string[];
  /** So many of the first hosts run a server. Default 1, over its own store; more stand over an etcd with a member on each of them. */
  readonly servers?: number;
  readonly hostOptions?: HostOptions | ((name: string) => HostOptions);
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
  /** That on the first host. What runs now; replaced by whoever restarts it. */
  server: Started;
  /** By host, that of the first host too. */
  readonly servers: Map<string, Started>;
  readonly agents: Map<string, Started>;
  /** There when there are several servers. */
  readonly etcd: LabEtcd | undefined;
  host(name: string): LabHost;
  /** As they were started first. Resolves when it can be asked. */
  startServer(host: string): Promise<Started>;
  startAgent(host: string): Promise<Started>;
  /** Runs the command line on the first host. @throws Failure with what it said when it fails */
  trama(...args: string[]): Promise<string>;
  /** The same on any host. */
  tramaOn(host: string, ...args: string[]): Promise<string>;
  /** The same as `trama` with `-o json`, parsed. */
  json<T>(...args: string[]): Promise<T>;
}

/** @throws Failure with the end of the log of whatever did not come up */
export async function startCluster(lab: Lab, options: ClusterOptions): Promise<LabCluster> {
  const step = options.onStep ?? (() => {});
  const [first] = options.hosts;
  const count = options.servers ?? 1;
  if (first === undefined || count < 1 || count > options.hosts.length)
    throw new Failure('invalid', 'A cluster needs at least one host, and as many as it has servers.');
  const hosts = await Promise.all(
    options.hosts.map(async (name) => {
      const { hostOptions } = options;
      const host = await lab.host(name, typeof hostOptions === 'function' ? hostOptions(name) : hostOptions);
      step(`host ${name} with its Docker Engine, ${host.address}`);
      return host;
    }),
  );
  const host = (name: string) => named(hosts, name);
  const serving = hosts.slice(0, count);
  const { serverArguments = [], requestsPort } = options;
  const daemons = await startDaemons({
    ...{ etcd: count > 1 ? serving : [], servers: serving, agents: hosts, onStep: step },
    serverArguments: async () =>
      typeof serverArguments === 'function' ? await serverArguments(hosts) : serverArguments,
    agentArguments: () => options.agentArguments ?? [],
    ...(requestsPort === undefined ? {} : { requestsPort }),
  });
  const { servers } = daemons;
  const cluster: LabCluster = {
    ...{ ...daemons, lab, hosts, host },
    get server() {
      return servers.get(first) as Started;
    },
    set server(server: Started) {
      servers.set(first, server);
    },
    trama: (...args) => said(host(first), ...args),
    tramaOn: (name, ...args) => said(host(name), ...args),
    json: async (...args) => JSON.parse(await said(host(first), ...args, '-o', 'json')),
  };
  await untilReady(cluster);
  return cluster;
}

/** Waits until the server that the first host asks has heard of every host. */
export async function untilReady({ hosts: [first, ...others] }: LabCluster): Promise<void> {
  if (first !== undefined) await untilNodesReady(first, 1 + others.length);
}
