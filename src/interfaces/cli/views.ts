/** Nodes, networks and containers as people read them. Pure. */
import type { Finding } from '../../doctor/doctor.ts';
import type { ContainerView, NetworkView, NodeView } from '../../protocol/views.ts';
import { age, cells, percent, printable, sheet, size, table } from './text.ts';

/** How a table is drawn: in so many cells (absent: as many as it takes), and with all that there is room for in a line. */
export interface Look {
  readonly width?: number;
  readonly wide?: boolean;
}

export function nodeTable(nodes: readonly NodeView[], now: number, { width, wide = false }: Look = {}): string {
  return table(
    [
      ...['NAME', 'ADDRESS', 'STATUS', 'CPU', 'MEMORY', 'CONTAINERS', 'ENGINE', 'VERSION', 'SEEN'],
      ...(wide ? ['INTERFACE', 'MTU', 'JOINED', 'REASON'] : []),
    ],
    nodes.map((node) => [
      node.name,
      node.address,
      node.status,
      node.cpu === null ? '-' : percent(node.cpu),
      memoryOf(node),
      node.cpu === null ? '-' : String(node.containers),
      // What there is; what to do where there is none, the sheet says.
      node.engine.split(': ')[0] ?? '',
      node.skew ? `${node.version} (skew)` : node.version,
      seen(node, now),
      ...(wide ? [node.interface, String(node.underlayMtu), `${age(node.joinedAt, now)} ago`, node.reason] : []),
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
    ['Status', node.reason ? `${node.status}: ${node.reason}` : node.status],
    ['CPU', node.cpu === null ? '-' : percent(node.cpu)],
    ['Memory', memoryOf(node)],
    ['Containers', node.cpu === null ? '-' : String(node.containers)],
    ['Engine', node.engine],
    ['Version', node.skew ? `${node.version}: ${node.skew}` : node.version],
    ['Key', node.key],
    ['Joined', `${age(node.joinedAt, now)} ago`],
    ['Seen', seen(node, now)],
    ['Events', node.events.map((event) => `${new Date(event.time).toISOString()} ${event.kind} ${event.message}`)],
  ]);
}

export function networkTable(networks: readonly NetworkView[], { width, wide = false }: Look = {}): string {
  return table(
    [
      ...['NAME', 'DRIVER', 'SUBNET', 'VNI', 'MTU', 'DISCOVERY', 'NODES', 'CONTAINERS'],
      ...(wide ? ['ID', 'INTERNAL', 'OPTIONS'] : []),
    ],
    networks.map((network) => [
      network.name,
      network.driver,
      network.subnet,
      isOverlay(network) ? String(network.vni) : '-',
      String(network.mtu),
      isOverlay(network) ? network.discovery : '-',
      String(network.nodes.length),
      String(network.containers.length),
      ...(wide ? [network.id, network.internal ? 'yes' : 'no', optionsOf(network).join(' ')] : []),
    ]),
    width,
  );
}

/** Others have a VNI as a number of their own, and no VXLAN. */
const isOverlay = ({ driver }: NetworkView): boolean => driver === 'overlay';

const optionsOf = ({ options }: NetworkView): string[] =>
  Object.entries(options).map(([key, value]) => `${key}=${value}`);

export function networkSheet(network: NetworkView): string {
  return sheet([
    ['Name', network.name],
    ['Id', network.id],
    ['Driver', network.driver],
    ['Subnet', network.subnet],
    ...(isOverlay(network) ? ([['VNI', `${network.vni}, UDP port ${network.port}`]] as const) : []),
    ['MTU', String(network.mtu)],
    ...(isOverlay(network)
      ? ([
          [
            'Discovery',
            network.group === undefined ? network.discovery : `${network.discovery}, group ${network.group}`,
          ],
        ] as const)
      : []),
    ['Internal', network.internal ? 'yes' : 'no'],
    ['Options', optionsOf(network)],
    [
      'Nodes',
      network.nodes.map((one) => {
        // Of a LAN the gateway is its router.
        const own = network.driver === 'lan' ? 'its own address' : 'gateway';
        return `${one.node}: ${own} ${one.gateway}, blocks ${one.blocks.join(', ') || 'none'}`;
      }),
    ],
    ['Containers', network.containers.map((one) => `${one.name} on ${one.node}: ${one.address}, ${one.mac}`)],
  ]);
}

export function containerTable(
  containers: readonly ContainerView[],
  now: number,
  { width, wide = false }: Look = {},
): string {
  return table(
    [
      ...['NAME', 'NODE', 'IMAGE', 'NETWORKS', 'PORTS'],
      ...(wide ? ['ID', 'CREATED', 'RESTART', 'COMMAND'] : []),
      // Last: it may hold a sentence.
      'STATUS',
    ],
    containers.map((one) => [
      one.name,
      one.node,
      one.image,
      one.networks.map(({ network, address }) => (address === '' ? network : `${network}:${address}`)).join(', '),
      one.ports.join(', '),
      ...(wide
        ? [
            one.id,
            one.createdAt === null ? '' : `${age(one.createdAt, now)} ago`,
            one.restart ?? '',
            one.command.join(' '),
          ]
        : []),
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

/** A line for each, and beneath what is not well what to do about it. Never cut: a remedy is of no use in part. */
export function findingLines(findings: readonly Finding[]): string {
  const widest = (part: (finding: Finding) => string) => Math.max(0, ...findings.map((each) => cells(part(each))));
  const [check, subject] = [widest((each) => each.check), widest((each) => printable(each.subject))];
  const line = (each: Finding) => {
    const shown = printable(each.subject);
    const names = `${each.check.padEnd(check)}  ${shown}${' '.repeat(subject - cells(shown))}`;
    return `${each.status.toUpperCase()}  ${names}  ${printable(each.found)}\n`;
  };
  return findings
    .map((each) => line(each) + (each.remedy === '' ? '' : `      → ${printable(each.remedy)}\n`))
    .join('');
}

export function findingSummary(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((each) => each.status === status).length;
  return `${count('pass')} passed, ${count('warn')} to be warned of, ${count('fail')} failed`;
}
