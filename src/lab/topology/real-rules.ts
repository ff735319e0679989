/** What a file may not say of hosts that are machines, and of containers of an image. */

import { either, nearest, type Path, type Problems } from '../../documents/problems.ts';
import { checkImage } from '../../domain/image.ts';
import { checkContainerName, checkNewNetworkName, checkNodeName } from '../../domain/names.ts';
import { defaultNetwork } from './model.ts';
import { isTramas, joiningOf, rolesOf } from './real.ts';
import type { Topology, TopologyNode } from './schema.ts';
import { unknown } from './unknown.ts';

type Nodes = ReadonlyMap<string, TopologyNode>;
type Inside = Topology['topology'];

export function checkReal(topology: Inside, nodes: Nodes, problems: Problems): void {
  for (const [name, node] of nodes) {
    const path = ['topology', 'nodes', name];
    if (node.kind === 'host' && rolesOf(name, nodes).length > 0) {
      named(path, name, checkNodeName, problems);
      if (node.cmd !== undefined)
        problems.at(
          [...path, 'cmd'],
          `${name} is a machine, and cmd is not run on those: remove it, or give it to a container`,
        );
    }
    if (node.kind === 'container') checkContainer(name, node, topology, nodes, problems);
  }
  checkRoles(nodes, problems);
  for (const [name, network] of Object.entries(topology.networks ?? {})) {
    const path = ['topology', 'networks', name];
    if ([defaultNetwork, 'host', 'none'].includes(name)) {
      problems.at(path, `${name} is Docker's own: choose another name`);
    } else if (network?.driver !== undefined && isTramas({ driver: network.driver })) {
      named(path, name, checkNewNetworkName, problems);
    }
    if (network?.attach !== undefined && network.driver !== 'routed')
      problems.at([...path, 'attach'], 'only a routed network has attach: remove it, or write driver: routed');
  }
}

/** A rule of the cluster's or Docker's, whose sentence says what to do. */
function named(path: Path, name: string, rule: (name: string) => string, problems: Problems): void {
  try {
    rule(name);
  } catch (error) {
    problems.at(path, error instanceof Error ? error.message : String(error));
  }
}

function checkRoles(nodes: Nodes, problems: Problems): void {
  const running = (role: 'etcd' | 'server' | 'agent') => [...nodes].filter(([, { runs }]) => runs?.includes(role));
  const [etcd, servers, agents] = [running('etcd'), running('server'), running('agent')];
  const [first] = agents;
  if (first !== undefined && servers.length === 0)
    problems.at(['topology', 'nodes', first[0], 'runs'], 'there is no server to join: add server to what a host runs');
  const [, second] = servers;
  if (second !== undefined && etcd.length === 0) {
    const sentence = 'several servers need an etcd between them: add etcd to what a host runs, best of three';
    problems.at(['topology', 'nodes', second[0], 'runs'], sentence);
  }
}

function checkContainer(name: string, node: TopologyNode, topology: Inside, nodes: Nodes, problems: Problems): void {
  const path = ['topology', 'nodes', name];
  const { image, host, network, pid, ports } = node;
  const onAgent = host !== undefined && rolesOf(host, nodes).includes('agent');
  if (onAgent && (image === undefined || network === undefined)) {
    const what = image === undefined ? 'an image and a network' : 'a network';
    problems.at(path, `${host} runs an agent, whose containers have ${what}: add it, or take the agent away`);
  }
  if (image === undefined) {
    for (const key of ['network', 'pid'] as const) {
      if (node[key] === undefined) continue;
      problems.at([...path, key], `only a container of an image has ${key}: remove it, or add an image`);
    }
    return;
  }
  named(path, name, checkContainerName, problems);
  named([...path, 'image'], image, checkImage, problems);
  if (host === undefined) problems.at([...path, 'image'], "its host's engine runs it: add host, or remove the image");
  if (pid !== undefined) {
    const other = pid.slice('container:'.length);
    checkOther([...path, 'pid'], name, other, nodes, problems);
    if (network === undefined) checkWired([...path, 'pid'], name, other, nodes, problems);
  }
  if (network === undefined) return;
  const joining = joiningOf(network);
  if (joining.how === 'container') checkOther([...path, 'network'], name, joining.node, nodes, problems);
  if (joining.how === 'network') checkNetwork([...path, 'network'], joining.network, host, topology, nodes, problems);
  else if (ports !== undefined)
    problems.at([...path, 'ports'], `nothing is published with network ${network}: remove ports, or name a network`);
  if (node.routes !== undefined)
    problems.at([...path, 'routes'], `${network} says which routes it has: remove them, or the network`);
}

/** The container that another shares a namespace with: of an image, on the same host, and not by way of itself. */
function checkOther(path: Path, name: string, other: string, nodes: Nodes, problems: Problems): void {
  const found = nodes.get(other);
  if (found?.image === undefined) {
    problems.at(
      path,
      unknown(other, nodes, 'container of an image', ({ image }) => image !== undefined),
    );
  } else if (found.host !== nodes.get(name)?.host) {
    problems.at(path, `${other} is on ${found.host}: only containers of one host share a namespace`);
  } else if (leadsBack(name, nodes)) problems.at(path, `${name} would share a namespace with itself: name another`);
}

/** Containers that the lab wires run before those that have a network of others, and see no processes of these. */
function checkWired(path: Path, name: string, other: string, nodes: Nodes, problems: Problems): void {
  const network = nodes.get(other)?.network;
  if (network === undefined) return;
  problems.at(
    path,
    `${other} has the network ${network}, and so is run after ${name}: give ${name} a network, too, or take that one away`,
  );
}

function leadsBack(name: string, nodes: Nodes, seen: readonly string[] = []): boolean {
  if (seen.includes(name)) return true;
  const { network = '', pid = '' } = nodes.get(name) ?? {};
  const others = [network, pid].filter((text) => text.startsWith('container:')).map((text) => text.slice(10));
  return others.some((other) => leadsBack(other, nodes, [...seen, name]));
}

function checkNetwork(
  path: Path,
  name: string,
  host: string | undefined,
  { networks = {} }: Inside,
  nodes: Nodes,
  problems: Problems,
): void {
  if (name === defaultNetwork) return;
  const known = [...Object.keys(networks), defaultNetwork, 'host', 'none'];
  if (!Object.hasOwn(networks, name)) {
    const meant = nearest(name, known);
    const fix =
      meant === undefined ? `add it under topology.networks, or name ${either(known)}` : `did you mean ${meant}?`;
    problems.at(path, `there is no network ${name}: ${fix}`);
    return;
  }
  const { driver = 'bridge' } = networks[name] ?? {};
  if (!isTramas({ driver }) || host === undefined || rolesOf(host, nodes).includes('agent')) return;
  problems.at(path, `${name} is Trama's, by its driver ${driver}: add agent to what ${host} runs`);
}
