/** Where a container goes that nobody says a node for. */
import { Failure, type NetworkRecord, type WorkloadRecord, whyNotOn } from '../domain/domain.ts';
import type { NodeView } from '../protocol/protocol.ts';
import type { Context } from './context.ts';
import { allOf } from './keys.ts';
import { statusOf } from './nodes.ts';
import { readAll, type StoredNode } from './records.ts';

/**
 * The least loaded node: by tenths of its scarcer resource, CPU or memory, as it was last reported; of equals, the one with the fewest
 * workloads, which counts what has come since. Only one that can be in all of the networks.
 * @param coming workloads that are about to be there @throws Failure `unavailable`
 */
export async function place(
  context: Context,
  networks: readonly NetworkRecord[] = [],
  coming: ReadonlyMap<string, number> = new Map(),
): Promise<string> {
  const all = (await readAll<StoredNode>(context.store, allOf('nodes'))).map(({ value }) => value);
  const nodes = all.filter((node) => whyUnfit(networks, node) === undefined);
  const are = (status: NodeView['status']) =>
    nodes.filter((node) => !node.drained && statusOf(context, node) === status);
  // Just after a server's start its nodes are still on their way to it.
  const candidates = are('ready').length > 0 ? are('ready') : are('unknown');
  const count = new Map(candidates.map(({ name }) => [name, coming.get(name) ?? 0]));
  for (const { value } of await readAll<WorkloadRecord>(context.store, allOf('workloads'))) {
    const before = count.get(value.node);
    if (before !== undefined) count.set(value.node, before + 1);
  }
  const loads = [...count].map(([name, workloads]) => ({ name, workloads, used: usedTenths(context, name) }));
  const [least] = loads.sort((a, b) => a.used - b.used || a.workloads - b.workloads);
  if (least) return least.name;
  const [unfit] = all.flatMap((node) => (node.drained ? [] : (whyUnfit(networks, node) ?? [])));
  if (nodes.length > 0 || unfit === undefined)
    throw new Failure('unavailable', 'no node is ready to take a container: `trama node ls` shows why');
  throw new Failure('unavailable', `no node can take it: ${unfit}`);
}

/** @returns undefined when the node can be in all of the networks; otherwise the sentence why it cannot */
export function whyUnfit(networks: readonly NetworkRecord[], node: StoredNode): string | undefined {
  for (const network of networks) {
    const why = whyNotOn(network, node);
    if (why !== undefined) return `network ${network.name} is not to be had there: ${why}`;
  }
  return undefined;
}

function usedTenths({ presence }: Context, node: string): number {
  const { cpu, memory } = presence.view(node);
  const share = memory === null || memory.total <= 0 ? 0 : memory.used / memory.total;
  return Math.round(10 * Math.max(cpu ?? 0, share));
}
