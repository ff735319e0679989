/** What is a node's, and how it goes when the node is lost: evicted, or removed although it has something. */
import {
  type BlockRecord,
  type EndpointRecord,
  isFailure,
  type ReservationRecord,
  type WorkloadRecord,
} from '../domain/domain.ts';
import type { Condition, Write } from '../store/store.ts';
import type { Context } from './context.ts';
import { allOf, type Collection, macKey, nodeKey, removingKey, statusKey, workloadKey } from './keys.ts';
import { findNetwork } from './network-view.ts';
import { place } from './placement.ts';
import { absent, type Found, present, put, readAll, remove } from './records.ts';

/**
 * Of one transaction, of which etcd takes 128 conditions and as many writes: each is two writes and a condition, and two more
 * conditions where it is moved.
 */
export const recordsAtOnce = 40;

export interface Belonging {
  readonly record: Found<unknown>;
  /** That it goes, with what goes with it. */
  readonly writes: Write[];
}

/** Further conditions, with which it goes. */
export interface Going extends Belonging {
  readonly conditions: readonly Condition[];
}

/** What is the node's now. Workloads last: a fixed address is free by the time that another node asks for it. */
export async function belongingsOf(context: Context, name: string): Promise<Belonging[]> {
  const workloads = await ofNode<WorkloadRecord>(context, 'workloads', name);
  const endpoints = await ofNode<EndpointRecord>(context, 'endpoints', name);
  const blocks = await ofNode<BlockRecord>(context, 'blocks', name);
  const reservations = await ofNode<ReservationRecord>(context, 'reservations', name);
  return [
    ...[...reservations, ...blocks].map((record) => ({ record, writes: [remove(record.key)] })),
    ...endpoints.map((record) => {
      const { network, mac } = record.value;
      return { record, writes: [remove(record.key), remove(macKey(network, mac))] };
    }),
    ...workloads.map((record) => ({ record, writes: [remove(record.key), remove(statusKey(record.value.name))] })),
  ];
}

export async function ofNode<T extends { readonly node: string }>(
  { store }: Context,
  collection: Collection,
  node: string,
): Promise<Found<T>[]> {
  return (await readAll<T>(store, allOf(collection))).filter(({ value }) => value.node === node);
}

/**
 * Workloads that ask for it move to other nodes; all else goes.
 * @param belongings not more than `recordsAtOnce`
 * @param stranded what becomes of a workload that no other node can take
 */
export async function goingOf(
  context: Context,
  belongings: readonly Belonging[],
  stranded: 'waits' | 'goes',
): Promise<Going[]> {
  const all: Going[] = [];
  const placed = new Map<string, number>();
  for (const belonging of belongings) {
    const { key, value } = belonging.record;
    if (!(isWorkload(key, value) && value.spec.onNodeLoss === 'reschedule' && value.desired !== 'removed')) {
      all.push({ ...belonging, conditions: [] });
      continue;
    }
    const target = await targetFor(context, value, placed);
    if (target === undefined) {
      if (stranded === 'goes') all.push({ ...belonging, conditions: [] });
      continue;
    }
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
