/**
 * What becomes of what a silent node had, once nobody waits for it any more. Its peers have fenced it long before, so that its addresses
 * may be others': all is forgotten; then workloads that ask for it are moved to other nodes. The node stays a member.
 * Interrupted, it goes on: the record says `evicting` until nothing is left.
 */
import { isFailure, type WorkloadRecord } from '../domain/domain.ts';
import type { Condition } from '../store/store.ts';
import type { Context } from './context.ts';
import { type Belonging, belongingsOf, recordsAtOnce } from './departure.ts';
import { nodeKey, removingKey, statusKey, workloadKey } from './keys.ts';
import { findNetwork } from './network-view.ts';
import { place } from './placement.ts';
import { absent, present, put, read, remove, type StoredNode, unchanged } from './records.ts';

/** How a belonging goes, and on which further conditions. */
interface Going extends Belonging {
  readonly conditions: readonly Condition[];
}

export async function evict(context: Context, name: string): Promise<void> {
  const { store } = context;
  const node = await read<StoredNode>(store, nodeKey(name));
  if (node?.value.health?.state !== 'evicting') return;
  const { health } = node.value;
  for (;;) {
    // Workloads last: a fixed address is free by the time that another node asks for it.
    const left = (await belongingsOf(context, name)).reverse();
    const step = await going(context, left.slice(0, recordsAtOnce));
    const waiting = left.slice(0, recordsAtOnce).length - step.length;
    // Who is heard again keeps what no other node can take.
    const last = left.length <= recordsAtOnce && (waiting === 0 || context.presence.isHeard(name));
    if (step.length === 0 && !last) return;
    const done = put(node.key, { ...node.value, health: { ...health, state: 'evicted' } });
    const { succeeded } = await store.transact(
      [unchanged(node), ...step.flatMap(({ record, conditions }) => [unchanged(record), ...conditions])],
      [...step.flatMap(({ writes }) => writes), ...(last ? [done] : [])],
    );
    if (last && succeeded) return;
    if (!succeeded && (await read(store, node.key))?.revision !== node.revision) return;
  }
}

/** @returns without those that wait for a node that could take them. */
async function going(context: Context, belongings: readonly Belonging[]): Promise<Going[]> {
  const all: Going[] = [];
  const placed = new Map<string, number>();
  for (const belonging of belongings) {
    const { key, value } = belonging.record;
    const moves = isWorkload(key, value) && value.spec.onNodeLoss === 'reschedule' && value.desired !== 'removed';
    if (!moves) {
      all.push({ ...belonging, conditions: [] });
      continue;
    }
    const target = await targetFor(context, value, placed);
    if (target === undefined) continue;
    // Of each target once: a condition more per workload would be too many for one transaction.
    const conditions = placed.has(target) ? [] : [present(nodeKey(target)), absent(removingKey('node', target))];
    placed.set(target, (placed.get(target) ?? 0) + 1);
    const moved: WorkloadRecord = { ...value, node: target, generation: value.generation + 1 };
    all.push({ ...belonging, conditions, writes: [put(key, moved), remove(statusKey(value.name))] });
  }
  return all;
}

/** @param placed what this very step has put where, which the store does not show yet */
async function targetFor(
  context: Context,
  { spec }: WorkloadRecord,
  placed: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  try {
    const networks = await Promise.all(spec.networks.map(({ network }) => findNetwork(context, network)));
    return await place(
      context,
      networks.map(({ value }) => value),
      placed,
    );
  } catch (error) {
    // A network of its may have been removed, for which it waits as well.
    if (isFailure(error, 'unavailable') || isFailure(error, 'not-found')) return undefined;
    throw error;
  }
}

function isWorkload(key: string, _value: unknown): _value is WorkloadRecord {
  return key.startsWith(workloadKey(''));
}
