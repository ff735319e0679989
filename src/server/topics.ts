/** The feed's topics as views of the store: which record appears where, as which item. Pure. */
import type {
  BlockRecord,
  EndpointRecord,
  NetworkRecord,
  NodeRecord,
  ReservationRecord,
  ServerRecord,
  WorkloadRecord,
} from '../domain/domain.ts';
import { clusterTopic, networkTopic, nodeTopic, type TopicChange, type TopicValue } from '../protocol/protocol.ts';
import type { StoreEvent } from '../store/store.ts';
import { type Collection, splitKey } from './keys.ts';
import { isLost, type StoredNode } from './records.ts';

/** Where a record appears. */
export interface Item {
  readonly topic: string;
  readonly key: string;
  readonly value: TopicValue;
}

type Shown = 'servers' | 'nodes' | 'networks' | 'endpoints' | 'workloads' | 'blocks' | 'reservations';

const items: { readonly [C in Shown]: (record: never) => readonly Item[] } = {
  servers: (server: ServerRecord) => [
    { topic: clusterTopic, key: `server/${server.id}`, value: { kind: 'server', server } },
  ],
  nodes: (record: StoredNode) => [
    { topic: clusterTopic, key: `node/${record.name}`, value: { kind: 'node', node: heardOfNode(record) } },
  ],
  networks: (network: NetworkRecord) => [
    { topic: clusterTopic, key: `network/${network.id}`, value: { kind: 'network', network } },
  ],
  endpoints: (endpoint: EndpointRecord) => [
    {
      topic: networkTopic(endpoint.network),
      key: `endpoint/${endpoint.address}`,
      value: { kind: 'endpoint', endpoint },
    },
  ],
  workloads: (workload: WorkloadRecord) => [
    { topic: nodeTopic(workload.node), key: `workload/${workload.name}`, value: { kind: 'workload', workload } },
  ],
  // Its node assigns from it; the others send to that node what is for it.
  blocks: (block: BlockRecord) => [
    { topic: nodeTopic(block.node), key: `block/${block.network}/${block.cidr}`, value: { kind: 'block', block } },
    { topic: networkTopic(block.network), key: `block/${block.cidr}`, value: { kind: 'block', block } },
  ],
  reservations: (reservation: ReservationRecord) => [
    {
      topic: nodeTopic(reservation.node),
      key: `reservation/${reservation.network}/${reservation.address}`,
      value: { kind: 'reservation', reservation },
    },
  ],
};

/** Empty for records that no agent hears of. */
export function itemsOf(key: string, value: string): readonly Item[] {
  const place = splitKey(key);
  if (place === undefined || !isShown(place.collection)) return [];
  return items[place.collection](JSON.parse(value) as never);
}

/**
 * What one store event changes in the topics.
 * @returns undefined when it cannot be told: something is gone and the store no longer knows what it was.
 */
export function changesOf(event: StoreEvent): readonly { topic: string; change: TopicChange }[] | undefined {
  const before = event.previous === undefined ? [] : itemsOf(event.previous.key, event.previous.value);
  if (event.type === 'delete') {
    if (event.previous !== undefined) return before.map(gone);
    const place = splitKey(event.key);
    return place !== undefined && isShown(place.collection) ? undefined : [];
  }
  const now = itemsOf(event.entry.key, event.entry.value);
  const moved = before.filter((item) => !now.some(({ topic, key }) => topic === item.topic && key === item.key));
  // What no agent hears of may be all that has changed.
  const known = new Set(before.map((item) => JSON.stringify(item)));
  const changed = now.filter((item) => !known.has(JSON.stringify(item)));
  return [...moved.map(gone), ...changed.map(({ topic, key, value }) => ({ topic, change: { key, value } }))];
}

const gone = ({ topic, key }: Item) => ({ topic, change: { key, value: null } });

function isShown(collection: Collection): collection is Shown {
  return collection in items;
}

function heardOfNode({ engine: _engine, version: _version, health, ...node }: StoredNode): NodeRecord {
  return isLost(health) ? { ...node, fenced: true } : node;
}
