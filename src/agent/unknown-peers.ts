import { type NetworkRecord, reachOf } from '../domain/domain.ts';
import { clusterTopic, networkTopic } from '../protocol/protocol.ts';
import type { Clone } from './clone.ts';
import type { Wiring } from './wiring.ts';

/**
 * VNIs of networks whose other nodes' endpoints no server has told of yet. `all`, while this host has endpoints in a network
 * that it has forgotten and no server has told it of again.
 */
export function unknownPeers(
  clone: Pick<Clone, 'isFresh'>,
  wiring: Pick<Wiring, 'unknownNetworks' | 'attached'>,
): ReadonlySet<number> | 'all' {
  if (!clone.isFresh(clusterTopic) && wiring.unknownNetworks().size > 0) return 'all';
  const told = (network: NetworkRecord) => reachOf(network) === 'node' || clone.isFresh(networkTopic(network.id));
  const untold = wiring.attached().filter((network) => !told(network));
  return new Set(untold.map((network) => network.vni));
}

/** A server that is there answers within some milliseconds. */
const answerMs = 2000;

/** Resolves when a server has told of the network's endpoints, if there is one to tell. */
export async function untilPeersKnown(
  clone: Pick<Clone, 'untilFresh'>,
  servers: { readonly connected: boolean },
  network: string,
): Promise<void> {
  if (servers.connected) await clone.untilFresh(networkTopic(network), answerMs);
}
