/** What runs on hosts beside their engines: members of an etcd, servers, agents. */
import { Failure } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import { unlessAborted } from './aborted.ts';
import { etcdUrl, LabEtcd } from './etcd.ts';
import type { Started } from './host-processes.ts';
import type { SimulatedHost } from './simulated-host.ts';

export interface DaemonOptions<H extends SimulatedHost> {
  /** On which the members of an etcd are, over which the servers stand. None: each server has a store of its own. */
  readonly etcd: readonly H[];
  readonly servers: readonly H[];
  readonly agents: readonly H[];
  /** Agents come one after the other, each when those before it are there. */
  readonly inOrder?: boolean;
  serverArguments?(): Promise<readonly string[]>;
  /** The servers' port for requests, if `serverArguments` changes it. */
  readonly requestsPort?: number;
  agentArguments?(host: H): readonly string[];
  /** Told of each step as it is done, in a few words. */
  onStep?(step: string): void;
}

export interface Daemons {
  /** By host. What runs now, or ran last. */
  readonly servers: Map<string, Started>;
  readonly agents: Map<string, Started>;
  readonly etcd: LabEtcd | undefined;
  /** As they were started first. Resolves when it can be asked. */
  startServer(host: string): Promise<Started>;
  startAgent(host: string): Promise<Started>;
}

const pollMs = 50;
const longestRestMs = 500;
const patienceMs = 30_000;

export const serverSocket = '/run/trama/server.sock';
export const pluginSocket = '/run/docker/plugins/trama.sock';

/** Of servers over these members. */
export const storeArguments = (members: readonly { readonly name: string; readonly address: string }[]): string[] =>
  members.length === 0 ? [] : ['--store', etcdUrl(members)];

export function joinArguments(token: string, servers: readonly { readonly address: string }[], port = ''): string[] {
  return ['--join', `${token}@${servers.map(({ address }) => `${address}${port}`).join(',')}`];
}

/** @throws Failure with the end of the log of whatever did not come up */
export async function startDaemons<H extends SimulatedHost>(options: DaemonOptions<H>): Promise<Daemons> {
  const { onStep: step = () => {}, requestsPort, agents: joining, servers: serving } = options;
  const etcd = options.etcd.length > 0 ? await LabEtcd.start(options.etcd) : undefined;
  const own = [...storeArguments(options.etcd), ...((await options.serverArguments?.()) ?? [])];
  const [servers, agents] = [new Map<string, Started>(), new Map<string, Started>()];
  const startServer = async (name: string) => {
    const host = named(serving, name);
    const server = await host.startServer(own);
    servers.set(name, server);
    await untilThere(host, serverSocket, server);
    return server;
  };
  const startAgent = async (name: string, join: readonly string[] = []) => {
    const host = named(joining, name);
    const agent = await host.startAgent([...join, ...(options.agentArguments?.(host) ?? [])]);
    agents.set(name, agent);
    await untilThere(host, pluginSocket, agent);
    return agent;
  };
  // At once: in whatever order they come.
  await Promise.all(
    serving.map(async ({ name }) => {
      await startServer(name);
      step(`server on ${name}`);
    }),
  );
  const [first] = serving;
  const token = first && (await said(first, 'token', 'create', '--uses', String(Math.max(1, joining.length)))).trim();
  const join = joinArguments(token ?? '', serving, requestsPort === undefined ? '' : `:${requestsPort}`);
  let before: Promise<unknown> = Promise.resolve();
  await Promise.all(
    joining.map(async ({ name }) => {
      const coming = (options.inOrder === true ? before : Promise.resolve()).then(() => startAgent(name, join));
      before = coming;
      await coming;
      step(`agent on ${name}`);
    }),
  );
  return { servers, agents, etcd, startServer, startAgent: (name) => startAgent(name) };
}

export function named<H extends SimulatedHost>(hosts: readonly H[], name: string): H {
  const found = hosts.find((each) => each.name === name);
  if (found === undefined) throw new Failure('not-found', `There is no host ${name} in this lab.`);
  return found;
}

/** Waits until the server that this host asks has heard of so many. */
export async function untilNodesReady(host: SimulatedHost, count: number): Promise<void> {
  await eventually('all nodes ready', async () => {
    const nodes: { status: string }[] = JSON.parse(await said(host, 'node', 'ls', '-o', 'json'));
    return nodes.filter((node) => node.status === 'ready').length >= count;
  });
}

export async function untilThere(host: SimulatedHost, path: string, process: Started): Promise<void> {
  await eventually(`${path} on ${host.name}`, async () => (await host.run(['test', '-S', path])).code === 0).catch(
    async (cause) => {
      const log = (await process.output()).trim().split('\n').slice(-15).join('\n');
      throw new Failure('deadline', `${path} did not appear on ${host.name}; its log ends so:\n${log}`, { cause });
    },
  );
}

/**
 * Looks again and again until it is so, and rests in between as long as it looked: what is waited for needs the processors, too.
 * @throws Failure naming what was waited for
 */
export async function eventually(what: string, look: () => Promise<boolean>, patience = patienceMs): Promise<void> {
  const end = Date.now() + patience;
  for (;;) {
    const began = Date.now();
    if (await look().catch(unlessAborted)) return;
    if (Date.now() > end) throw new Failure('deadline', `Waited ${patience / 1000} s in vain for: ${what}.`);
    await systemClock.sleep(Math.max(pollMs, Math.min(Date.now() - began, longestRestMs)));
  }
}

/** Runs the command line there. @throws Failure with what it said when it fails */
export async function said(host: SimulatedHost, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.trama(...args);
  if (code === 0) return stdout;
  throw new Failure(
    'internal',
    `trama ${args.join(' ')} on ${host.name} ended with code ${code}: ${stderr.trim() || stdout.trim()}`,
  );
}
