/** One thing with all there is to know of it. Pure. */
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';
import { age, cells, percent, printable, size } from '../../cli/text.ts';
import { shownContainer, shownNetwork, shownNode } from '../control/detail.ts';
import { sparkline } from '../glyphs.ts';
import { fitted, type Line, padded, span } from '../line.ts';
import { statusText, statusWord } from '../lists/containers.ts';
import { clockTime } from '../lists/events.ts';
import { usage } from '../lists/networks.ts';
import { memoryShare } from '../lists/nodes.ts';
import type { DetailView, Sample, State } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';
import { chartWidth, entriesOfUse } from './use.ts';

type Entry = readonly [label: string, values: readonly string[]];

export function drawDetail(state: State, view: DetailView, height: number): Line[] {
  const { say } = state.settings;
  const entries = entriesOf(state);
  if (entries === undefined) return [fitted([span(`  ${say('detail.gone')}`, 'bad')], state.columns)];
  const widest = Math.max(...entries.map(([label]) => cells(label)));
  const lines = entries.flatMap(([label, values]) => {
    const shown = values.length === 0 ? [say('none')] : values;
    return shown.map(
      (value, at): Line => [span(`  ${padded(at === 0 ? label : '', widest)}  `, 'accent'), span(printableLine(value))],
    );
  });
  const top = Math.max(0, Math.min(view.top, lines.length - height));
  return lines.slice(top, top + height).map((pieces) => fitted(pieces, state.columns));
}

/** Charts have spaces that count. */
const printableLine = (value: string): string => value.split('  ').map(printable).join('  ');

function entriesOf(state: State): Entry[] | undefined {
  const [container, node, network] = [shownContainer(state), shownNode(state), shownNetwork(state)];
  if (container !== undefined) return containerEntries(state, container);
  if (node !== undefined) return nodeEntries(state, node);
  return network && networkEntries(state, network);
}

const labelled =
  ({ settings }: State) =>
  (key: StringKey, ...values: readonly string[]): Entry => [settings.say(key), values.filter((value) => value !== '')];

const since = ({ settings, now }: State, time: number | null): string =>
  time === null ? '' : `${clockTime(time)}  ${settings.say('detail.ago', { age: age(time, now) })}`;

function containerEntries(state: State, one: ContainerView): Entry[] {
  const { say, tell } = state.settings;
  const entry = labelled(state);
  return [
    entry('column.name', one.name),
    entry('column.status', statusText(one, say), tell(one.message)),
    entry('column.node', one.node),
    entry('column.image', one.image),
    entry('detail.command', one.command.join(' ')),
    entry('column.address', ...one.networks.map(({ network, address }) => `${address}  ${network}`)),
    entry('detail.mac', ...one.networks.map(({ mac }) => mac)),
    ...entriesOfUse(state, one).map(([title, values]) => entry(title, ...values)),
    entry('column.ports', ...one.ports),
    entry('column.labels', ...Object.entries(one.labels ?? {}).map(([key, value]) => `${key}=${value}`)),
    entry('detail.restart', one.restart ?? ''),
    entry('detail.created', since(state, one.createdAt)),
    entry('detail.started', since(state, one.startedAt)),
    entry('detail.managed', say(one.managed ? 'detail.managed.trama' : 'detail.managed.docker')),
    entry('detail.id', one.id),
    entry('detail.container-id', one.containerId),
  ];
}

function nodeEntries(state: State, node: NodeView): Entry[] {
  const { say, tell, glyphs } = state.settings;
  const entry = labelled(state);
  const samples = state.history.get(node.name) ?? [];
  const width = chartWidth(state);
  const course = (of: (sample: Sample) => number, most: number, now: string) =>
    now === '' ? '' : `${sparkline(samples.map(of), most, width, glyphs)}  ${now}`;
  const memory = memoryShare(node);
  const rate = (bytes: number | undefined) => (bytes === undefined ? '' : say('per-second', { size: size(bytes) }));
  const busiest = Math.max(1, ...samples.flatMap(({ received, sent }) => [received, sent]));
  const used = node.memory === null ? '' : `${size(node.memory.used)} / ${size(node.memory.total)}`;
  return [
    entry('column.name', node.name),
    entry('column.status', statusWord(node.status, say)),
    entry('detail.reason', tell(node.reason)),
    entry(
      'column.cpu',
      course(({ cpu }) => cpu, 1, node.cpu === null ? '' : percent(node.cpu)),
    ),
    entry(
      'column.memory',
      course((one) => one.memory, 1, memory === undefined ? '' : `${percent(memory)}  ${used}`),
    ),
    entry(
      'column.traffic',
      course(({ received }) => received, busiest, `${glyphs.received} ${rate(node.traffic?.received)}`),
      course(({ sent }) => sent, busiest, `${glyphs.sent} ${rate(node.traffic?.sent)}`),
    ),
    entry('column.containers', `${node.containers}`),
    entry('column.address', `${node.address}`),
    entry('detail.interface', `${node.interface}  ${say('column.mtu')} ${node.underlayMtu}`),
    entry('column.engine', node.engine),
    entry('column.version', node.version),
    entry('detail.joined', since(state, node.joinedAt)),
    entry('detail.seen', since(state, node.lastSeen)),
    entry('events', ...[...node.events].reverse().map(({ time, message }) => `${clockTime(time)}  ${message}`)),
  ];
}

function networkEntries(state: State, network: NetworkView): Entry[] {
  const { say } = state.settings;
  const entry = labelled(state);
  const { used, free } = usage(network);
  // Others have neither VXLAN nor anybody to discover.
  const isOverlay = network.driver === 'overlay';
  return [
    entry('column.name', network.name),
    entry('column.driver', network.driver),
    entry('column.subnet', network.subnet),
    entry('column.used', `${used}`),
    entry('column.free', `${free}`),
    ...(isOverlay ? [entry('detail.vni', `${network.vni}`)] : []),
    entry('column.mtu', `${network.mtu}`),
    ...(isOverlay ? [entry('detail.discovery', network.discovery)] : []),
    entry('detail.internal', say(network.internal ? 'yes' : 'no')),
    entry('detail.created', since(state, network.createdAt)),
    ...network.nodes.map(
      ({ node, gateway, blocks }): Entry => [say('detail.gateway', { node }), [`${gateway}  ${blocks.join(' ')}`]],
    ),
    entry('containers', ...network.containers.map(({ name, node, address }) => `${address}  ${name}  ${node}`)),
    entry('detail.id', network.id),
  ];
}
