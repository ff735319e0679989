/** The examination, assembled: each part looks and judges by itself, all at once, and none keeps another from its findings. */
import type { Examine, ExamineOptions } from './doctor.ts';
import { type Asked, about, type Check, checks, type Finding } from './finding.ts';
import { judgeAddresses } from './judge/addresses.ts';
import { judgeCard } from './judge/checksum.ts';
import { judgeClock } from './judge/clock.ts';
import { judgeDrift } from './judge/drift.ts';
import { judgeFirewall } from './judge/firewall.ts';
import { judgeAgent, judgeDisk, judgeDocker, judgeRoot } from './judge/host.ts';
import { judgeKernel } from './judge/kernel.ts';
import { judgeNic, judgeRoutes, type NicFact, type Route } from './judge/nic.ts';
import { judgePaths, type Peer } from './judge/paths.ts';
import { judgeOwnPorts, judgeServerPorts } from './judge/ports.ts';
import { judgeTools } from './judge/tools.ts';
import { asked, type Cluster, lookAtAgent, lookAtClock, lookAtCluster, lookAtDrift, only } from './look/cluster.ts';
import { lookAtFirewall } from './look/firewall.ts';
import {
  lookAtCard,
  lookAtInterfaces,
  lookAtKernel,
  lookAtOwnPorts,
  lookAtRoutes,
  lookAtServerPorts,
  lookAtTools,
} from './look/host.ts';
import { lookAtPaths } from './look/paths.ts';

type Identity = Awaited<ReturnType<ExamineOptions['identity']>>;
type Node = Cluster['nodes'][number];
type Part = readonly [checks: readonly Check[], examine: () => Promise<Finding[]>];

const vxlanPort = 4789;

export const examine: Examine = async (options) => {
  const wanted = (check: Check) => options.only?.has(check) ?? true;
  const chosen = partsOf(options).filter(([checks]) => checks.some(wanted));
  const found = await Promise.all(chosen.map(([[first], work]) => unlessItFails(first, work)));
  return found
    .flat()
    .filter(({ check }) => wanted(check))
    .sort((a, b) => checks.indexOf(a.check) - checks.indexOf(b.check));
};

async function unlessItFails(check: Check | undefined, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work();
  } catch (error) {
    if (check === undefined) throw error;
    const why = error instanceof Error ? error.message : String(error);
    return [
      about(check).warn('this host', `could not be looked at: ${why}`, 'Mend what it says, then run this again.'),
    ];
  }
}

/** What several parts go by, looked at once, and only if one of them is asked for. */
interface Scene {
  readonly options: ExamineOptions;
  readonly identity: () => Promise<Asked<Identity>>;
  readonly cluster: () => Promise<Asked<Cluster>>;
  /** This host as a node; undefined when it is none, or that cannot be known. */
  readonly self: () => Promise<Node | undefined>;
  readonly peers: () => Promise<Asked<Peer[]>>;
  readonly routes: () => Promise<Route[]>;
}

function sceneOf(options: ExamineOptions): Scene {
  const identity = once(() => asked(() => options.identity()));
  const cluster = once(() => lookAtCluster(options));
  const self = once(async () => selfOf(await identity(), await cluster()));
  const peers = once(async () => pathsOf(options, await cluster(), await self()));
  const routes = once(() => lookAtRoutes(options.host.spawn));
  return { options, identity, cluster, self, peers, routes };
}

const partsOf = (options: ExamineOptions): Part[] => {
  const scene = sceneOf(options);
  return [...ofThisHost(scene), ...ofTheCluster(scene)];
};

function ofThisHost(scene: Scene): Part[] {
  const { host, settings } = scene.options;
  const { state, dockerSocket: socket } = settings;
  const disk = () => asked(async () => ({ directory: state, ...(await host.freeSpace(state)) }));
  return [
    [['root'], async () => judgeRoot(host.uid)],
    [['tools'], async () => judgeTools(await lookAtTools(host.spawn))],
    [['kernel'], async () => judgeKernel(await lookAtKernel(host))],
    [['docker'], async () => judgeDocker({ ...(await host.docker()), socket })],
    [['disk'], async () => judgeDisk(await disk())],
    [['own-ports'], async () => judgeOwnPorts(await lookAtOwnPorts(host, settings))],
    [['nic'], async () => judgeNic(await nicOf(scene))],
    [['checksum'], () => cardOf(scene)],
    [['firewall'], async () => judgeFirewall(await lookAtFirewall(host, vxlanPort, passing(await scene.peers())))],
  ];
}

function ofTheCluster({ options, identity, cluster, self, peers, routes }: Scene): Part[] {
  const networks = async () => only(await cluster(), (known) => known.networks);
  return [
    [['agent'], async () => judgeAgent(await lookAtAgent(options), nameOf(await identity()))],
    [['clock'], async () => judgeClock(await lookAtClock(options))],
    [['server-ports'], async () => judgeServerPorts(await serverPorts(options, await identity()))],
    [['routes'], async () => judgeRoutes(await routes(), await networks())],
    [['mtu', 'vxlan', 'checksum'], async () => judgePaths(await peers())],
    [['addresses'], async () => judgeAddresses(await networks(), (await self())?.name)],
    [['drift'], async () => judgeDrift(await lookAtDrift(options))],
  ];
}

async function nicOf({ options, cluster, self, routes }: Scene): Promise<NicFact> {
  const [me, known] = [await self(), await cluster()];
  const { address } = options.settings;
  const others = 'value' in known ? known.value.nodes.filter(({ name }) => name !== me?.name) : [];
  return {
    interfaces: await lookAtInterfaces(options.host.spawn),
    routes: await routes(),
    ...(me === undefined ? {} : { known: me }),
    ...(address === undefined ? {} : { wanted: address }),
    peers: others.map((node) => node.address),
  };
}

async function cardOf({ options, self, routes }: Scene): Promise<Finding[]> {
  const byDefault = async () => (await routes()).find(({ destination }) => destination === 'default')?.device;
  const device = (await self())?.interface ?? (await byDefault());
  return device === undefined ? [] : judgeCard(await lookAtCard(options.host.spawn, device));
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= work());
}

const nameOf = (identity: Asked<Identity>): string | undefined =>
  'value' in identity ? identity.value?.name : undefined;

function selfOf(identity: Asked<Identity>, cluster: Asked<Cluster>): Node | undefined {
  const name = nameOf(identity);
  return 'value' in cluster ? cluster.value.nodes.find((node) => node.name === name) : undefined;
}

async function serverPorts({ host }: ExamineOptions, identity: Asked<Identity>) {
  if ('notAsked' in identity) return identity;
  if (identity.value === undefined) return { notAsked: 'this host has not joined a cluster' };
  return { value: await lookAtServerPorts(host, identity.value) };
}

async function pathsOf(options: ExamineOptions, cluster: Asked<Cluster>, me: Node | undefined): Promise<Asked<Peer[]>> {
  if ('notAsked' in cluster) return cluster;
  if (me === undefined) return { notAsked: 'this host is no node of the cluster' };
  return { value: await lookAtPaths(options, cluster.value, me) };
}

/** Whether VXLAN passed with all that could be tried; undefined: with nobody. */
function passing(peers: Asked<readonly Peer[]>): boolean | undefined {
  const tried = 'value' in peers ? peers.value.flatMap(({ overlay }) => overlay ?? []) : [];
  const known = tried.filter(({ small }) => small.untried === undefined);
  return known.length === 0 ? undefined : known.every(({ small }) => small.received > 0);
}
