/**
 * Users who are limited to networks: which containers and networks are theirs. A container is, when it is on networks of theirs and on
 * no other; one without a network of the cluster (the host's, none, another container's), or with others' processes, never is.
 */
import { type Failure, isFailure, type NetworkRecord, type UserRecord, type WorkloadRecord } from '../domain/domain.ts';
import type { ContainerView, NetworkView, NodeView, Result, StatsView } from '../protocol/protocol.ts';
import type { Attachment } from './containers.ts';
import type { Context } from './context.ts';
import { type FoundContainer, findContainer } from './find-container.ts';
import { allOf, networkKey } from './keys.ts';
import { findNetwork } from './network-view.ts';
import { read, readAll } from './records.ts';
import { named } from './sentences.ts';

export interface Theirs {
  readonly ids: ReadonlySet<string>;
  /** Of those that there are. */
  readonly names: ReadonlySet<string>;
  /** For sentences: `outside network app`. */
  readonly only: string;
}

type Refused = (why: string) => Failure;

/** @returns undefined for a user who is not limited */
export async function theirsOf({ store }: Context, { networks }: UserRecord): Promise<Theirs | undefined> {
  if (networks === undefined) return undefined;
  const found = await Promise.all(networks.map((id) => read<NetworkRecord>(store, networkKey(id))));
  const names = found.flatMap((network) => (network ? [network.value.name] : []));
  const which = names.length === 0 ? 'networks that are gone' : `network${names.length > 1 ? 's' : ''} ${named(names)}`;
  return { ids: new Set(networks), names: new Set(names), only: `outside ${which}` };
}

/** @throws Failure `not-found`, and what `refused` makes */
export async function checkTheirNetwork(
  context: Context,
  { ids }: Theirs,
  name: string,
  refused: Refused,
): Promise<void> {
  // The built-in network may not be there before somebody uses it.
  const network = await findNetwork(context, name);
  if (!ids.has(network.value.id)) throw refused(`network ${network.value.name} is another`);
}

/**
 * @param gone whether it is no failure that there is no such container
 * @throws Failure `not-found`, `conflict`, and what `refused` makes
 */
export async function checkTheirs(
  context: Context,
  theirs: Theirs,
  reference: string,
  refused: Refused,
  gone: () => Promise<boolean>,
): Promise<void> {
  let found: FoundContainer;
  try {
    found = await findContainer(context, reference);
  } catch (error) {
    if (isFailure(error, 'not-found') && (await gone())) return;
    throw error;
  }
  // Its endpoints may have been heard of a moment later than it itself.
  await context.follow.reached(await context.store.revision());
  const record = found.kind === 'workload' ? found.workload.value : undefined;
  if (!isTheirs(theirs, record, endpointsOf(context, found.name, found.node)))
    throw refused(`container ${found.name} is not on these alone`);
}

function isTheirs(
  { ids, names }: Theirs,
  workload: WorkloadRecord | undefined,
  endpoints: readonly Attachment[],
): boolean {
  if (endpoints.some(({ network }) => !ids.has(network))) return false;
  if (workload === undefined) return endpoints.length > 0;
  const { networks, networkMode, pid } = workload.spec;
  if (networkMode !== undefined || pid !== undefined) return false;
  return networks.length > 0 && networks.every(({ network }) => names.has(network));
}

const endpointsOf = ({ containers }: Context, name: string, node: string): Attachment[] =>
  containers.called(name, node).flatMap((each) => each.endpoints);

/** What a user who is limited sees of an answer. */
export async function within(context: Context, theirs: Theirs, method: string, result: unknown): Promise<unknown> {
  if (method === 'workload.list') return theirContainers(context, theirs, result as ContainerView[]);
  if (method === 'workload.stats') return theirStats(context, theirs, result as StatsView[]);
  if (method === 'network.list') return (result as NetworkView[]).filter(({ id }) => theirs.ids.has(id));
  if (method === 'node.list') return (result as NodeView[]).map(withoutEvents);
  if (method === 'node.inspect') return withoutEvents(result as NodeView);
  return result;
}

async function theirContainers(
  context: Context,
  theirs: Theirs,
  views: Result<'workload.list'>,
): Promise<ContainerView[]> {
  const workloads = await readAll<WorkloadRecord>(context.store, allOf('workloads'));
  const byId = new Map(workloads.map(({ value }) => [value.id, value]));
  return views.filter(({ managed, id, name, node }) => {
    const workload = managed ? byId.get(id) : undefined;
    if (managed && workload === undefined) return false;
    return isTheirs(theirs, workload, endpointsOf(context, name, node));
  });
}

async function theirStats(context: Context, theirs: Theirs, stats: readonly StatsView[]): Promise<StatsView[]> {
  const workloads = await readAll<WorkloadRecord>(context.store, allOf('workloads'));
  const byName = new Map(workloads.map(({ value }) => [`${value.node}/${value.name}`, value]));
  return stats.filter(({ name, node }) =>
    isTheirs(theirs, byName.get(`${node}/${name}`), endpointsOf(context, name, node)),
  );
}

/** They tell of others' networks and containers. */
const withoutEvents = (node: NodeView): NodeView => ({ ...node, events: [] });
