/** Reads what the kernel holds, as objects: Trama's own things, and whatever stands on them. */
import { Failure, isFailure, routeProtocol } from '../domain/domain.ts';
import { CommandFailed, type Spawn } from '../platform/platform.ts';
import { ownTable } from './names.ts';
import type { KernelObject, LinkObject } from './objects.ts';
import { readForwarding, readLinks, readNeighbours, readRoutes } from './observe-links.ts';
import { readIptables, readTableNames, readTables } from './observe-rules.ts';
import { inside, switching } from './print.ts';

export interface Scope {
  /** Namespaces to look into, '' included; those that do not exist hold nothing. */
  readonly namespaces: readonly string[];
  /** Those of them that are Trama's own, as opposed to merely looked into. */
  readonly own: ReadonlySet<string>;
  /** Sysctls to read. */
  readonly sysctls: readonly { readonly ns: string; readonly key: string }[];
  /** Namespaces whose iptables rules are looked at. */
  readonly iptables: readonly string[];
  /** Also IPv6 routes. */
  readonly ipv6: boolean;
}

export async function observe(spawn: Spawn, scope: Scope): Promise<KernelObject[]> {
  const names = new Set(await namespaceNames(spawn));
  const there = (ns: string) => ns === '' || names.has(ns);
  const found = await Promise.all([
    ...scope.namespaces.filter(there).map((ns) => observeNamespace(spawn, ns, scope)),
    ...scope.iptables.filter(there).map((ns) => observeIptables(spawn, ns)),
    observeSysctls(
      spawn,
      scope.sysctls.filter(({ ns }) => there(ns)),
    ),
  ]);
  return found.flat();
}

async function namespaceNames(spawn: Spawn): Promise<string[]> {
  const text = await read(spawn, ['ip', 'netns', 'list']);
  return text.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

async function observeNamespace(
  spawn: Spawn,
  ns: string,
  { own: ownNamespaces, ipv6 }: Scope,
): Promise<KernelObject[]> {
  const ip = (...args: string[]) => readJson(spawn, switching('ip', ns, ['-j', ...args]));
  const routes = ['route', 'show', 'proto', routeProtocol];
  const [links, v4, v6, neighbours, rules] = await Promise.all([
    ip('-d', 'addr', 'show'),
    ip(...routes),
    ipv6 ? ip('-6', ...routes) : [],
    ip('neigh', 'show', 'nud', 'permanent'),
    observeNft(spawn, ns),
  ]);
  const own = readLinks(ns, links);
  const devices = own.flatMap((object) => (object.kind === 'link' ? [object] : []));
  const entries = devices.some(forwards) ? await readJson(spawn, switching('bridge', ns, ['-j', 'fdb', 'show'])) : [];
  return [
    ...(ownNamespaces.has(ns) ? [{ kind: 'namespace', name: ns } as const] : []),
    ...own,
    ...readRoutes(ns, [...v4, ...v6]),
    ...readNeighbours(ns, neighbours, devices),
    ...readForwarding(ns, entries, devices),
    ...rules,
  ];
}

const forwards = ({ type, master }: LinkObject) => type === 'bridge' || type === 'vxlan' || master !== undefined;

/** What of a container's namespace is ours by its own marks. @param path of the namespace */
export async function observeSandbox(spawn: Spawn, path: string): Promise<KernelObject[]> {
  const argv = switching('ip', path, ['-j', 'route', 'show', 'table', 'local', 'proto', routeProtocol]);
  const [rules, routes] = await Promise.all([
    observeNft(spawn, path),
    // Where no interface was ever up there is no such table.
    readJson(spawn, argv).catch((error) => {
      if (isFailure(error) && error.message.includes('FIB table does not exist')) return [];
      throw error;
    }),
  ]);
  return [...rules, ...readRoutes(path, routes)];
}

/** The tables of ours, one listing each: nft 1.0.6 fails to list two in one call. */
async function observeNft(spawn: Spawn, ns: string): Promise<KernelObject[]> {
  const names = readTableNames(ns, await read(spawn, inside(ns, ['nft', '-j', 'list', 'tables'])));
  const listings = await Promise.all(
    names.map((family) => readUnlessGone(spawn, inside(ns, ['nft', '-j', 'list', 'table', family, ownTable]))),
  );
  return listings.flatMap((text) => readTables(ns, text));
}

async function observeIptables(spawn: Spawn, ns: string): Promise<KernelObject[]> {
  try {
    return readIptables(ns, await read(spawn, inside(ns, ['iptables-save'])));
  } catch (error) {
    // A host without iptables has no rules in it; a rule that is desired will say so when it is made.
    if (error instanceof Failure && error.message.includes('is not installed')) return [];
    throw error;
  }
}

async function observeSysctls(spawn: Spawn, sysctls: Scope['sysctls']): Promise<KernelObject[]> {
  const byNamespace = Map.groupBy(sysctls, ({ ns }) => ns);
  const root = '/proc/sys/';
  const found = await Promise.all(
    [...byNamespace].map(async ([ns, keys]) => {
      const paths = keys.map(({ key }) => root + key);
      // Exit code 2 when one is missing, as with an interface that is gone.
      const { stdout } = await run(spawn, inside(ns, ['grep', '-Hs', '', ...paths]));
      return stdout.split('\n').flatMap((line): KernelObject[] => {
        const path = paths.find((path) => line.startsWith(`${path}:`));
        if (path === undefined) return [];
        return [{ kind: 'sysctl', ns, key: path.slice(root.length), value: line.slice(path.length + 1).trim() }];
      });
    }),
  );
  return found.flat();
}

/** @throws Failure when it ends in an error or prints something else. */
export async function readJson(spawn: Spawn, argv: [string, ...string[]]): Promise<readonly unknown[]> {
  const text = await read(spawn, argv);
  if (text.trim() === '') return [];
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure('internal', `${argv.join(' ')} printed no JSON: check its version with "ip -V".`, { cause });
  }
}

async function read(spawn: Spawn, argv: [string, ...string[]]): Promise<string> {
  const { code, stdout, stderr } = await run(spawn, argv);
  if (code !== 0) {
    throw new Failure('unavailable', `The kernel's state could not be read: ${argv.join(' ')}: ${stderr.trim()}`);
  }
  return stdout;
}

/** A table that was deleted since it was named. */
async function readUnlessGone(spawn: Spawn, argv: [string, ...string[]]): Promise<string> {
  const { code, stdout } = await run(spawn, argv);
  return code === 0 ? stdout : '';
}

const packages: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  'iptables-save': 'iptables',
};

async function run(spawn: Spawn, argv: [string, ...string[]]) {
  const tool = argv.find((word) => word in packages) ?? argv[0];
  const missing = (cause?: unknown) =>
    new Failure('unavailable', `${tool} is not installed: apt-get install ${packages[tool] ?? 'util-linux'}`, {
      cause,
    });
  try {
    const finished = await spawn({ argv, timeoutMs: 30_000, env: { LC_ALL: 'C' } });
    if (finished.code === 127 && finished.stderr.includes('failed to execute')) throw missing();
    return finished;
  } catch (error) {
    if (error instanceof CommandFailed) {
      if (error.message.includes('is not installed')) throw missing(error);
      throw new Failure('unavailable', `The kernel's state could not be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
