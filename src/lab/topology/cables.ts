/** From nodes and links to cables: those of the file, and one for each container to its host. */

import { either, type Path, type Problems } from '../../documents/problems.ts';
import { addressAt, formatSubnet, parseSubnet, subnetSize } from '../../domain/subnet.ts';
import { bridgeName, type CableEnd, containerInterface, vxlanName } from './model.ts';
import { checkPublished } from './published.ts';
import { rolesOf } from './real.ts';
import { checkReal } from './real-rules.ts';
import { splitEndpoint, type Topology, type TopologyLink, type TopologyNode, takenInterfaces } from './schema.ts';
import { unknown } from './unknown.ts';

export interface Draft {
  readonly ends: readonly [CableEnd, CableEnd];
  /** Where in the file it comes from. */
  readonly path: Path;
  readonly prefix?: string;
  /** Where the prefix stands. */
  readonly prefixPath?: Path;
  /** Addresses that the file gives. */
  readonly given: readonly [string | undefined, string | undefined];
  readonly mtu: number;
  readonly rate?: number;
  readonly loss: number;
}

export interface Wiring {
  readonly nodes: ReadonlyMap<string, TopologyNode>;
  readonly cables: readonly Draft[];
  /** The bridge that an end is a port of. */
  masterOf(end: CableEnd): string | undefined;
  hasBridge(node: string): boolean;
}

const defaultMtu = 1500;

export function wire({ topology }: Topology, problems: Problems): Wiring {
  const nodes = new Map(Object.entries(topology.nodes).map(([name, node]) => [name, node ?? {}]));
  for (const [name, node] of nodes) checkNode(name, node, nodes, topology, problems);
  checkReal(topology, nodes, problems);
  checkPublished(nodes, problems);
  const cables = [
    ...(topology.links ?? []).map((link, at) => ofLink(link, ['topology', 'links', at])),
    ...ofContainers(nodes, problems),
  ];
  checkEnds(cables, nodes, problems);
  checkNames(cables, nodes, topology, problems);
  const switches = new Set([...nodes].flatMap(([name, { kind }]) => (kind === 'switch' ? [name] : [])));
  const bridged = new Set([...nodes].flatMap(([name, node]) => (hasOwnBridge(name, node, nodes) ? [name] : [])));
  return {
    nodes,
    cables,
    hasBridge: (node) => switches.has(node) || bridged.has(node),
    masterOf({ node, port }) {
      if (switches.has(node)) return bridgeName;
      if (!bridged.has(node)) return undefined;
      const inner = nodes.get(node)?.uplink === port || nodes.get(port)?.host === node;
      return inner ? bridgeName : undefined;
    },
  };
}

function hasOwnBridge(name: string, node: TopologyNode, nodes: ReadonlyMap<string, TopologyNode>): boolean {
  if (node.kind !== 'host' || node.attach === 'p2p') return false;
  const inhabited = [...nodes.values()].some((one) => one.host === name && one.network === undefined);
  return inhabited || node.uplink !== undefined || node.overlay !== undefined || node.prefix !== undefined;
}

const onlyOf: readonly (readonly [key: keyof TopologyNode, kinds: readonly string[]])[] = [
  ['host', ['container']],
  ['attach', ['host']],
  ['uplink', ['host']],
  ['overlay', ['host']],
  ['prefix', ['host', 'switch']],
  ['nat', ['host', 'router']],
  ['ports', ['container']],
  ['image', ['container']],
  ['network', ['container']],
  ['pid', ['container']],
  ['runs', ['host']],
];

function checkNode(
  name: string,
  node: TopologyNode,
  nodes: ReadonlyMap<string, TopologyNode>,
  topology: Topology['topology'],
  problems: Problems,
): void {
  const path = ['topology', 'nodes', name];
  for (const [key, kinds] of onlyOf) {
    if (node[key] === undefined || kinds.includes(node.kind ?? 'linux')) continue;
    problems.at([...path, key], `only a node of kind ${either(kinds)} has ${key}: remove it, or change the kind`);
  }
  if (node.host !== undefined && nodes.get(node.host)?.kind !== 'host') {
    problems.at(
      [...path, 'host'],
      unknown(node.host, nodes, 'host', ({ kind }) => kind === 'host'),
    );
  }
  if (node.host !== undefined && node.network === undefined && name.length > 15) {
    problems.at(path, `the host's interface to it is called the same, and has at most 15 characters: shorten ${name}`);
  }
  if (node.ports !== undefined && node.network === undefined && nodes.get(node.host ?? '')?.nat === undefined) {
    problems.at(
      [...path, 'ports'],
      `its host publishes nothing without nat: give ${node.host ?? 'it a host and that'} one`,
    );
  }
  for (const key of ['uplink', 'overlay'] as const) {
    if (node.attach !== 'p2p' || node[key] === undefined) continue;
    problems.at([...path, key], `with attach: p2p there is no bridge to join to it: remove ${key}, or attach`);
  }
  if (node.nat !== undefined && node.nat === node.uplink) {
    const sentence = `${node.nat} is a port of ${name}'s bridge, and packets leave by that: remove nat, or uplink`;
    problems.at([...path, 'nat'], sentence);
  }
  if (node.overlay !== undefined && topology.overlays?.[node.overlay] === undefined) {
    problems.at([...path, 'overlay'], `there is no overlay ${node.overlay}: add it under topology.overlays`);
  }
}

/** Also of those that are called as containers are. */
function checkNames(
  cables: readonly Draft[],
  nodes: ReadonlyMap<string, TopologyNode>,
  topology: Topology['topology'],
  problems: Problems,
): void {
  for (const { ends, path } of cables) {
    for (const [at, { node, port }] of ends.entries()) {
      if (!takenOn(node, nodes, topology).includes(port)) continue;
      if (path[1] === 'links')
        problems.at([...path, 'endpoints', at], `${node} has another ${port}: give this interface another name`);
      else problems.at(path, `the host's interface to it is called the same, and cannot be called ${port}: rename it`);
    }
  }
}

function takenOn(name: string, nodes: ReadonlyMap<string, TopologyNode>, topology: Topology['topology']): string[] {
  const overlay = topology.overlays?.[nodes.get(name)?.overlay ?? ''];
  return [
    ...takenInterfaces,
    ...(overlay === undefined ? [] : [vxlanName(overlay.vni)]),
    ...(rolesOf(name, nodes).includes('engine') ? ['docker0'] : []),
  ];
}

function ofLink(link: TopologyLink, path: Path): Draft {
  const [a, b] = link.endpoints.map(splitEndpoint);
  const { prefix, ipv4, tc, loss = 0, mtu = defaultMtu } = link;
  return {
    ends: [a ?? { node: '', port: '' }, b ?? { node: '', port: '' }],
    path,
    ...(prefix === undefined ? {} : { prefix, prefixPath: [...path, 'prefix'] }),
    given: [ipv4?.[0] || undefined, ipv4?.[1] || undefined],
    mtu,
    ...(tc === undefined ? {} : { rate: bitsOf(tc.rate) }),
    loss: typeof loss === 'number' ? loss : Number.parseFloat(loss),
  };
}

const units = { kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;

/** `10mbit` in bits per second. */
export function bitsOf(rate: string): number {
  const [, number = '0', unit = 'kbit'] = /^(\d+)(kbit|mbit|gbit)$/.exec(rate) ?? [];
  return Number(number) * units[unit as keyof typeof units];
}

function ofContainers(nodes: ReadonlyMap<string, TopologyNode>, problems: Problems): Draft[] {
  const used = new Map<string, number>();
  return [...nodes].flatMap(([name, node]): Draft[] => {
    const host = nodes.get(node.host ?? '');
    if (node.host === undefined || host?.kind !== 'host' || node.network !== undefined) return [];
    const at = used.get(node.host) ?? 0;
    used.set(node.host, at + 1);
    const path = ['topology', 'nodes', name];
    const own = host.attach === 'p2p' ? ownPrefix(node.host, host, at, problems) : {};
    return [
      {
        ends: [
          { node: name, port: containerInterface },
          { node: node.host, port: name },
        ],
        path,
        ...own,
        given: [node.address, undefined],
        mtu: defaultMtu,
        loss: 0,
      },
    ];
  });
}

/** The `at`th /30 of the host's prefix. */
function ownPrefix(
  name: string,
  host: TopologyNode,
  at: number,
  problems: Problems,
): Pick<Draft, 'prefix' | 'prefixPath'> {
  const path = ['topology', 'nodes', name];
  if (host.prefix === undefined) {
    if (at === 0) problems.at(path, 'with attach: p2p it needs a prefix, of which each container gets a /30: add it');
    return {};
  }
  const all = parseSubnet(host.prefix);
  if (BigInt(at * 4 + 4) > subnetSize(all)) {
    problems.at([...path, 'prefix'], `${host.prefix} has no /30 left for another container: choose a larger one`);
    return {};
  }
  const { value: base } = addressAt(all, at * 4);
  return { prefix: formatSubnet({ family: 4, base, prefix: 30 }), prefixPath: [...path, 'prefix'] };
}

function checkEnds(cables: readonly Draft[], nodes: ReadonlyMap<string, TopologyNode>, problems: Problems): void {
  const seen = new Map<string, Path>();
  for (const { ends, path } of cables) {
    const written = path[1] === 'links';
    for (const [at, { node, port }] of ends.entries()) {
      const place = written ? [...path, 'endpoints', at] : path;
      if (!nodes.has(node)) problems.at(place, unknown(node, nodes));
      const { image, network } = nodes.get(node) ?? {};
      if (written && image !== undefined && network !== undefined)
        problems.at(place, `${node} is joined by its network ${network} alone: remove the link, or the network`);
      const name = `${node}:${port}`;
      if (seen.has(name)) problems.at(place, `${name} has a cable already: give it another interface name`);
      seen.set(name, path);
    }
  }
  for (const [name, { uplink, nat }] of nodes) {
    for (const [key, port] of Object.entries({ uplink, nat })) {
      if (port === undefined || seen.has(`${name}:${port}`)) continue;
      problems.at(['topology', 'nodes', name, key], `no link ends at ${name}:${port}: add one under topology.links`);
    }
  }
}
