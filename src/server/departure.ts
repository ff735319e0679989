/**
 * How a node is forgotten. In this order, so that a crash in between leaves nothing that refers to nothing for long:
 *   1. a mark: from now on nothing new can come to belong to the node;
 *   2. its record and key in one transaction: the peers stop talking to its host before its addresses go to others;
 *   3. its reservations, blocks, endpoints and workloads, of which those that ask for it move to other nodes;
 *   4. the mark.
 * Housekeeping finishes what was interrupted after step 2, and takes back what was before it.
 */
import { type EndpointRecord, Failure, type WorkloadRecord } from '../domain/domain.ts';
import type { ParsedParams } from '../protocol/protocol.ts';
import { belongingsOf, goingOf, ofNode } from './belongings.ts';
import { change } from './change.ts';
import type { Call, Context, Methods } from './context.ts';
import { nodeAddressKey, nodeKey, nodeKeyKey, removingKey, unclaimedKey } from './keys.ts';
import { type Mark, mark, orTakenBack, stands, takeBack } from './marks.ts';
import { findNode } from './nodes.ts';
import { type Found, read, remove, type StoredNode, unchanged } from './records.ts';
import { type Once, unlessDone } from './requests.ts';
import { named } from './sentences.ts';

/** After what others changed meanwhile. */
const restMs = 50;

export const departureMethods: Methods<'node.remove'> = {
  'node.remove': async (context, params, call) => {
    const once = context.requests.of(call);
    const ended = async () => {
      const left = await read<Mark>(context.store, removingKey('node', params.name));
      if (left) await finishDeparture(context, params.name, left);
      return {};
    };
    return unlessDone(once, () => removeNode(context, params, call, once), ended);
  },
};

async function removeNode(
  context: Context,
  { name, force }: ParsedParams<'node.remove'>,
  { caller }: Call,
  once: Once | undefined,
): Promise<Record<string, never>> {
  const begun = await read<Mark>(context.store, removingKey('node', name));
  if (!begun) await findNode(context, name);
  // Looked at before as well: while a mark stands, containers of others fail to start.
  if (!force && !begun) await checkUnused(context, name);
  const leaving = await mark(context, 'node', name);
  if (!force) await orTakenBack(context, leaving, () => checkUnused(context, name));
  if (caller.kind === 'node' && caller.node === name) context.leaving.add(name);
  await forgetRecord(context, name, leaving, once);
  await forgetBelongings(context, name, leaving);
  return {};
}

/** Ends a removal that a server began and did not end. */
export async function finishDeparture(context: Context, name: string, leaving: Found<Mark>): Promise<void> {
  // With its record there, the removal had not happened yet, and nobody is waiting for it any more.
  if (await read(context.store, nodeKey(name))) await takeBack(context, leaving);
  else await forgetBelongings(context, name, leaving);
}

/** @throws Failure `conflict` */
async function checkUnused(context: Context, name: string): Promise<void> {
  const workloads = await ofNode<WorkloadRecord>(context, 'workloads', name);
  const endpoints = await ofNode<EndpointRecord>(context, 'endpoints', name);
  const attached = endpoints.flatMap(({ value: { kind, container, id } }) =>
    kind === 'container' ? [container?.name ?? id.slice(0, 12)] : [],
  );
  const names = [...new Set([...workloads.map(({ value }) => value.name), ...attached])];
  if (names.length === 0) return;
  const which = `${names.length === 1 ? 'the container' : 'the containers'} ${named(names)}`;
  throw new Failure(
    'conflict',
    `node ${name} has ${which}: remove ${names.length === 1 ? 'it' : 'them'} first, or use --force`,
  );
}

async function forgetRecord(
  context: Context,
  name: string,
  leaving: Found<Mark>,
  once: Once | undefined,
): Promise<void> {
  const plan = async () => {
    const node = await read<StoredNode>(context.store, nodeKey(name));
    if (!node) return { conditions: [], writes: [], result: undefined };
    const address = await read<string>(context.store, nodeAddressKey(node.value.address));
    const own = address?.value === name ? [remove(address.key)] : [];
    return {
      conditions: [stands(leaving), unchanged(node)],
      // What it has not claimed since a restore, nobody waits for any more.
      writes: [remove(node.key), remove(nodeKeyKey(node.value.key)), remove(unclaimedKey(name)), ...own],
      result: undefined,
    };
  };
  await change(context, `node ${name}`, plan, once);
}

/** Ends with the mark, unless somebody else has begun the removal anew: then that goes on with it. */
async function forgetBelongings(context: Context, name: string, leaving: Found<Mark>): Promise<void> {
  const { store } = context;
  for (;;) {
    const left = await belongingsOf(context, name);
    const { going } = await goingOf(context, left, 'goes');
    const last = going.length === left.length;
    const { succeeded } = await store.transact(
      [stands(leaving), ...going.flatMap(({ record, conditions }) => [unchanged(record), ...conditions])],
      [...going.flatMap(({ writes }) => writes), ...(last ? [remove(leaving.key)] : [])],
    );
    if (succeeded && last) return;
    if (succeeded) continue;
    if ((await read(store, leaving.key))?.revision !== leaving.revision) return;
    await context.clock.sleep(restMs);
  }
}
