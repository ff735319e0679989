/**
 * What becomes of what a silent node had, once nobody waits for it any more. Its peers have fenced it long before, so that its addresses
 * may be others': all is forgotten; then workloads that ask for it are moved to other nodes. The node stays a member.
 * Interrupted, it goes on: the record says `evicting` until nothing is left.
 */
import { belongingsOf, goingOf } from './belongings.ts';
import type { Context } from './context.ts';
import { nodeKey } from './keys.ts';
import { put, read, type StoredNode, unchanged } from './records.ts';

export async function evict(context: Context, name: string): Promise<void> {
  const { store } = context;
  const node = await read<StoredNode>(store, nodeKey(name));
  if (node?.value.health?.state !== 'evicting') return;
  const { health } = node.value;
  for (;;) {
    const left = await belongingsOf(context, name);
    const { going, waiting } = await goingOf(context, left, 'waits');
    // Who is heard again keeps what no other node can take.
    const last = going.length + waiting === left.length && (waiting === 0 || context.presence.isHeard(name));
    if (going.length === 0 && !last) return;
    const done = put(node.key, { ...node.value, health: { ...health, state: 'evicted' } });
    const { succeeded } = await store.transact(
      [unchanged(node), ...going.flatMap(({ record, conditions }) => [unchanged(record), ...conditions])],
      [...going.flatMap(({ writes }) => writes), ...(last ? [done] : [])],
    );
    if (last && succeeded) return;
    if (!succeeded && (await read(store, node.key))?.revision !== node.revision) return;
  }
}
