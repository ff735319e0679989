/** Containers as people see them: what should be, what its node says of it, and whether that node is heard of. */
import { Failure, quoted, type WorkloadRecord, type WorkloadStatus } from '../domain/domain.ts';
import type { ContainerView } from '../protocol/protocol.ts';
import type { Context, Methods } from './context.ts';
import { allOf, statusKey, workloadKey } from './keys.ts';
import { plainViews } from './plain-containers.ts';
import { portsOf, portText } from './ports.ts';
import { type Found, read, readAll } from './records.ts';

/** The longest that a `workload.wait` is kept waiting. Milliseconds. */
const longestWaitMs = 60_000;
/** Time for the answer to arrive before the caller gives up. Milliseconds. */
const answerMs = 500;

export const workloadViewMethods: Methods<'workload.list' | 'workload.inspect' | 'workload.wait'> = {
  'workload.list': async (context) => {
    const workloads = await readAll<WorkloadRecord>(context.store, allOf('workloads'));
    const statuses = await readAll<WorkloadStatus>(context.store, allOf('statuses'));
    const byName = new Map(statuses.map(({ value }) => [value.name, value]));
    const views = workloads.map(({ value }) => containerView(context, value, byName.get(value.name)));
    const own = new Set(views.flatMap(({ node, name, containerId }) => [`${node}/${name}`, `${node}/${containerId}`]));
    const plain = await plainViews(
      context,
      ({ node, name, id }) => own.has(`${node}/${name}`) || own.has(`${node}/${id}`),
    );
    return [...views, ...plain].sort((a, b) => (`${a.name} ${a.node}` < `${b.name} ${b.node}` ? -1 : 1));
  },

  'workload.inspect': (context, { name }) => workloadView(context, name),

  'workload.wait': async (context, { name, id, since, waitMs }, { deadline }) => {
    const until = Math.min(context.clock.now() + Math.min(waitMs, longestWaitMs), deadline - answerMs);
    for (;;) {
      using next = context.waiters.next(name);
      const now = await lookAt(context, name, id, since);
      const left = until - context.clock.now();
      if (now.container === null || now.since !== since || left <= 0 || context.signal.aborted) return now;
      const limit = new AbortController();
      await Promise.race([next.happened, context.clock.sleep(left, limit.signal).catch(() => {})]);
      limit.abort();
    }
  },
};

/**
 * The counter is twice the store's revision of the last write to the workload or its status, the same at every server;
 * and odd while its node is down.
 */
async function lookAt(context: Context, name: string, id: string | undefined, since: number) {
  const { workload, status } = await readBoth(context, name);
  if (!workload || isAnother(workload, id)) return { since, gone: true, container: null };
  return {
    since: 2 * Math.max(workload.revision, status?.revision ?? 0) + (isLost(context, workload.value) ? 1 : 0),
    gone: false,
    container: containerView(context, workload.value, status?.value),
  };
}

/** @throws Failure `not-found` */
export async function workloadView(context: Context, name: string): Promise<ContainerView> {
  const { workload, status } = await readBoth(context, name);
  if (!workload) throw noSuchContainer(name);
  const view = containerView(context, workload.value, status?.value);
  return { ...view, spec: structuredClone(workload.value.spec) as ContainerView['spec'] };
}

async function readBoth({ store }: Context, name: string) {
  const [workload, status] = await Promise.all([
    read<WorkloadRecord>(store, workloadKey(name)),
    read<WorkloadStatus>(store, statusKey(name)),
  ]);
  return { workload, status };
}

/** @param id if it has to be that one @throws Failure `not-found` */
export async function findWorkload({ store }: Context, name: string, id?: string): Promise<Found<WorkloadRecord>> {
  const workload = await read<WorkloadRecord>(store, workloadKey(name));
  if (workload && !isAnother(workload, id)) return workload;
  throw noSuchContainer(name);
}

/** A later one of the same name. */
const isAnother = ({ value }: Found<WorkloadRecord>, id: string | undefined): boolean =>
  id !== undefined && value.id !== id;

function noSuchContainer(name: string): Failure {
  return new Failure('not-found', `there is no container ${quoted(name)}: \`trama ps\` shows those there are`);
}

export function containerView(context: Context, workload: WorkloadRecord, status?: WorkloadStatus): ContainerView {
  // A status of an earlier workload of the same name is none of this one.
  const said = status?.id === workload.id ? status : undefined;
  const { name, id, node, spec, createdAt } = workload;
  const lost = isLost(context, workload);
  return {
    name,
    id,
    node,
    image: spec.image,
    command: [...spec.command],
    managed: true,
    status: lost ? 'unknown' : phaseOf(workload, said),
    message: lost ? `node ${node} is down: nothing is known of the container` : (said?.message ?? ''),
    exitCode: said?.exitCode ?? null,
    containerId: said?.containerId ?? '',
    createdAt,
    startedAt: said?.startedAt ?? null,
    restart: spec.restart,
    ports: publishedBy(context, workload, said),
    networks: (said?.networks ?? []).map((network) => ({ ...network })),
    labels: { ...spec.labels },
  };
}

/** What is really published; as long as nothing is, what shall be. */
function publishedBy({ containers }: Context, { name, node, spec }: WorkloadRecord, said?: WorkloadStatus): string[] {
  const [attached] = [...containers.called(name, node), ...containers.called(said?.containerId ?? '', node)];
  const real = portsOf(attached?.endpoints ?? []);
  return real.length > 0 ? real : spec.ports.map(portText);
}

const isLost = ({ presence }: Context, { node }: WorkloadRecord): boolean => presence.isLost(node);

function phaseOf(workload: WorkloadRecord, status: WorkloadStatus | undefined): string {
  if (workload.desired === 'removed') {
    const failing = status?.phase === 'failed' && status.generation === workload.generation;
    return failing ? 'failed' : 'removing';
  }
  if (status === undefined) return 'pending';
  // How an earlier start ended says nothing of the one that was asked for since.
  const over = status.phase === 'exited' || status.phase === 'failed';
  if (over && workload.desired === 'running' && status.generation < workload.generation) return 'pending';
  return status.phase;
}
