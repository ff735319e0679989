/** The addresses and routes of a containerlab file's `exec` lines, put where a topology file has them. */
import type { Path } from '../../documents/problems.ts';
import { contains, parseSubnet, readAddress } from '../../domain/domain.ts';
import { readExec, type Told } from './exec-lines.ts';
import { splitEndpoint } from './schema.ts';
import { isTree, type Tree } from './tree.ts';

export interface Wrong {
  readonly path: Path;
  readonly sentence: string;
}

export interface Executed {
  readonly nodes: Tree;
  readonly ignored: readonly Path[];
  readonly wrong: readonly Wrong[];
}

/**
 * Of nodes of kind `linux`; `exec` is in no node afterwards. A node whose lines say anything has the routes that they say and no others.
 * @param links changed: their ends get the addresses
 */
export function executed(nodes: Tree, links: unknown): Executed {
  const ignored: Path[] = [];
  const wrong: Wrong[] = [];
  const ends = endsOf(links);
  const told = new Map<string, Told>();
  for (const [name, node] of Object.entries(nodes)) {
    if (!isTree(node) || node.exec === undefined) continue;
    const path = ['topology', 'nodes', name, 'exec'];
    if ((node.kind ?? 'linux') !== 'linux' || !Array.isArray(node.exec)) {
      ignored.push(path);
      continue;
    }
    const own = readExec(node.exec, new Set(ends.get(name)?.keys()));
    told.set(name, own);
    ignored.push(...own.unknown.map((line) => [...path, line]));
    for (const [device, { address, prefix, line }] of own.addresses) {
      const end = ends.get(name)?.get(device);
      if (end === undefined || !give(end, address, prefix)) ignored.push([...path, line]);
      else if (end.link.prefix !== prefix) {
        const sentence = `the link of ${device} has the prefix ${end.link.prefix}, and this address is of ${prefix}: give both ends one`;
        wrong.push({ path: [...path, line], sentence });
      }
    }
  }
  // Only now: a prefix may come from the other end.
  const set = Object.entries(nodes).map(([name, node]) => {
    if (!isTree(node)) return [name, node] as const;
    const { exec: _, ...rest } = node;
    const own = told.get(name);
    if (own === undefined) return [name, rest] as const;
    const prefixes = [...(ends.get(name)?.values() ?? [])].map(({ link }) => link.prefix);
    const routes = [...own.routes].filter(([, { via }]) => rest.routes === undefined && isNear(via, prefixes));
    const kept = new Set(routes.map(([, { line }]) => line));
    for (const { line } of own.routes.values())
      if (!kept.has(line)) ignored.push(['topology', 'nodes', name, 'exec', line]);
    const itsRoutes = routes.map(([to, { via }]) => ({ to, via }));
    const isSet = own.addresses.size > 0 || routes.length > 0;
    return [
      name,
      {
        ...rest,
        ...(own.forwards ? { kind: 'router' } : {}),
        ...(isSet && rest.routes === undefined ? { routes: itsRoutes } : {}),
      },
    ] as const;
  });
  return { nodes: Object.fromEntries(set), ignored, wrong };
}

interface End {
  readonly link: Record<string, unknown>;
  readonly side: 0 | 1;
}

/** By node and interface; of a file that is not checked yet. */
function endsOf(links: unknown): Map<string, Map<string, End>> {
  const ends = new Map<string, Map<string, End>>();
  for (const link of Array.isArray(links) ? links : []) {
    if (!isTree(link) || !Array.isArray(link.endpoints)) continue;
    for (const side of [0, 1] as const) {
      const { node, port } = splitEndpoint(String(link.endpoints[side]));
      ends.set(node, (ends.get(node) ?? new Map()).set(port, { link, side }));
    }
  }
  return ends;
}

/** @returns false when the link itself says another address, which counts */
function give({ link, side }: End, address: string, prefix: string): boolean {
  link.prefix ??= prefix;
  link.ipv4 ??= ['', ''];
  if (!Array.isArray(link.ipv4) || (link.ipv4[side] !== '' && link.ipv4[side] !== address)) return false;
  link.ipv4[side] = address;
  return true;
}

/** A next hop that is nobody's here is one of containerlab's own network. What a link without a prefix will have is not known yet. */
function isNear(via: string, prefixes: readonly unknown[]): boolean {
  const address = readAddress(via);
  return prefixes.some((prefix) => {
    if (typeof prefix !== 'string') return true;
    try {
      return address !== undefined && contains(parseSubnet(prefix), address);
    } catch {
      return true;
    }
  });
}
