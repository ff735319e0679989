/**
 * What containerlab knows and a lab of namespaces has no use for: taken out before the file is checked, and told. A word that
 * neither knows is left in, and refused.
 */
import type { Path } from '../../documents/problems.ts';
import { readExec } from './exec-lines.ts';
import { splitEndpoint } from './schema.ts';

const ofFile = ['prefix', 'mgmt', 'settings', 'debug'];
const ofTopology = ['defaults', 'kinds', 'groups'];
const ofLink = ['type', 'labels', 'vars'];
const ofNode = [
  ...['type', 'group', 'startup-config', 'startup-delay', 'enforce-startup-config', 'suppress-startup-config'],
  ...['auto-remove', 'restart-policy', 'image-pull-policy', 'config', 'license', 'position', 'entrypoint'],
  ...[
    'binds',
    'volumes',
    'devices',
    'cap-add',
    'env',
    'env-files',
    'user',
    'labels',
    'runtime',
    'cpu',
    'cpu-set',
    'memory',
  ],
  ...[
    'shm-size',
    'sysctls',
    'extras',
    'wait-for',
    'dns',
    'certificate',
    'healthcheck',
    'aliases',
    'stages',
    'components',
  ],
  ...['mgmt-ipv4', 'mgmt-ipv6', 'network-mode', 'ulimits'],
];

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

export interface Adapted {
  readonly value: unknown;
  readonly ignored: readonly Path[];
}

/** @param value a file as it was read */
export function adapt(value: unknown): Adapted {
  const ignored: Path[] = [];
  const without = (tree: Tree, keys: readonly string[], path: Path): Record<string, unknown> => {
    const kept: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(tree)) {
      if (keys.includes(key)) ignored.push([...path, key]);
      else kept[key] = inner;
    }
    return kept;
  };
  if (!isTree(value)) return { value, ignored };
  const file = without(value, ofFile, []);
  if (!isTree(file.topology)) return { value: file, ignored };
  const { defaults } = file.topology;
  const topology = without(file.topology, ofTopology, ['topology']);
  if (Array.isArray(topology.links)) {
    topology.links = topology.links.map((link: unknown, at) =>
      isTree(link) ? without(link, ofLink, ['topology', 'links', at]) : link,
    );
  }
  if (isTree(topology.nodes)) {
    const links = new Links(topology.links);
    const nodes = Object.entries(topology.nodes).map(([name, node]) => {
      if (!isTree(node)) return [name, node] as const;
      const path = ['topology', 'nodes', name];
      const whole = inherit(node, defaults);
      return [name, executed(name, without(whole, [...ofNode, ...ofLinux(whole)], path), links, path)] as const;
    });
    topology.nodes = Object.fromEntries(nodes);
  }
  return { value: { ...file, topology }, ignored };

  /** A node that its lines set up has what they say and no more; with several links it passes packets on, as containers do. */
  function executed(name: string, { exec, ...node }: Tree, links: Links, path: Path): Tree {
    if (exec === undefined) return node;
    if ((node.kind ?? 'linux') !== 'linux' || !Array.isArray(exec)) {
      ignored.push([...path, 'exec']);
      return node;
    }
    const { addresses, routes, unknown } = readExec(exec, links.interfacesOf(name));
    ignored.push(...unknown.map((at) => [...path, 'exec', at]));
    if (addresses.size === 0) return node;
    for (const [device, { address, prefix }] of addresses) links.give(`${name}:${device}`, address, prefix);
    return { ...node, routes: node.routes ?? routes, ...(addresses.size > 1 ? { kind: 'router' } : {}) };
  }
}

/** Of a file that is not checked yet. */
class Links {
  readonly #ends = new Map<string, { link: Record<string, unknown>; side: 0 | 1 }>();

  constructor(links: unknown) {
    for (const link of Array.isArray(links) ? links : []) {
      if (!isTree(link) || !Array.isArray(link.endpoints)) continue;
      for (const side of [0, 1] as const) this.#ends.set(String(link.endpoints[side]), { link, side });
    }
  }

  interfacesOf(node: string): ReadonlySet<string> {
    const ends = [...this.#ends.keys()].map(splitEndpoint);
    return new Set(ends.filter((end) => end.node === node).map(({ port }) => port));
  }

  /** What the link itself says counts. */
  give(end: string, address: string, prefix: string): void {
    const { link, side } = this.#ends.get(end) ?? {};
    if (link === undefined || side === undefined) return;
    link.prefix ??= prefix;
    link.ipv4 ??= ['', ''];
    if (Array.isArray(link.ipv4) && link.ipv4[side] === '') link.ipv4[side] = address;
  }
}

/** The kind comes from the defaults, too; nothing else of those matters here. A bridge is what is called a switch here. */
function inherit(node: Tree, defaults: unknown): Tree {
  const kind = node.kind ?? (isTree(defaults) ? defaults.kind : undefined);
  return kind === undefined ? node : { ...node, kind: kind === 'bridge' ? 'switch' : kind };
}

/** A node of kind linux is a namespace, with the programs of this machine: its image and what runs in that mean nothing here. */
const ofLinux = (node: Tree): readonly string[] =>
  (node.kind ?? 'linux') === 'linux' && 'image' in node ? ['image', 'cmd'] : [];
