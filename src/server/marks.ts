/** Marks of what is on its way out: while one stands, nothing new can come to refer to the network or node. */

import { Failure, type NetworkRecord } from '../domain/domain.ts';
import type { Condition } from '../store/store.ts';
import type { Context } from './context.ts';
import { nodeKey, removingKey } from './keys.ts';
import { absent, type Found, present, put, remove, unchanged } from './records.ts';

export interface Mark {
  readonly at: number;
}

/** Sets the mark anew: an earlier one, of a removal that did not end, no longer counts. */
export async function mark(context: Context, kind: 'network' | 'node', name: string): Promise<Found<Mark>> {
  const key = removingKey(kind, name);
  const value = { at: context.clock.now() };
  const { revision } = await context.store.transact([], [put(key, value)]);
  return { key, value, revision };
}

/** The condition that nobody took the mark back or set it anew. */
export const stands = (mark: Found<Mark>): Condition => unchanged(mark);

export async function takeBack({ store }: Context, mark: Found<Mark>): Promise<void> {
  await store.transact([stands(mark)], [remove(mark.key)]);
}

/** Looks whether a removal may go on. When it may not, or nobody can tell, the mark goes. @throws what `look` throws */
export async function orTakenBack<T>(context: Context, leaving: Found<Mark>, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    // Housekeeping does it, if this cannot.
    await takeBack(context, leaving).catch(() => {});
    throw error;
  }
}

/**
 * For whatever comes to belong to a node and refer to networks: all are there, and none is on its way out.
 * @throws Failure `conflict` when one is on its way out now
 */
export async function allStay(
  { store, presence }: Context,
  node: string,
  networks: readonly Found<NetworkRecord>[],
): Promise<Condition[]> {
  if (presence.recorded(node)?.health.state === 'evicting')
    throw new Failure('unavailable', `node ${node} is just being evicted: try again in a moment`);
  const needed = [
    { key: nodeKey(node), mark: removingKey('node', node), what: `node ${node}` },
    ...networks.map(({ key, value }) => ({
      key,
      mark: removingKey('network', value.id),
      what: `network ${value.name}`,
    })),
  ];
  const marks = await Promise.all(needed.map(({ mark }) => store.get(mark)));
  const leaving = needed.find((_, i) => marks[i] !== undefined);
  if (leaving) throw new Failure('conflict', `${leaving.what} is being removed at this moment`);
  return needed.flatMap(({ key, mark }) => [present(key), absent(mark)]);
}
