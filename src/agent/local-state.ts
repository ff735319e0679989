/** What this agent must know again after a restart without asking anybody. */
import { join } from 'node:path';
import type { EndpointRecord } from '../domain/domain.ts';
import type { UplinkRecord } from '../kernel/kernel.ts';
import type { TopicSnapshot } from '../protocol/protocol.ts';
import { DurableMap } from './durable-map.ts';

/** An endpoint of this node; the agent is the authority on it, the server is told. */
export interface LocalEndpoint {
  readonly record: EndpointRecord;
  readonly createdAt: number;
  /** Where it stands since Join; absent before it and after Leave. */
  readonly sandbox?: { readonly path: string; readonly interface: string; readonly gateway?: string };
}

/** Docker's network id → the Trama network that it stands for. */
export interface DockerNetworkLink {
  readonly dockerId: string;
  readonly network: string;
  /** What Docker calls its pool, when it asked for one before it named the network. */
  readonly pool?: string;
}

/** What was last done for a workload, so that a container that ended by itself is not taken for one never started. */
export interface WorkloadMemory {
  readonly id: string;
  readonly generation: number;
  readonly containerId?: string;
  /** It ended by itself since: also without its container, it is not to be started again. */
  readonly ended?: boolean;
}

/** An address that is a workload's own, whether its container runs or not. */
export interface KeptAddress {
  /** Id. */
  readonly workload: string;
  /** For people. */
  readonly name: string;
  readonly network: string;
  readonly address: string;
}

/** An address that a LAN's own server has given. */
export interface LanLease {
  readonly network: string;
  readonly address: string;
  /** Under which it was asked for; its endpoint's. */
  readonly mac: string;
  /** For how long, and since when in ms. */
  readonly seconds: number;
  readonly at: number;
  readonly router?: string;
  /** What its server gives under the MAC by now, instead of the address that is in use. */
  readonly offered?: string;
}

/** An address that a container had when it ended. */
export interface FormerAddress {
  readonly network: string;
  readonly address: string;
  /** Id. */
  readonly container: string;
}

/** The key of what there is once per address of a network. */
export const addressKey = (each: { readonly network: string; readonly address: string }): string =>
  `${each.network}/${each.address}`;

export interface LocalState {
  readonly endpoints: DurableMap<LocalEndpoint>;
  readonly dockerNetworks: DurableMap<DockerNetworkLink>;
  readonly workloads: DurableMap<WorkloadMemory>;
  /** Serialised address pools, by network id. */
  readonly pools: DurableMap<unknown>;
  /** By `addressKey`. */
  readonly kept: DurableMap<KeptAddress>;
  /** The small topics (cluster, own node), by topic. */
  readonly topics: DurableMap<TopicSnapshot>;
  /** Values that sysctls had before Trama, by namespace and key. */
  readonly sysctls: DurableMap<string>;
  /** What stood on interfaces of the host's before bridges took their places, by interface. */
  readonly uplinks: DurableMap<UplinkRecord>;
  /** By `addressKey`. */
  readonly leases: DurableMap<LanLease>;
  /** Under one key; written when the agent ends. */
  readonly former: DurableMap<readonly FormerAddress[]>;
  /** Where container engines keep their files, by the engine's kind. */
  readonly engine: DurableMap<{ readonly home: string }>;
}

export async function openLocalState(directory: string, damaged: (file: string) => void): Promise<LocalState> {
  const map = <T>(name: string) => DurableMap.open<T>(join(directory, name), damaged);
  const [endpoints, dockerNetworks, workloads, pools, kept, topics, sysctls, uplinks, leases, former, engine] =
    await Promise.all([
      map<LocalEndpoint>('endpoints'),
      map<DockerNetworkLink>('docker-networks'),
      map<WorkloadMemory>('workloads'),
      map<unknown>('pools'),
      map<KeptAddress>('kept-addresses'),
      map<TopicSnapshot>('topics'),
      map<string>('sysctls'),
      map<UplinkRecord>('uplinks'),
      map<LanLease>('lan-leases'),
      map<readonly FormerAddress[]>('former-addresses'),
      map<{ home: string }>('engine'),
    ]);
  await forgetPredecessors(endpoints);
  return { endpoints, dockerNetworks, workloads, pools, kept, topics, sysctls, uplinks, leases, former, engine };
}

/**
 * An address has another endpoint only once the one before it has ended: a kill came before that was forgotten. What the disk
 * does not forget now either is forgotten at the next start.
 */
async function forgetPredecessors(endpoints: DurableMap<LocalEndpoint>): Promise<void> {
  const containers = [...endpoints.entries()].filter(([, { record }]) => record.kind === 'container');
  for (const alike of Map.groupBy(containers, ([, { record }]) => addressKey(record)).values()) {
    const newest = Math.max(...alike.map(([, { createdAt }]) => createdAt));
    for (const [key, { createdAt }] of alike) if (createdAt < newest) await endpoints.delete(key).catch(() => {});
  }
}
