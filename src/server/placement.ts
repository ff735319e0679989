/** Where a container goes that nobody says a node for. */
import { Failure, type NetworkRecord, type WorkloadRecord, whyNotOn, whyUnrouted } from '../domain/domain.ts';
import type { NodeView } from '../protocol/protocol.ts';
import type { Context } from './context.ts';
import { allOf, removingKey } from './keys.ts';
import { statusOf } from './nodes.ts';
import { readAll, type StoredNode } from './records.ts';

/** Nodes that may be given something, and how many workloads each has: looked at once for any number of decisions. */
export interface Nodes {
  readonly nodes: readonly StoredNode[];
  readonly workloads: ReadonlyMap<string, number>;
}

export async function lookAtNodes({ store }: Context): Promise<Nodes> {
  const [nodes, marks, workloads] = await Promise.all([
    readAll<StoredNode>(store, allOf('nodes')),
    readAll<unknown>(store, allOf('removing')),
    readAll<WorkloadRecord>(store, allOf('workloads')),
  ]);
  const leaving = new Set(marks.map(({ key }) => key));
  const count = new Map<string, number>();
  for (const { value } of workloads) count.set(value.node, (count.get(value.node) ?? 0) + 1);
  const staying = nodes.map(({ value }) => value).filter(({ name }) => !leaving.has(removingKey('node', name)));
  return { nodes: staying, workloads: count };
}

/**
 * The least loaded node: by tenths of its scarcer resource, CPU or memory, as it was last reported; of equals, the one with the fewest
 * workloads, which counts what has come since. Only one that can be in all of the networks.
 * @param coming workloads that are about to be there @throws Failure `unavailable`
 */
export function placeAmong(
  context: Context,
  { nodes: all, workloads }: Nodes,
  networks: readonly NetworkRecord[] = [],
  coming: ReadonlyMap<string, number> = new Map(),
): string {
  const nodes = all.filter((node) => whyUnfit(networks, node) === undefined);
  const are = (status: NodeView['status']) =>
    nodes.filter((node) => !node.drained && statusOf(context, node) === status);
  // Just after a server's start its nodes are still on their way to it.
  const candidates = are('ready').length > 0 ? are('ready') : are('unknown');
  const loads = candidates.map(({ name }) => ({
    ...{ name, used: usedTenths(context, name), has: (workloads.get(name) ?? 0) + (coming.get(name) ?? 0) },
  }));
  const [least] = loads.sort((a, b) => a.used - b.used || a.has - b.has);
  if (least) return least.name;
  const [unfit] = all.flatMap((node) => (node.drained ? [] : (whyUnfit(networks, node) ?? [])));
  if (nodes.length > 0 || unfit === undefined)
    throw new Failure('unavailable', 'no node is ready to take a container: `trama node ls` shows why');
  throw new Failure('unavailable', `no node can take it: ${unfit}`);
}

/** As `placeAmong`, of the nodes as they are now. */
export const place = async (context: Context, networks: readonly NetworkRecord[] = []): Promise<string> =>
  placeAmong(context, await lookAtNodes(context), networks);

/** @returns undefined when the node can be in all of the networks; otherwise the sentence why it cannot */
export function whyUnfit(networks: readonly NetworkRecord[], node: StoredNode): string | undefined {
  for (const network of networks) {
    const why = whyNotOn(network, node) ?? whyUnrouted(network, node);
    if (why !== undefined) return `network ${network.name} is not to be had there: ${why}`;
  }
  return undefined;
}

function usedTenths({ presence }: Context, node: string): number {
  const { cpu, memory } = presence.view(node);
  const share = memory === null || memory.total <= 0 ? 0 : memory.used / memory.total;
  return Math.round(10 * Math.max(cpu ?? 0, share));
}
