/** Tools, kernel, interfaces, routes, ports: what this host has. */
import { output, type Spawn } from '../../platform/platform.ts';
import type { ExaminedHost, ExamineOptions, Joined } from '../doctor.ts';
import type { Asked } from '../finding.ts';
import type { CardFact } from '../judge/checksum.ts';
import { featuresOn } from '../judge/checksum.ts';
import { type Feature, type FeatureFact, features } from '../judge/kernel.ts';
import type { Interface, Route } from '../judge/nic.ts';
import { type OwnPort, type ServerPort, socketsAt } from '../judge/ports.ts';
import { type ToolFact, tools } from '../judge/tools.ts';
import { asked } from './cluster.ts';

export const lookAtTools = (spawn: Spawn): Promise<ToolFact[]> =>
  Promise.all(
    tools.map(async (tool) => {
      try {
        const { stdout, stderr } = await spawn({ argv: tool.argv });
        return { tool, printed: `${stdout}\n${stderr}` };
      } catch {
        return { tool };
      }
    }),
  );

/** Each in a namespace that ends with the command, and with it whatever it made: also when we are killed. */
export async function lookAtKernel({ spawn, uid }: Pick<ExaminedHost, 'spawn' | 'uid'>): Promise<FeatureFact[]> {
  if (uid !== 0) return features.map((feature) => ({ feature, outcome: 'untried', message: 'only root may' }));
  const [first, ...rest] = features;
  if (first === undefined) return [];
  const namespaces = await tried(spawn, first);
  if (namespaces.outcome === 'works')
    return [namespaces, ...(await Promise.all(rest.map((each) => tried(spawn, each))))];
  const message = 'there is no namespace to try it in';
  return [namespaces, ...rest.map((feature): FeatureFact => ({ feature, outcome: 'untried', message }))];
}

async function tried(spawn: Spawn, feature: Feature): Promise<FeatureFact> {
  const input = feature.input === undefined ? {} : { input: feature.input };
  try {
    const { code, stderr } = await spawn({ argv: ['unshare', '--net', '--', ...feature.argv], ...input });
    const [message = ''] = stderr.trim().split('\n');
    if (code === 0) return { feature, outcome: 'works', message: '' };
    // unshare(1): the command is not there.
    return { feature, outcome: code === 126 || code === 127 ? 'untried' : 'fails', message };
  } catch (error) {
    return { feature, outcome: 'untried', message: error instanceof Error ? error.message : String(error) };
  }
}

interface AddressLine {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

export const lookAtInterfaces = (spawn: Spawn): Promise<Interface[]> =>
  list<AddressLine>(spawn, 'ip', '-j', '-4', 'address', 'show').then((lines) =>
    lines.map(({ ifname, mtu, flags, addr_info }) => ({
      name: ifname,
      mtu,
      up: flags.includes('UP'),
      addresses: addr_info
        .filter(({ scope }) => scope === 'global')
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    })),
  );

interface RouteLine {
  readonly dst: string;
  readonly dev?: string;
  readonly metric?: number;
  readonly protocol?: string;
}

/** The main table's; default routes in order of preference. */
export const lookAtRoutes = (spawn: Spawn): Promise<Route[]> =>
  list<RouteLine>(spawn, 'ip', '-j', '-4', 'route', 'show', 'table', 'main').then((lines) =>
    lines
      .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))
      .map(({ dst, dev, protocol }) => ({
        ...{ destination: dst, device: dev ?? 'no interface' },
        ...(protocol === undefined ? {} : { protocol }),
      })),
  );

/** iproute2 prints nothing at all, instead of `[]`, for an empty list. */
async function list<T>(spawn: Spawn, ...argv: [string, ...string[]]): Promise<T[]> {
  const text = await output(spawn, { argv });
  return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
}

export const lookAtCard = (spawn: Spawn, device: string): Promise<Asked<CardFact>> =>
  asked(async () => {
    const [info, features] = await Promise.all([
      output(spawn, { argv: ['ethtool', '-i', device] }),
      output(spawn, { argv: ['ethtool', '-k', device] }),
    ]);
    const driver = /^driver: *(\S*)/m.exec(info)?.[1] ?? '';
    return { interface: device, driver, on: featuresOn(features) };
  });

const silenceMs = 2000;

export function lookAtServerPorts(host: ExaminedHost, { servers }: Joined): Promise<ServerPort[]> {
  const ports = servers.flatMap((server) => [
    { host: server.host, port: server.ports.requests, purpose: 'requests' },
    { host: server.host, port: server.ports.feed, purpose: 'feed' },
  ]);
  return Promise.all(
    ports.map(async (each) => ({ ...each, reached: await host.reachTcp(each.host, each.port, silenceMs) })),
  );
}

export async function lookAtOwnPorts(host: ExaminedHost, settings: ExamineOptions['settings']): Promise<OwnPort[]> {
  // A server has been started on this host.
  const needed = await isThere(host, `${settings.state}/server/keys.json`);
  const ofServer = Object.entries(settings.ports ?? {}).map(
    ([what, port]) => ({ protocol: 'tcp', port, purpose: `a server's ${what}`, needed }) as const,
  );
  const ports = [{ protocol: 'udp', port: 4789, purpose: 'VXLAN', needed: true } as const, ...ofServer];
  return Promise.all(
    ports.map(async (each) => ({ ...each, holders: await holdersAt(host, each.protocol, each.port) })),
  );
}

async function holdersAt(host: ExaminedHost, protocol: 'tcp' | 'udp', port: number): Promise<string[]> {
  const tables = await Promise.all(
    ['', '6'].map((family) => host.readFile(`/proc/net/${protocol}${family}`).catch(() => '')),
  );
  const inodes = tables.flatMap((table) => socketsAt(table, port, protocol));
  const holders = await Promise.all(inodes.map((inode) => host.holdersOf(inode)));
  // A socket that no process holds is the kernel's own: that of a VXLAN device.
  return [...new Set(holders.flatMap((each) => (each.length === 0 ? ['kernel'] : each)))];
}

export const isThere = (host: Pick<ExaminedHost, 'readFile'>, path: string): Promise<boolean> =>
  host.readFile(path).then(
    () => true,
    () => false,
  );
