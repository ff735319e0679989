/** What the nodes have told: drift repaired, trouble met. */
import type { NodeView } from '../../../protocol/views.ts';
import type { Style } from '../line.ts';
import type { Table } from './column.ts';

export type ClusterEvent = NodeView['events'][number] & {
  readonly node: string;
  readonly id: string;
};

export const eventsOf = (nodes: readonly NodeView[]): ClusterEvent[] =>
  nodes.flatMap(({ name, events }) =>
    // The same may be told twice at one time.
    events.map((event, at) => ({ ...event, node: name, id: `${name} ${event.time} ${at} ${event.message}` })),
  );

const styles: { readonly [K in ClusterEvent['kind']]: Style } = { error: 'bad', repair: 'warn', info: 'plain' };

/** Local time, to the second. */
export function clockTime(time: number): string {
  const date = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

export const eventTable: Table<ClusterEvent> = {
  id: ({ id }) => id,
  isProblem: ({ kind }) => kind === 'error',
  columns: [
    {
      ...{ id: 'time', title: 'column.time', key: 'T', rank: 1, least: 19 },
      text: ({ time }) => clockTime(time),
      order: ({ time }) => time,
      style: () => 'dim',
    },
    { id: 'node', title: 'column.node', key: 'H', rank: 2, least: 4, text: ({ node }) => node },
    {
      ...{ id: 'kind', title: 'column.kind', key: 'K', rank: 3, least: 4 },
      text: ({ kind }, { settings }) => settings.say(`kind.${kind}`),
      style: ({ kind }) => styles[kind],
    },
    { id: 'message', title: 'column.message', key: 'M', rank: 0, least: 20, text: ({ message }) => message },
  ],
};
