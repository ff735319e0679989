/**
 * The feed is a clone of parts of the store: a snapshot by request, then deltas.
 *
 * A topic's content is a map from keys to values. A delta carries (`previous`, `revision`): a mirror at revision r
 *   - drops it if `revision` <= r (seen, perhaps from another replica);
 *   - applies it if `previous` <= r;
 *   - otherwise has missed something, asks for that alone, and takes a new snapshot where it cannot be told any more.
 * Revisions grow as long as the cluster lives, also when its store is replaced. So what an abandoned store says is below r:
 * its deltas are dropped as seen, and a snapshot of it is refused (docs/adr/0011-store-epochs.md).
 *
 * A last message that got lost is found by the heartbeat, which compares each topic's revision.
 */
import type {
  BlockRecord,
  EndpointRecord,
  NetworkRecord,
  NodeRecord,
  ReservationRecord,
  ServerRecord,
  WorkloadRecord,
} from '../domain/domain.ts';

/** Networks, nodes and servers: small, heard by every agent. Keys `network/<id>`, `node/<name>`, `server/<id>`. */
export const clusterTopic = 'cluster';

/** A network's endpoints and blocks, heard by agents that have endpoints in it. Keys `endpoint/<address>`, `block/<cidr>`. */
export const networkTopic = (networkId: string): string => `network/${networkId}`;

/** What concerns one node. Keys `workload/<name>`, `block/<network>/<cidr>`, `reservation/<network>/<address>`. */
export const nodeTopic = (node: string): string => `node/${node}`;

export type TopicValue =
  | { readonly kind: 'node'; readonly node: NodeRecord }
  | { readonly kind: 'server'; readonly server: ServerRecord }
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
  /** Which life of the cluster it is of: a number above all revisions of former ones. Absent: 0. */
  readonly epoch?: number;
  /** false: the store was restored and not all nodes have told what they have; what is missing here may be there still. */
  readonly settled?: boolean;
}
