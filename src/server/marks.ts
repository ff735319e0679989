/** Marks of what is on its way out: while one stands, nothing new can come to refer to the network or node. */
import type { Condition } from '../store/store.ts';
import type { Context } from './context.ts';
import { removingKey } from './keys.ts';
import { type Found, put, remove, unchanged } from './records.ts';

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
