/** Who is in one segment with whom, and which prefix it has. */

import type { Path, Problems } from '../../documents/problems.ts';
import { contains, parseAddress } from '../../domain/domain.ts';
import { overlaps, parseSubnet } from '../../domain/subnet.ts';
import type { Draft, Wiring } from './cables.ts';
import { bridgeName, type CableEnd } from './model.ts';
import type { Topology } from './schema.ts';

/** Something that can have an address. */
export interface Seat {
  readonly node: string;
  readonly device: string;
  /** What the file gives, and where. */
  readonly given?: string;
  readonly path: Path;
  /** The gateway takes the first address. */
  readonly first: boolean;
}

export interface DraftSegment {
  readonly prefix?: string;
  readonly path: Path;
  /** In the order in which they are given addresses. */
  readonly seats: readonly Seat[];
}

interface Prefixed {
  readonly prefix: string;
  readonly path: Path;
}

export function findSegments({ topology }: Topology, wiring: Wiring, problems: Problems): DraftSegment[] {
  const sets = new DisjointSets();
  const place = (end: CableEnd) => `${end.node}:${wiring.masterOf(end) ?? end.port}`;
  // Only bridges have several ports, so only they can close a loop; nothing here runs a spanning tree.
  const join = (a: string, b: string, path: Path) => {
    if (sets.join(a, b)) return;
    problems.at(path, 'this closes a loop of bridges, in which a broadcast never ends: remove it, or another of them');
  };
  for (const { ends, path } of wiring.cables) join(place(ends[0]), place(ends[1]), path);
  for (const [name, node] of wiring.nodes) {
    if (wiring.hasBridge(name)) sets.add(`${name}:${bridgeName}`);
    if (node.overlay !== undefined)
      join(`${name}:${bridgeName}`, `overlay ${node.overlay}`, ['topology', 'nodes', name, 'overlay']);
  }
  const prefixes = new Map<string, Prefixed[]>();
  const note = (member: string, prefix: string | undefined, path: Path) => {
    if (prefix === undefined) return;
    const root = sets.root(member);
    prefixes.set(root, [...(prefixes.get(root) ?? []), { prefix, path }]);
  };
  for (const [name, { overlay, prefix }] of Object.entries(topology.overlays ?? {}).map(
    ([name, one]) => [name, { overlay: `overlay ${name}`, prefix: one.prefix }] as const,
  )) {
    sets.add(overlay);
    note(overlay, prefix, ['topology', 'overlays', name, 'prefix']);
  }
  for (const [name, { prefix }] of wiring.nodes) {
    if (wiring.hasBridge(name)) note(`${name}:${bridgeName}`, prefix, ['topology', 'nodes', name, 'prefix']);
  }
  for (const { ends, prefix, prefixPath, path } of wiring.cables) note(place(ends[0]), prefix, prefixPath ?? path);

  const prefixOf = (end: CableEnd) => prefixes.get(sets.root(place(end)))?.[0]?.prefix;
  const seats = Map.groupBy(seatsOf(wiring, ownPorts(wiring, prefixOf, problems)), ({ node, device }) =>
    sets.root(`${node}:${device}`),
  );
  const segments = sets.roots().map((root) => segmentOf(prefixes.get(root) ?? [], seats.get(root) ?? [], problems));
  refuseOverlaps(segments, problems);
  return segments;
}

function segmentOf(prefixes: readonly Prefixed[], seats: readonly Seat[], problems: Problems): DraftSegment {
  const [first, ...others] = prefixes;
  for (const { prefix, path } of others) {
    if (prefix === first?.prefix) continue;
    problems.at(path, `who is plugged in here has ${first?.prefix} already: give the whole segment one prefix`);
  }
  const ordered = [...seats.filter((seat) => seat.first), ...seats.filter((seat) => !seat.first)];
  const path = first?.path ?? seats[0]?.path ?? [];
  return { ...(first === undefined ? {} : { prefix: first.prefix }), path, seats: ordered };
}

/** Bridges that have addresses, and ports that are plugged into none. */
function seatsOf(wiring: Wiring, own: ReadonlyMap<CableEnd, string>): Seat[] {
  const bridges = [...wiring.nodes].flatMap(([node, { kind, address }]): Seat[] => {
    const speaks = kind === 'host' || address !== undefined;
    if (!wiring.hasBridge(node) || !speaks) return [];
    const path = ['topology', 'nodes', node];
    return [{ node, device: bridgeName, first: true, path, ...(address === undefined ? {} : { given: address }) }];
  });
  const ports = wiring.cables.flatMap((cable) =>
    cable.ends.flatMap((end, at) => {
      if (wiring.masterOf(end) !== undefined) return [];
      return [seatOf(cable, end, at, cable.given[at] ?? own.get(end), wiring)];
    }),
  );
  return [...bridges, ...ports];
}

/** Ports that have their node's own address: its only one, or of several the one whose segment has the address in its prefix. */
function ownPorts(
  wiring: Wiring,
  prefixOf: (end: CableEnd) => string | undefined,
  problems: Problems,
): Map<CableEnd, string> {
  const own = new Map<CableEnd, string>();
  const ports = wiring.cables.flatMap(({ ends, given }) => ends.map((end, at) => ({ end, given: given[at] })));
  for (const [name, { address, network }] of wiring.nodes) {
    if (address === undefined || network !== undefined || wiring.hasBridge(name)) continue;
    const all = ports.filter(({ end }) => end.node === name);
    if (all.some(({ given }) => given === address)) continue;
    const free = all.filter(({ given }) => given === undefined);
    const suits = ({ end }: { end: CableEnd }) => {
      const prefix = prefixOf(end);
      return prefix !== undefined && contains(parseSubnet(prefix), parseAddress(address));
    };
    // What is wrong with the address of an only port is told with its segment.
    const port = all.length === 1 ? free[0] : free.find(suits);
    if (port !== undefined) own.set(port.end, address);
    else {
      const sentence = `no interface of ${name} that lacks an address is in a prefix with ${address}: choose another, or remove it`;
      problems.at(['topology', 'nodes', name, 'address'], sentence);
    }
  }
  return own;
}

function seatOf(cable: Draft, end: CableEnd, at: number, given: string | undefined, wiring: Wiring): Seat {
  const ofHost = wiring.nodes.get(end.port)?.host === end.node;
  const path =
    cable.given[at] === undefined || cable.path[1] !== 'links'
      ? ['topology', 'nodes', end.node, 'address']
      : [...cable.path, 'ipv4', at];
  return { node: end.node, device: end.port, first: ofHost, path, ...(given === undefined ? {} : { given }) };
}

function refuseOverlaps(segments: readonly DraftSegment[], problems: Problems): void {
  const taken: { readonly prefix: string; readonly subnet: ReturnType<typeof parseSubnet> }[] = [];
  for (const { prefix, path } of segments) {
    if (prefix === undefined) continue;
    const subnet = parseSubnet(prefix);
    const other = taken.find((one) => overlaps(one.subnet, subnet));
    if (other !== undefined) {
      problems.at(path, `${prefix} overlaps ${other.prefix}, which is another segment's: choose another prefix`);
    }
    taken.push({ prefix, subnet });
  }
}

class DisjointSets {
  readonly #parents = new Map<string, string>();

  add(member: string): void {
    if (!this.#parents.has(member)) this.#parents.set(member, member);
  }

  root(member: string): string {
    this.add(member);
    let at = member;
    for (let parent = this.#parents.get(at); parent !== undefined && parent !== at; parent = this.#parents.get(at))
      at = parent;
    return at;
  }

  /** @returns false when they were in one set before */
  join(a: string, b: string): boolean {
    const [left, right] = [this.root(a), this.root(b)];
    this.#parents.set(right, left);
    return left !== right;
  }

  /** One of each set, in the order in which they came. */
  roots(): string[] {
    return [...new Set([...this.#parents.keys()].map((member) => this.root(member)))];
  }
}
