import type { NodeView } from '../../../protocol/views.ts';
import { age, percent, size } from '../../cli/text.ts';
import { gauge, sparkline } from '../glyphs.ts';
import type { Style } from '../line.ts';
import type { Column, Shown, Table } from './column.ts';
import { addressOrder, statusWord } from './containers.ts';

/** Cells of a chart within a list. */
const chart = 8;

const isUnwell = ({ status }: NodeView): boolean => status !== 'ready' && status !== 'draining';

/** Nothing can be asked of its host. */
export const isLost = ({ status }: NodeView): boolean => status === 'down' || status === 'evicted';

function styleOf(node: NodeView): Style {
  if (isLost(node)) return 'bad';
  return node.status === 'ready' ? 'good' : 'warn';
}

export const memoryShare = ({ memory }: NodeView): number | undefined =>
  memory === null || memory.total === 0 ? undefined : memory.used / memory.total;

function load(share: number | undefined): Style {
  if (share === undefined) return 'dim';
  return share >= 0.9 ? 'bad' : share >= 0.7 ? 'warn' : 'plain';
}

/** A chart of how it was, and how it is. */
function course(values: readonly number[], share: number | undefined, { settings, wide }: Shown): string {
  if (share === undefined) return '';
  const text = percent(share).padStart(4);
  return wide
    ? `${sparkline(values, 1, chart, settings.glyphs)} ${text}`
    : `${gauge(share, 5, settings.glyphs)} ${text}`;
}

const traffic: Column<NodeView> = {
  ...{ id: 'traffic', title: 'column.traffic', key: 'T', rank: 4, least: 24 },
  text({ name, traffic: now }, { settings, history, wide }) {
    if (now === undefined) return '';
    const { glyphs, say } = settings;
    const both = (history.get(name) ?? []).map(({ received, sent }) => received + sent);
    const rate = (bytes: number) => say('per-second', { size: size(bytes) });
    const text = `${glyphs.received}${rate(now.received)} ${glyphs.sent}${rate(now.sent)}`;
    return wide ? `${sparkline(both, Math.max(...both), chart, glyphs)} ${text}` : text;
  },
  order: ({ traffic: now }) => (now === undefined ? -1 : now.received + now.sent),
};

export const nodeTable: Table<NodeView> = {
  id: ({ name }) => name,
  isProblem: isUnwell,
  columns: [
    { id: 'name', title: 'column.name', key: 'N', rank: 0, least: 12, text: ({ name }) => name, style: () => 'strong' },
    {
      ...{ id: 'status', title: 'column.status', key: 'S', rank: 1, least: 9 },
      text: ({ status }, { settings }) => statusWord(status, settings.say),
      style: styleOf,
    },
    {
      ...{ id: 'address', title: 'column.address', key: 'I', rank: 5, least: 15 },
      text: ({ address }) => address,
      order: ({ address }) => addressOrder(address),
    },
    {
      ...{ id: 'cpu', title: 'column.cpu', key: 'U', rank: 2, least: 10 },
      text: (node, shown) =>
        course(
          (shown.history.get(node.name) ?? []).map(({ cpu }) => cpu),
          node.cpu ?? undefined,
          shown,
        ),
      order: ({ cpu }) => cpu ?? -1,
      style: ({ cpu }) => load(cpu ?? undefined),
    },
    {
      ...{ id: 'memory', title: 'column.memory', key: 'R', rank: 3, least: 10 },
      text: (node, shown) =>
        course(
          (shown.history.get(node.name) ?? []).map(({ memory }) => memory),
          memoryShare(node),
          shown,
        ),
      order: (node) => memoryShare(node) ?? -1,
      style: (node) => load(memoryShare(node)),
    },
    traffic,
    {
      ...{ id: 'containers', title: 'column.containers', key: 'C', rank: 6, least: 10, align: 'right' },
      text: ({ containers }) => `${containers}`,
      order: ({ containers }) => containers,
    },
    { id: 'engine', title: 'column.engine', key: 'E', rank: 9, least: 12, text: ({ engine }) => engine },
    { id: 'version', title: 'column.version', key: 'V', rank: 8, least: 7, text: ({ version }) => version },
    {
      ...{ id: 'age', title: 'column.age', key: 'A', rank: 7, least: 3, align: 'right' },
      text: ({ joinedAt }, { now }) => age(joinedAt, now),
      order: ({ joinedAt }) => joinedAt,
    },
  ],
};
