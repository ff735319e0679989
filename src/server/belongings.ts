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
import { lookAtNodes, type Nodes, placeAmong } from './placement.ts';
import { absent, type Found, present, put, readAll, remove } from './records.ts';

/**
 * Of one transaction, of which etcd takes 128 conditions and as many writes: each is two writes and a condition, and two more
 * conditions where it is moved.
 */
const recordsAtOnce = 40;
/** Of records that are written; a transaction takes 1 MiB with its keys. */
const bytesAtOnce = 512 * 1024;

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

/** What one transaction does. */
export interface Step {
  readonly going: readonly Going[];
  /** Workloads that were looked at and that no node can take. */
  readonly waiting: number;
}

/**
 * Workloads that ask for it move to other nodes; all else goes. As much of it as one transaction takes.
 * @param stranded what becomes of a workload that no other node can take
 */
export async function goingOf(
  context: Context,
  belongings: readonly Belonging[],
  stranded: 'waits' | 'goes',
): Promise<Step> {
  const movers = new Movers(context);
  const going: Going[] = [];
  let [waiting, bytes] = [0, 0];
  for (const belonging of belongings) {
    if (going.length === recordsAtOnce) break;
    const { key, value } = belonging.record;
    const moves = isWorkload(key, value) && value.spec.onNodeLoss === 'reschedule' && value.desired !== 'removed';
    const moved = moves ? await movers.move(key, value) : undefined;
    if (moves && moved === undefined) {
      if (stranded === 'waits') {
        waiting += 1;
        continue;
      }
      context.log.warn('a container goes with its node: no other can take it', { container: value.name });
    }
    for (const write of moved?.writes ?? []) bytes += write.op === 'put' ? Buffer.byteLength(write.value) : 0;
    if (bytes > bytesAtOnce && going.length > 0) break;
    going.push({ ...belonging, ...(moved ?? { conditions: [] }) });
  }
  return { going, waiting };
}

type Move = Pick<Going, 'writes' | 'conditions'>;

/** Finds nodes for what moves in one step, by one look at them. */
class Movers {
  readonly #context: Context;
  #nodes: Nodes | undefined;
  /** What this step has put where, which the store does not show yet. */
  readonly #placed = new Map<string, number>();
  /** Networks, as one text, that no node has all of. */
  readonly #nowhere = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** @returns undefined when no node can take it */
  async move(key: string, value: WorkloadRecord): Promise<Move | undefined> {
    const target = await this.#targetFor(value);
    if (target === undefined) return undefined;
    // Of each target once: a condition more per workload would be too many for one transaction.
    const conditions = this.#placed.has(target) ? [] : [present(nodeKey(target)), absent(removingKey('node', target))];
    this.#placed.set(target, (this.#placed.get(target) ?? 0) + 1);
    const moved: WorkloadRecord = { ...value, node: target, generation: value.generation + 1 };
    return { conditions, writes: [put(key, moved), remove(statusKey(value.name))] };
  }

  async #targetFor({ spec }: WorkloadRecord): Promise<string | undefined> {
    const names = spec.networks.map(({ network }) => network);
    const needs = names.join(' ');
    if (this.#nowhere.has(needs)) return undefined;
    try {
      const networks = await Promise.all(names.map((network) => findNetwork(this.#context, network)));
      this.#nodes ??= await lookAtNodes(this.#context);
      return placeAmong(
        this.#context,
        this.#nodes,
        networks.map(({ value }) => value),
        this.#placed,
      );
    } catch (error) {
      // A network of its may have been removed, for which it waits as well.
      if (!isFailure(error, 'unavailable') && !isFailure(error, 'not-found')) throw error;
      this.#nowhere.add(needs);
      return undefined;
    }
  }
}

function isWorkload(key: string, _value: unknown): _value is WorkloadRecord {
  return key.startsWith(workloadKey(''));
}
