/**
 * What containerlab knows and a lab of namespaces has no use for: taken out before the file is checked, and told. A word that
 * neither knows is left in, and refused.
 */
import type { Path } from '../../documents/problems.ts';
import { executed, type Wrong } from './containerlab-exec.ts';
import { isTree, type Tree } from './tree.ts';

const ofFile = ['prefix', 'mgmt', 'settings', 'debug'];
const ofTopology = ['defaults', 'kinds', 'groups'];
const ofLink = ['type', 'labels', 'vars'];
const ofEndpoint = ['mac'];
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

export interface Adapted {
  readonly value: unknown;
  readonly ignored: readonly Path[];
  readonly wrong: readonly Wrong[];
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
  if (!isTree(value)) return { value, ignored, wrong: [] };
  const file = without(value, ofFile, []);
  if (!isTree(file.topology)) return { value: file, ignored, wrong: [] };
  const inherited = inheritance(file.topology);
  const topology = without(file.topology, ofTopology, ['topology']);
  if (Array.isArray(topology.links)) {
    topology.links = topology.links.map((link: unknown, at) => {
      if (!isTree(link)) return link;
      const path = ['topology', 'links', at];
      const kept = without(link, ofLink, path);
      if (!Array.isArray(kept.endpoints)) return kept;
      const ends = kept.endpoints.map((end: unknown, side) =>
        isTree(end) ? inOneWord(without(end, ofEndpoint, [...path, 'endpoints', side])) : end,
      );
      return { ...kept, endpoints: ends };
    });
  }
  if (!isTree(topology.nodes)) return { value: { ...file, topology }, ignored, wrong: [] };
  const nodes = Object.entries(topology.nodes).map(([name, node]) => {
    if (!isTree(node)) return [name, node] as const;
    const { kind, image } = inherited(node);
    const whole = kind === undefined ? node : { ...node, kind };
    return [name, without(whole, [...ofNode, ...ofImage(kind, image)], ['topology', 'nodes', name])] as const;
  });
  const done = executed(Object.fromEntries(nodes), topology.links);
  ignored.push(...done.ignored);
  return { value: { ...file, topology: { ...topology, nodes: done.nodes } }, ignored, wrong: done.wrong };
}

/**
 * A node's kind and image, which may be those of its group, its kind or the defaults; nothing else of these matters here. A bridge is what
 * is called a switch here.
 */
function inheritance({ defaults, kinds, groups }: Tree): (node: Tree) => { kind: unknown; image: unknown } {
  const entry = (tree: unknown, key: unknown): Tree => treeOf(treeOf(tree)[String(key)]);
  return (node) => {
    const group = entry(groups, node.group ?? treeOf(defaults).group);
    const kind = node.kind ?? group.kind ?? treeOf(defaults).kind;
    const image = [node, group, entry(kinds, kind ?? 'linux'), treeOf(defaults)].find((one) => 'image' in one)?.image;
    return { kind: kind === 'bridge' ? 'switch' : kind, image };
  };
}

/** An endpoint that is written as a map of these two alone. */
function inOneWord(end: Tree): unknown {
  const { node, interface: port, ...rest } = end;
  return typeof node === 'string' && typeof port === 'string' && isEmpty(rest) ? `${node}:${port}` : end;
}

const isEmpty = (tree: Tree): boolean => Object.keys(tree).length === 0;

const treeOf = (value: unknown): Tree => (isTree(value) ? value : {});

/** A node of kind linux is a namespace, with the programs of this machine: its image, what runs in that and how that is reached mean nothing here. */
const ofImage = (kind: unknown, image: unknown): readonly string[] =>
  (kind ?? 'linux') === 'linux' && image !== undefined ? ['image', 'cmd', 'ports'] : [];
