/** The feed's topics as views of the store: which record appears where, as which item. Pure. */
import type {
  BlockRecord,
  EndpointRecord,
  NetworkRecord,
  NodeRecord,
  ReservationRecord,
  WorkloadRecord,
} from '../domain/domain.ts';
import { clusterTopic, networkTopic, nodeTopic, type TopicChange, type TopicValue } from '../protocol/protocol.ts';
import type { StoreEvent } from '../store/store.ts';
import { type Collection, splitKey } from './keys.ts';
import type { StoredNode } from './records.ts';

/** Where a record appears. */
export interface Item {
  readonly topic: string;
  readonly key: string;
  readonly value: TopicValue;
}

type Shown = 'nodes' | 'networks' | 'endpoints' | 'workloads' | 'blocks' | 'reservations';

const items: { readonly [C in Shown]: (record: never) => Item } = {
  nodes: (record: StoredNode) => ({
    topic: clusterTopic,
    key: `node/${record.name}`,
    value: { kind: 'node', node: heardOfNode(record) },
  }),
  networks: (network: NetworkRecord) => ({
    topic: clusterTopic,
    key: `network/${network.id}`,
    value: { kind: 'network', network },
  }),
  endpoints: (endpoint: EndpointRecord) => ({
    topic: networkTopic(endpoint.network),
    key: `endpoint/${endpoint.address}`,
    value: { kind: 'endpoint', endpoint },
  }),
  workloads: (workload: WorkloadRecord) => ({
    topic: nodeTopic(workload.node),
    key: `workload/${workload.name}`,
    value: { kind: 'workload', workload },
  }),
  blocks: (block: BlockRecord) => ({
    topic: nodeTopic(block.node),
    key: `block/${block.network}/${block.cidr}`,
    value: { kind: 'block', block },
  }),
  reservations: (reservation: ReservationRecord) => ({
    topic: nodeTopic(reservation.node),
    key: `reservation/${reservation.network}/${reservation.address}`,
    value: { kind: 'reservation', reservation },
  }),
};

/** @returns undefined for records that no agent hears of. */
export function itemOf(key: string, value: string): Item | undefined {
  const place = splitKey(key);
  if (place === undefined || !isShown(place.collection)) return undefined;
  return items[place.collection](JSON.parse(value) as never);
}

/**
 * What one store event changes in the topics.
 * @returns undefined when it cannot be told: something is gone and the store no longer knows what it was.
 */
export function changesOf(event: StoreEvent): readonly { topic: string; change: TopicChange }[] | undefined {
  const before = event.previous && itemOf(event.previous.key, event.previous.value);
  if (event.type === 'delete') {
    if (before) return [gone(before)];
    const place = splitKey(event.key);
    return place !== undefined && isShown(place.collection) ? undefined : [];
  }
  const now = itemOf(event.entry.key, event.entry.value);
  if (now === undefined) return [];
  const moved = before !== undefined && before.topic !== now.topic ? [gone(before)] : [];
  return [...moved, { topic: now.topic, change: { key: now.key, value: now.value } }];
}

const gone = ({ topic, key }: Item) => ({ topic, change: { key, value: null } });

function isShown(collection: Collection): collection is Shown {
  return collection in items;
}

function heardOfNode({ engine: _engine, version: _version, ...node }: StoredNode): NodeRecord {
  return node;
}
