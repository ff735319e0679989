/**
 * Containers that people started with docker on the cluster's networks: seen as workloads are, and told the same verbs. Their
 * node's engine alone decides about them; the store knows nothing of them but their endpoints.
 */
import { isFailure, type NetworkRecord, parseContainerReference } from '../domain/domain.ts';
import type { ContainerView, EngineContainer } from '../protocol/protocol.ts';
import type { AttachedContainer } from './containers.ts';
import type { Call, Context, Methods } from './context.ts';
import { askItsNode, type FoundContainer, findContainer } from './find-container.ts';
import { allOf, networkKey } from './keys.ts';
import { portsOf } from './ports.ts';
import { read, readAll } from './records.ts';

type Verb = 'workload.inspect' | 'workload.wait' | 'workload.start' | 'workload.stop' | 'workload.remove';
export type Plain = Extract<FoundContainer, { kind: 'plain' }>;

/** Time for the answer to arrive before the caller gives up. Milliseconds. */
const answerMs = 500;
/** Nothing wakes whoever waits for such a container. Milliseconds. */
const lookAgainMs = 500;

/** The verbs for whatever container people name, from those for workloads. An id is a workload's: nothing else is meant. */
export function verbsForAll(workloads: Methods<Verb>): Methods<Verb> {
  const either =
    <M extends Verb>(method: M, plain: (context: Context, found: Plain, params: never, call: Call) => unknown) =>
    async (context: Context, params: { readonly name: string; readonly id?: string }, call: Call) => {
      const verb = workloads[method] as (context: Context, params: unknown, call: Call) => unknown;
      if (params.id !== undefined) {
        return verb(context, { ...params, name: parseContainerReference(params.name).name }, call);
      }
      const found = await findContainer(context, params.name).catch(async (error) => {
        if (method === 'workload.wait' && isFailure(error, 'not-found')) return undefined;
        // Gone, by an earlier try of this request: the verb finds that it has done it.
        if (method === 'workload.remove' && (await context.requests.of(call)?.done()))
          return { kind: 'workload', name: parseContainerReference(params.name).name } as const;
        throw error;
      });
      if (found === undefined) return { since: 0, gone: true, container: null };
      if (found.kind === 'plain') return plain(context, found, params as never, call);
      return verb(context, { ...params, name: found.name }, call);
    };
  return {
    'workload.inspect': either('workload.inspect', inspectPlain),
    'workload.wait': either('workload.wait', waitForPlain),
    'workload.start': either('workload.start', (context, found, { name }: { name: string }, call) =>
      acted(context, found, askItsNode(context, name, found.node, 'container.start', { container: found.name }, call)),
    ),
    'workload.stop': either('workload.stop', stopPlain),
    'workload.remove': either('workload.remove', removePlain),
  } as Methods<Verb>;
}

async function acted(context: Context, found: Plain, said: Promise<EngineContainer>): Promise<ContainerView> {
  return engineView(context, found.node, await said, found.attached);
}

function stopPlain(
  context: Context,
  found: Plain,
  { name, graceSeconds }: { name: string; graceSeconds?: number },
  call: Call,
): Promise<ContainerView> {
  const params = { container: found.name, ...(graceSeconds === undefined ? {} : { graceSeconds }) };
  return acted(context, found, askItsNode(context, name, found.node, 'container.stop', params, call));
}

async function removePlain(
  context: Context,
  found: Plain,
  { name, force }: { name: string; force: boolean },
  call: Call,
): Promise<Record<string, never>> {
  await askItsNode(context, name, found.node, 'container.remove', { container: found.name, force }, call);
  // Its endpoints are gone from the store: who looks next does not see it any more.
  await context.follow.reached(await context.store.revision());
  return {};
}

/** What its engine says; while its node is out of reach, what its endpoints tell. */
async function inspectPlain(
  context: Context,
  found: Plain,
  { name }: { name: string },
  call: Call,
): Promise<ContainerView> {
  try {
    const params = { container: found.name };
    return await acted(context, found, askItsNode(context, name, found.node, 'container.inspect', params, call));
  } catch (error) {
    if (found.attached === undefined || !isFailure(error, 'unavailable')) throw error;
    return plainView(context, found.attached, await networkNames(context, found.attached));
  }
}

async function waitForPlain(
  context: Context,
  found: Plain,
  { name, since, waitMs }: { name: string; since: number; waitMs: number },
  call: Call,
) {
  const until = Math.min(context.clock.now() + waitMs, call.deadline - answerMs);
  for (;;) {
    const now = found.attached === undefined ? undefined : context.containers.called(found.name, found.node)[0];
    if (now === undefined && found.attached !== undefined) return { since, gone: true, container: null };
    // 0 is for whoever has not looked yet.
    const revision = now?.revision ?? 1;
    const left = until - context.clock.now();
    if (since !== revision || left <= 0 || context.signal.aborted) {
      const container = await inspectPlain(context, found, { name }, call);
      return { since: revision, gone: false, container };
    }
    await context.clock.sleep(Math.min(left, lookAgainMs), context.signal).catch(() => {});
  }
}

/** Those that are no workload's, for a listing: at no cost but theirs. @param isWorkloads by node, and name or id */
export async function plainViews(
  context: Context,
  isWorkloads: (container: AttachedContainer) => boolean,
): Promise<ContainerView[]> {
  const plain = [...context.containers.all()].filter((each) => !isWorkloads(each));
  if (plain.length === 0) return [];
  const networks = await readAll<NetworkRecord>(context.store, allOf('networks'));
  const names = new Map(networks.map(({ value }) => [value.id, value.name]));
  return plain.map((each) => plainView(context, each, names));
}

async function networkNames(
  { store }: Context,
  { endpoints }: AttachedContainer,
): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(endpoints.map(({ network }) => network))];
  const networks = await Promise.all(ids.map((id) => read<NetworkRecord>(store, networkKey(id))));
  return new Map(networks.flatMap((network) => (network ? [[network.value.id, network.value.name] as const] : [])));
}

function plainView(context: Context, attached: AttachedContainer, names: ReadonlyMap<string, string>): ContainerView {
  const { node, id, name, image, endpoints } = attached;
  const lost = context.presence.isLost(node);
  return {
    ...unmanaged(node, id, name),
    image,
    status: lost ? 'unknown' : 'running',
    message: lost ? `node ${node} is down: nothing is known of the container` : '',
    exitCode: null,
    startedAt: null,
    ports: portsOf(endpoints),
    networks: endpoints.map(({ network, address, mac }) => ({
      network: names.get(network) ?? network,
      address,
      mac,
    })),
  };
}

export function engineView(
  context: Context,
  node: string,
  said: EngineContainer,
  attached: AttachedContainer | undefined,
): ContainerView {
  const { id, name, image, state, exitCode, startedAt, networks } = said;
  return {
    ...unmanaged(node, id, name),
    image,
    status: statuses[state],
    message: state === 'paused' ? 'paused' : '',
    exitCode,
    startedAt,
    ports: state === 'running' ? portsOf((context.containers.called(id, node)[0] ?? attached)?.endpoints ?? []) : [],
    networks,
  };
}

/** The engine's words in ours. */
const statuses: Readonly<Record<EngineContainer['state'], string>> = {
  created: 'exited',
  running: 'running',
  paused: 'running',
  restarting: 'creating',
  exited: 'exited',
  dead: 'exited',
  removing: 'removing',
};

const unmanaged = (node: string, containerId: string, name: string) => ({
  ...{ name, node, containerId, id: containerId.slice(0, 12), managed: false, command: [] },
  ...{ createdAt: null, restart: null },
});
