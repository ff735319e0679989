/** Nodes, networks and containers as people read them. Pure. */
import type { ContainerView, NetworkView, NodeView } from '../../protocol/methods.ts';
import { age, percent, sheet, size, table } from './text.ts';

export function nodeTable(nodes: readonly NodeView[], now: number, width?: number): string {
  return table(
    ['NAME', 'ADDRESS', 'STATUS', 'CPU', 'MEMORY', 'CONTAINERS', 'ENGINE', 'VERSION', 'SEEN'],
    nodes.map((node) => [
      node.name,
      node.address,
      node.status,
      node.cpu === null ? '-' : percent(node.cpu),
      memoryOf(node),
      node.cpu === null ? '-' : String(node.containers),
      // What there is; what to do where there is none, the sheet says.
      node.engine.split(': ')[0] ?? '',
      node.version,
      seen(node, now),
    ]),
    width,
  );
}

const memoryOf = ({ memory }: NodeView): string =>
  memory === null ? '-' : `${size(memory.used)} / ${size(memory.total)}`;

const seen = ({ lastSeen }: NodeView, now: number): string => (lastSeen === null ? '-' : `${age(lastSeen, now)} ago`);

export function nodeSheet(node: NodeView, now: number): string {
  return sheet([
    ['Name', node.name],
    ['Address', `${node.address} on ${node.interface}, MTU ${node.underlayMtu}`],
    ['Status', node.status],
    ['CPU', node.cpu === null ? '-' : percent(node.cpu)],
    ['Memory', memoryOf(node)],
    ['Containers', node.cpu === null ? '-' : String(node.containers)],
    ['Engine', node.engine],
    ['Version', node.version],
    ['Key', node.key],
    ['Joined', `${age(node.joinedAt, now)} ago`],
    ['Seen', seen(node, now)],
    ['Events', node.events.map((event) => `${new Date(event.time).toISOString()} ${event.kind} ${event.message}`)],
  ]);
}

export function networkTable(networks: readonly NetworkView[], width?: number): string {
  return table(
    ['NAME', 'DRIVER', 'SUBNET', 'VNI', 'MTU', 'DISCOVERY', 'NODES', 'CONTAINERS'],
    networks.map((network) => [
      network.name,
      network.driver,
      network.subnet,
      String(network.vni),
      String(network.mtu),
      network.discovery,
      String(network.nodes.length),
      String(network.containers.length),
    ]),
    width,
  );
}

export function networkSheet(network: NetworkView): string {
  return sheet([
    ['Name', network.name],
    ['Id', network.id],
    ['Driver', network.driver],
    ['Subnet', network.subnet],
    ['VNI', `${network.vni}, UDP port ${network.port}`],
    ['MTU', String(network.mtu)],
    ['Discovery', network.group === undefined ? network.discovery : `${network.discovery}, group ${network.group}`],
    ['Internal', network.internal ? 'yes' : 'no'],
    ['Options', Object.entries(network.options).map(([key, value]) => `${key}=${value}`)],
    [
      'Nodes',
      network.nodes.map((one) => `${one.node}: gateway ${one.gateway}, blocks ${one.blocks.join(', ') || 'none'}`),
    ],
    ['Containers', network.containers.map((one) => `${one.name} on ${one.node}: ${one.address}, ${one.mac}`)],
  ]);
}

export function containerTable(containers: readonly ContainerView[], now: number, width?: number): string {
  return table(
    // The status is last: it may hold a sentence.
    ['NAME', 'NODE', 'IMAGE', 'NETWORKS', 'PORTS', 'STATUS'],
    containers.map((one) => [
      one.name,
      one.node,
      one.image,
      one.networks.map(({ network, address }) => (address === '' ? network : `${network}:${address}`)).join(', '),
      one.ports.join(', '),
      statusOf(one, now),
    ]),
    width,
  );
}

/** `running 5m`, `exited (1)`, `failed: no such image`; of what somebody started with docker, `running (docker)`. */
function statusOf(one: ContainerView, now: number): string {
  return one.managed ? ownStatus(one, now) : `${ownStatus(one, now)} (docker)`;
}

function ownStatus({ status, message, exitCode, startedAt }: ContainerView, now: number): string {
  if (status === 'running') return startedAt === null ? status : `${status} ${age(startedAt, now)}`;
  if (status === 'exited') return exitCode === null ? status : `${status} (${exitCode})`;
  return message === '' ? status : `${status}: ${message}`;
}

export function containerSheet(one: ContainerView, now: number): string {
  return sheet([
    ['Name', one.name],
    ['Id', one.id],
    ['Node', one.node],
    ['Image', one.image],
    ['Command', one.command.join(' ')],
    ['Status', statusOf(one, now)],
    ['Message', one.message],
    ['Docker id', one.containerId],
    ['Created', one.createdAt === null ? '' : `${age(one.createdAt, now)} ago`],
    ['Restart', one.restart ?? ''],
    ['Ports', one.ports],
    [
      'Networks',
      one.networks.map(({ network, address, mac }) => (address === '' ? network : `${network}: ${address}, ${mac}`)),
    ],
  ]);
}
