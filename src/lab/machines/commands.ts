/** What is run on a lab's machines, as argument vectors: by `up`, and in what it prints. Pure. */
import type { Argv } from '../host-processes.ts';
import { addressOf, type Joining, type LabModel, type LabNode, type Network } from '../topology/model.ts';
import { isAgents, isTramas } from '../topology/real.ts';

/** In their order. */
export const running = ({ nodes }: LabModel, role: LabNode['runs'][number]): LabNode[] =>
  nodes.filter(({ runs }) => runs.includes(role));

export const hostOf = ({ nodes }: LabModel, { host }: LabNode): LabNode | undefined =>
  nodes.find(({ name }) => name === host);

/** Members of an etcd and servers as others reach them. */
export const reached = (nodes: readonly LabNode[]): { name: string; address: string }[] =>
  nodes.map((node) => ({ name: node.name, address: addressOf(node) ?? '' }));

/** Without saying which address is meant, an agent would look for a default route. */
export const agentArguments = (host: LabNode): string[] => ['--address', addressOf(host) ?? ''];

/** Of which node, and what is run there. */
export interface Placed {
  readonly on: LabNode;
  readonly argv: Argv;
}

/** Docker's own are made on each host that has containers in them, Trama's by the first server for all. */
export function networkCommands(model: LabModel, network: Network): Placed[] {
  const { name, driver, prefix, attach } = network;
  const subnet = prefix === undefined ? [] : ['--subnet', prefix];
  if (isTramas(network)) {
    const [server] = running(model, 'server');
    const how = attach === undefined ? [] : ['--attach', attach];
    const argv: Argv = ['trama', 'network', 'create', name, '--driver', driver, ...subnet, ...how];
    return server === undefined ? [] : [{ on: server, argv }];
  }
  const users = model.nodes.filter(({ real }) => real?.joins?.how === 'network' && real.joins.network === name);
  const hosts = new Set(users.flatMap((node) => hostOf(model, node) ?? []));
  return [...hosts].map((on) => ({ on, argv: ['docker', 'network', 'create', ...subnet, name] }));
}

/** Where there is an agent, Trama runs it; else Docker alone. */
export function containerCommand(model: LabModel, node: LabNode): Placed | undefined {
  const { real, name, command = [] } = node;
  const host = hostOf(model, node);
  if (real === undefined || host === undefined) return undefined;
  const { image, joins, pidOf, publish, address } = real;
  const flags = [
    ...['--name', name],
    ...networkFlags(joins),
    ...(pidOf === undefined ? [] : ['--pid', `container:${pidOf}`]),
    ...(address === undefined ? [] : ['--ip', address]),
    ...publish.flatMap((ports) => ['-p', ports]),
  ];
  const [server] = running(model, 'server');
  const tramas = isAgents(host) && server !== undefined && !isDockers(model, joins);
  if (!tramas) return { on: host, argv: ['docker', 'run', '-d', ...flags, image, ...command] };
  return { on: server, argv: ['trama', 'run', '-d', '--node', host.name, ...flags, image, ...command] };
}

/** Of the networks of the file, those that Docker makes by itself. */
const isDockers = ({ networks }: LabModel, joins: Joining | undefined): boolean =>
  joins?.how === 'network' && networks.some((network) => network.name === joins.network && !isTramas(network));

function networkFlags(joins: Joining | undefined): string[] {
  if (joins === undefined || joins.how === 'none') return ['--network', 'none'];
  if (joins.how === 'host') return ['--network', 'host'];
  return ['--network', joins.how === 'container' ? `container:${joins.node}` : joins.network];
}

/** Containers by who gives them their network, each after those that it shares a namespace with. */
export function containersOf({ nodes }: LabModel): {
  readonly wired: readonly LabNode[];
  readonly joined: readonly LabNode[];
} {
  const ordered: LabNode[] = [];
  const place = (node: LabNode) => {
    if (node.real === undefined || ordered.includes(node)) return;
    const { joins, pidOf } = node.real;
    const before = [joins?.how === 'container' ? joins.node : undefined, pidOf];
    for (const other of nodes) if (before.includes(other.name)) place(other);
    ordered.push(node);
  };
  for (const node of nodes) place(node);
  return {
    wired: ordered.filter(({ real }) => real?.joins === undefined),
    joined: ordered.filter(({ real }) => real?.joins !== undefined),
  };
}
