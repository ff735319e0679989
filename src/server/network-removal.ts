/**
 * How a network is removed: a mark, after which nothing new can come to use it; a look whether something does; then
 * everything of it in one transaction, if the mark still stands. A crash in between leaves the mark, which housekeeping
 * takes back.
 */
import { type EndpointRecord, Failure, type NetworkRecord, type WorkloadRecord } from '../domain/domain.ts';
import type { Write } from '../store/store.ts';
import type { Context, Methods } from './context.ts';
import { allOf, blockSetKey, networkKey, networkNameKey, networkSetKey, ofNetwork, vniKey } from './keys.ts';
import { type Mark, mark, orTakenBack, stands, takeBack } from './marks.ts';
import { findNetwork } from './network-view.ts';
import { type Found, put, readAll, remove, removeRange, unchanged } from './records.ts';
import { type Once, unlessDone } from './requests.ts';
import { named } from './sentences.ts';

export const networkRemovalMethods: Methods<'network.remove'> = {
  'network.remove': async (context, { name }, call) => {
    const once = context.requests.of(call);
    return unlessDone(
      once,
      () => removeNetwork(context, name, once),
      async () => ({}),
    );
  },
};

async function removeNetwork(context: Context, name: string, once: Once | undefined): Promise<Record<string, never>> {
  const network = await findNetwork(context, name);
  // Looked at before as well: while a mark stands, containers of others fail to start.
  await checkUnused(context, network.value);
  const leaving = await mark(context, 'network', network.value.id);
  await orTakenBack(context, leaving, () => checkUnused(context, network.value));
  if (!(await forget(context, network, leaving, once))) {
    await takeBack(context, leaving);
    throw new Failure('conflict', `network ${network.value.name} is being removed by somebody else at this moment`);
  }
  return {};
}

/** Nodes' gateways hinder no removal. @throws Failure `conflict` naming the containers that do */
async function checkUnused({ store }: Context, network: NetworkRecord): Promise<void> {
  const workloads = (await readAll<WorkloadRecord>(store, allOf('workloads')))
    .map(({ value }) => value)
    .filter(({ spec }) => spec.networks.some((attached) => attached.network === network.name));
  const names = new Set(workloads.map(({ name }) => name));
  const endpoints = (await readAll<EndpointRecord>(store, ofNetwork('endpoints', network.id)))
    .map(({ value }) => ({ kind: value.kind, node: value.node, name: value.container?.name || value.id.slice(0, 12) }))
    .filter(({ kind, name }) => kind === 'container' && !names.has(name));
  const users = [...workloads, ...endpoints].map(({ name, node }) => `${name} (on ${node})`);
  if (users.length === 0) return;
  const use = `${users.length === 1 ? 'the container' : 'the containers'} ${named(users)}`;
  throw new Failure('conflict', `network ${network.name} is in use by ${use}: remove what uses it first`);
}

async function forget(
  { store }: Context,
  network: Found<NetworkRecord>,
  leaving: Found<Mark>,
  once: Once | undefined,
): Promise<boolean> {
  const recording = await once?.recording({});
  const { succeeded } = await store.transact(
    [stands(leaving), unchanged(network), ...(recording ? [recording.condition] : [])],
    [
      put(networkSetKey, network.value.id),
      remove(leaving.key),
      ...everythingOf(network.value),
      ...(recording ? [recording.write] : []),
    ],
  );
  return succeeded;
}

/** The end of all that is kept of a network. */
export function everythingOf({ id, name, vni }: NetworkRecord): Write[] {
  return [
    ...[networkKey(id), networkNameKey(name), vniKey(vni), blockSetKey(id)].map(remove),
    ...(['blocks', 'reservations', 'endpoints', 'macs'] as const).map((of) => removeRange(ofNetwork(of, id))),
  ];
}
