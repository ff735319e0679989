/** Hosts that are machines of their own, and the containers of their engines: which there are, and how these are joined. */

import type { Problems } from '../../documents/problems.ts';
import { contains, parseAddress } from '../../domain/domain.ts';
import { overlaps, parseSubnet } from '../../domain/subnet.ts';
import {
  addressOf,
  containerInterface,
  defaultNetwork,
  type Joining,
  type LabNode,
  type Network,
  type Port,
  type RealContainer,
  type Segment,
} from './model.ts';
import { type Role, roles, type Topology, type TopologyNode } from './schema.ts';

/** An agent has containers of an engine, and so has a container of an image. */
export function rolesOf(name: string, nodes: ReadonlyMap<string, TopologyNode>): Role[] {
  const runs = new Set(nodes.get(name)?.runs);
  const inhabited = [...nodes.values()].some(({ host, image }) => host === name && image !== undefined);
  if (runs.has('agent') || inhabited) runs.add('engine');
  return roles.filter((role) => runs.has(role));
}

/** Of a name that is none of Docker's words a network. */
export function joiningOf(network: string): Joining {
  if (network === 'host' || network === 'none') return { how: network };
  if (network.startsWith('container:')) return { how: 'container', node: network.slice('container:'.length) };
  return { how: 'network', network };
}

export function realOf({ image, network, pid, ports, address }: TopologyNode): RealContainer | undefined {
  if (image === undefined) return undefined;
  return {
    image,
    ...(network === undefined ? {} : { joins: joiningOf(network) }),
    ...(pid === undefined ? {} : { pidOf: pid.slice('container:'.length) }),
    publish: network === undefined ? [] : (ports ?? []),
    ...(address === undefined || network === undefined ? {} : { address }),
  };
}

export const networksOf = ({ topology }: Topology): Network[] =>
  Object.entries(topology.networks ?? {}).map(([name, given]) => {
    const { driver = 'bridge', prefix, attach } = given ?? {};
    return { name, driver, ...(prefix === undefined ? {} : { prefix }), ...(attach === undefined ? {} : { attach }) };
  });

/** Whether Trama makes it, and not Docker by itself. */
export const isTramas = ({ driver }: Pick<Network, 'driver'>): boolean => driver !== 'bridge';

export interface FoundAddress {
  /** With prefix length. */
  readonly cidr: string;
  readonly mac: string;
}

/** By container that runs, as its engine tells; undefined: it has no address of a network. */
export type Found = ReadonlyMap<string, FoundAddress | undefined>;

interface All {
  readonly nodes: readonly LabNode[];
  readonly networks: readonly Network[];
  readonly found: Found | undefined;
}

/**
 * Containers that others give a network have an address of that, which is known where the file gives it or somebody else has it.
 * @param found of a lab that is up: what the file gives is not there before the engine says so
 */
export function withJoinings(nodes: readonly LabNode[], networks: readonly Network[], found?: Found): LabNode[] {
  return nodes.map((node) => {
    const ports = portsOf(node, { nodes, networks, found });
    return ports === undefined ? node : { ...node, ports };
  });
}

function portsOf(node: LabNode, all: All): Port[] | undefined {
  const { nodes, networks, found } = all;
  const { real, host } = node;
  if (real?.joins === undefined) return undefined;
  const { joins, address } = real;
  if (joins.how === 'none') return [];
  if (joins.how === 'network') {
    const prefix = networks.find(({ name }) => name === joins.network)?.prefix;
    const own = address === undefined || prefix === undefined ? {} : { cidr: `${address}/${prefix.split('/')[1]}` };
    return [{ name: containerInterface, mtu: 1500, cable: -1, ...(found === undefined ? own : found.get(node.name)) }];
  }
  const whose = nodes.find(({ name }) => name === (joins.how === 'host' ? host : joins.node));
  if (whose === undefined || whose === node) return [];
  const theirs = portsOf(whose, all) ?? whose.ports;
  const bridge = whose.bridge === undefined ? [] : [{ ...whose.bridge, cable: -1 }];
  return [...theirs.filter(({ cidr }) => cidr !== undefined), ...bridge].map((port) => ({ ...port, cable: -1 }));
}

/** Whether Docker or Trama gives it an address, be it by way of another container. */
export function isGivenAddress({ real }: LabNode, nodes: readonly LabNode[]): boolean {
  const joins = real?.joins;
  if (joins?.how !== 'container') return joins?.how === 'network';
  return nodes.some((other) => other.name === joins.node && isGivenAddress(other, nodes));
}

/** Whether an agent takes care of the host's kernel: what bears its mark, and is none of its own, it removes. */
export const isAgents = ({ runs }: Pick<LabNode, 'runs'>): boolean => runs.includes('agent');

/** The nft table of what the lab itself has to say on a node. */
export const labTable = (node: Pick<LabNode, 'runs'>): string => (isAgents(node) ? 'lab' : 'trama');

/** Of servers, members and agents others must know an address. */
export function checkPlaces(nodes: readonly LabNode[], problems: Problems): void {
  for (const node of nodes) {
    const spoken = node.runs.find((role) => role !== 'engine');
    if (spoken === undefined || addressOf(node) !== undefined) continue;
    const sentence = `${node.name} has no address by which others reach its ${spoken}: add a link with a prefix`;
    problems.at(['topology', 'nodes', node.name], sentence);
  }
}

export function checkNetworks(
  { topology }: Topology,
  networks: readonly Network[],
  segments: readonly Segment[],
  problems: Problems,
): void {
  const taken = segments.flatMap(({ prefix }) => (prefix === undefined ? [] : [{ prefix, whose: "a segment's" }]));
  for (const { name, prefix } of networks) {
    const path = ['topology', 'networks', name, 'prefix'];
    if (prefix === undefined) continue;
    const other = taken.find((one) => overlaps(parseSubnet(one.prefix), parseSubnet(prefix)));
    if (other !== undefined)
      problems.at(path, `${prefix} overlaps ${other.prefix}, which is ${other.whose}: choose another prefix`);
    taken.push({ prefix, whose: `${name}'s` });
  }
  const holders = new Map<string, string>();
  for (const [name, node] of Object.entries(topology.nodes)) {
    if (node?.address === undefined || node.network === undefined) continue;
    const path = ['topology', 'nodes', name, 'address'];
    const prefix = networks.find((network) => network.name === node.network)?.prefix;
    const holder = holders.get(`${node.network} ${node.address}`);
    if (prefix === undefined) {
      const what =
        node.network === defaultNetwork ? 'Docker chooses addresses in bridge' : `${node.network} has no prefix`;
      problems.at(path, `${what}: remove it, or name a network with a prefix`);
    } else if (!contains(parseSubnet(prefix), parseAddress(node.address))) {
      problems.at(path, `${node.address} is not in ${prefix} of ${node.network}: give ${name} one that is`);
    } else if (holder !== undefined) {
      problems.at(path, `${node.address} is ${holder}'s already: give ${name} another address`);
    }
    holders.set(`${node.network} ${node.address}`, name);
  }
}
