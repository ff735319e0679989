/**
 * The feed is a clone of parts of the store: a snapshot by request, then deltas.
 *
 * A topic's content is a map from keys to values. A delta carries (`previous`, `revision`): a mirror at revision r
 *   - drops it if `revision` <= r (seen, perhaps from another replica);
 *   - applies it if `previous` <= r;
 *   - otherwise has missed something and takes a new snapshot.
 * A last message that got lost is found by the heartbeat, which compares each topic's revision.
 */
import type {
  BlockRecord,
  EndpointRecord,
  NetworkRecord,
  NodeRecord,
  ReservationRecord,
  WorkloadRecord,
} from '../domain/domain.ts';

/** Networks and nodes: small, heard by every agent. Keys `network/<id>`, `node/<name>`. */
export const clusterTopic = 'cluster';

/** A network's endpoints, heard by agents that have endpoints in it. Keys `endpoint/<address>`. */
export const networkTopic = (networkId: string): string => `network/${networkId}`;

/** What concerns one node. Keys `workload/<name>`, `block/<network>/<cidr>`, `reservation/<network>/<address>`. */
export const nodeTopic = (node: string): string => `node/${node}`;

export type TopicValue =
  | { readonly kind: 'node'; readonly node: NodeRecord }
  | { readonly kind: 'network'; readonly network: NetworkRecord }
  | { readonly kind: 'endpoint'; readonly endpoint: EndpointRecord }
  | { readonly kind: 'workload'; readonly workload: WorkloadRecord }
  | { readonly kind: 'block'; readonly block: BlockRecord }
  | { readonly kind: 'reservation'; readonly reservation: ReservationRecord };

/** `value` null: the key is gone. */
export interface TopicChange {
  readonly key: string;
  readonly value: TopicValue | null;
}

export interface TopicSnapshot {
  readonly topic: string;
  /** The store's revision that this is the content of. */
  readonly revision: number;
  readonly items: readonly { readonly key: string; readonly value: TopicValue }[];
}
