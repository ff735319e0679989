/**
 * How a network is removed: a mark, after which nothing new can come to use it; a look whether something does; then
 * everything of it in one transaction, if the mark still stands. A crash in between leaves the mark, which housekeeping
 * takes back.
 */
import { type EndpointRecord, Failure, type NetworkRecord, type WorkloadRecord } from '../domain/domain.ts';
import type { Context, Methods } from './context.ts';
import { allOf, blockSetKey, networkNameKey, networkSetKey, ofNetwork, vniKey } from './keys.ts';
import { type Mark, mark, orTakenBack, stands } from './marks.ts';
import { findNetwork } from './network-view.ts';
import { type Found, put, readAll, remove, removeRange, unchanged } from './records.ts';
import { named } from './sentences.ts';

export const networkRemovalMethods: Methods<'network.remove'> = {
  'network.remove': async (context, { name }) => {
    const network = await findNetwork(context, name);
    // Looked at before as well: while a mark stands, containers of others fail to start.
    await checkUnused(context, network.value);
    const leaving = await mark(context, 'network', network.value.id);
    await orTakenBack(context, leaving, () => checkUnused(context, network.value));
    if (!(await forget(context, network, leaving))) {
      throw new Failure('conflict', `network ${network.value.name} is being removed by somebody else at this moment`);
    }
    return {};
  },
};

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

async function forget({ store }: Context, network: Found<NetworkRecord>, leaving: Found<Mark>): Promise<boolean> {
  const { id, name, vni } = network.value;
  const { succeeded } = await store.transact(
    [stands(leaving), unchanged(network)],
    [
      put(networkSetKey, id),
      ...[network.key, networkNameKey(name), vniKey(vni), blockSetKey(id), leaving.key].map(remove),
      ...(['blocks', 'reservations', 'endpoints', 'macs'] as const).map((of) => removeRange(ofNetwork(of, id))),
    ],
  );
  return succeeded;
}
