import type { ContainerView } from '../../../protocol/views.ts';
import { age } from '../../cli/text.ts';
import type { Style } from '../line.ts';
import type { Say, StringKey } from '../strings/strings.ts';
import type { Table } from './column.ts';

/** As it is asked for: names of those that somebody started with docker may stand on several nodes. */
export const referenceOf = ({ managed, node, name }: ContainerView): string => (managed ? name : `${node}/${name}`);

export const containerId = ({ node, name }: Pick<ContainerView, 'node' | 'name'>): string => `${node}/${name}`;

export function statusText({ status, exitCode }: Pick<ContainerView, 'status' | 'exitCode'>, say: Say): string {
  if (status === 'exited' && exitCode !== null) return say('status.exited.code', { code: exitCode });
  return statusWord(status, say);
}

/** A newer cluster may have words that are not in the catalogue. */
export function statusWord(status: string, say: Say): string {
  const key = `status.${status}` as StringKey;
  return known.has(status) ? say(key) : status;
}

const known: ReadonlySet<string> = new Set([
  ...['pending', 'pulling', 'creating', 'running', 'exited', 'failed', 'removing', 'unknown'],
  ...['ready', 'suspect', 'down', 'evicted', 'draining'],
]);

export const isStopped = ({ status }: ContainerView): boolean => status === 'exited';

function isBroken({ status, exitCode }: ContainerView): boolean {
  return status === 'failed' || status === 'unknown' || (status === 'exited' && (exitCode ?? 0) !== 0);
}

function styleOf(container: ContainerView): Style {
  if (isBroken(container)) return 'bad';
  if (container.status === 'running') return 'good';
  return isStopped(container) ? 'dim' : 'warn';
}

/** 10.42.0.9 before 10.42.0.10. */
export function addressOrder(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) || 0;
}

export const containerTable: Table<ContainerView> = {
  id: containerId,
  labels: ({ labels }) => labels ?? {},
  isProblem: isBroken,
  columns: [
    { id: 'name', title: 'column.name', key: 'N', rank: 0, least: 12, text: ({ name }) => name, style: () => 'strong' },
    {
      ...{ id: 'status', title: 'column.status', key: 'S', rank: 1, least: 12 },
      text: (one, { settings }) => statusText(one, settings.say),
      style: styleOf,
    },
    { id: 'node', title: 'column.node', key: 'H', rank: 2, least: 8, text: ({ node }) => node },
    {
      ...{ id: 'address', title: 'column.address', key: 'I', rank: 3, least: 15 },
      text: ({ networks }) => networks.map(({ address }) => address).join(' '),
      order: ({ networks }) => addressOrder(networks[0]?.address ?? ''),
    },
    {
      ...{ id: 'network', title: 'column.network', key: 'W', rank: 5, least: 8 },
      text: ({ networks }) => networks.map(({ network }) => network).join(' '),
    },
    { id: 'image', title: 'column.image', key: 'M', rank: 4, least: 10, text: ({ image }) => image },
    { id: 'ports', title: 'column.ports', key: 'P', rank: 6, least: 11, text: ({ ports }) => ports.join(' ') },
    {
      ...{ id: 'age', title: 'column.age', key: 'A', rank: 7, least: 4, align: 'right' },
      text: ({ startedAt, createdAt }, { now }) => {
        const since = startedAt ?? createdAt;
        return since === null ? '' : age(since, now);
      },
      order: ({ startedAt, createdAt }) => startedAt ?? createdAt ?? 0,
    },
    {
      ...{ id: 'message', title: 'column.message', key: 'T', rank: 8, least: 20 },
      text: ({ message }, { settings }) => settings.tell(message),
      style: (one) => (isBroken(one) ? 'bad' : 'dim'),
    },
    {
      ...{ id: 'labels', title: 'column.labels', key: 'L', rank: 9, least: 12 },
      text: ({ labels = {} }) =>
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      style: () => 'dim',
    },
  ],
};
