/** What a change of the store means to people. Pure, but for what it keeps to tell a change from what was so before. */
import type { NetworkRecord, WorkloadStatus } from '../domain/domain.ts';
import type { ClusterEvent } from '../protocol/protocol.ts';
import type { Collection } from './keys.ts';
import type { StoredNode } from './records.ts';

/** Records as they were, by key. Of statuses those alone that failed. */
export type Known = Map<string, unknown>;

type Said = Omit<ClusterEvent, 'id' | 'time'>;

/** @param value undefined: it was deleted. @returns undefined for what is nobody's news */
export function whatChanged(collection: Collection, known: Known, key: string, value: unknown): Said | undefined {
  if (collection !== 'nodes' && collection !== 'networks' && collection !== 'statuses') return undefined;
  const before = known.get(key);
  if (value === undefined) known.delete(key);
  else if (collection !== 'statuses' || (value as WorkloadStatus).phase === 'failed') known.set(key, value);
  else known.delete(key);
  if (collection === 'nodes') return nodeChanged(before as StoredNode | undefined, value as StoredNode | undefined);
  if (collection === 'networks')
    return networkChanged(before as NetworkRecord | undefined, value as NetworkRecord | undefined);
  return statusChanged(before as WorkloadStatus | undefined, value as WorkloadStatus | undefined);
}

function nodeChanged(before: StoredNode | undefined, now: StoredNode | undefined): Said | undefined {
  const name = (now ?? before)?.name ?? '';
  const said = (action: string, message: string): Said => ({
    ...{ type: 'node', action, name, node: name, message, attributes: {} },
  });
  if (now === undefined) return before && said('remove', `node ${name} is no member any more`);
  if (before === undefined) return said('join', `node ${name} has joined, at ${now.address}`);
  const [was, is] = [before.health?.state, now.health?.state];
  const reason = now.health?.reason ?? '';
  if (is !== was && is === 'suspect') return said('suspect', reason);
  if (is !== was && is === 'down') return said('down', reason);
  if (is !== was && is === 'evicting') return said('evict', `what it had is given away: ${reason}`);
  if (is === undefined && was !== undefined) return said('ready', `node ${name} is heard again`);
  if (before.drained !== now.drained) return said(now.drained ? 'drain' : 'undrain', '');
  return undefined;
}

function networkChanged(before: NetworkRecord | undefined, now: NetworkRecord | undefined): Said | undefined {
  const network = now ?? before;
  if (network === undefined || (before !== undefined && now !== undefined)) return undefined;
  const { name, driver, subnet } = network;
  return {
    ...{ type: 'network', action: now === undefined ? 'remove' : 'create', name, message: '' },
    attributes: { driver, subnet },
  };
}

function statusChanged(before: WorkloadStatus | undefined, now: WorkloadStatus | undefined): Said | undefined {
  if (now?.phase !== 'failed') return undefined;
  if (before?.message === now.message && before.generation === now.generation) return undefined;
  const { name, node, message } = now;
  return { type: 'container', action: 'fail', name, node, message, attributes: {} };
}
