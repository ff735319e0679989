/** Containers as people see them: what should be, what its node says of it, and whether that node is heard of. */
import { Failure, type PublishedPort, quoted, type WorkloadRecord, type WorkloadStatus } from '../domain/domain.ts';
import type { ContainerView } from '../protocol/protocol.ts';
import type { Context, Methods } from './context.ts';
import { allOf, statusKey, workloadKey } from './keys.ts';
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
    return workloads.map(({ value }) => containerView(context, value, byName.get(value.name)));
  },

  'workload.inspect': async (context, { name }) => {
    const { workload, status } = await readBoth(context, name);
    if (!workload) throw noSuchContainer(name);
    return containerView(context, workload.value, status?.value);
  },

  'workload.wait': async (context, { name, since, waitMs }, { deadline }) => {
    const until = Math.min(context.clock.now() + Math.min(waitMs, longestWaitMs), deadline - answerMs);
    for (;;) {
      using next = context.waiters.next(name);
      const now = await lookAt(context, name, since);
      const left = until - context.clock.now();
      if (now.container === null || now.since !== since || left <= 0 || context.signal.aborted) return now;
      const limit = new AbortController();
      // A node that goes silent is no event.
      const quietMs = Math.min(left, context.presence.downIn(now.container.node));
      await Promise.race([next.happened, context.clock.sleep(quietMs, limit.signal).catch(() => {})]);
      limit.abort();
    }
  },
};

/**
 * The counter is twice the store's revision of the last write to the workload or its status, the same at every server;
 * and odd while its node is down.
 */
async function lookAt(context: Context, name: string, since: number) {
  const { workload, status } = await readBoth(context, name);
  if (!workload) return { since, gone: true, container: null };
  return {
    since: 2 * Math.max(workload.revision, status?.revision ?? 0) + (isLost(context, workload.value) ? 1 : 0),
    gone: false,
    container: containerView(context, workload.value, status?.value),
  };
}

async function readBoth({ store }: Context, name: string) {
  const [workload, status] = await Promise.all([
    read<WorkloadRecord>(store, workloadKey(name)),
    read<WorkloadStatus>(store, statusKey(name)),
  ]);
  return { workload, status };
}

/** @throws Failure `not-found` */
export async function findWorkload({ store }: Context, name: string): Promise<Found<WorkloadRecord>> {
  const workload = await read<WorkloadRecord>(store, workloadKey(name));
  if (workload) return workload;
  throw noSuchContainer(name);
}

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
    status: lost ? 'unknown' : phaseOf(workload, said),
    message: lost ? `node ${node} is down: nothing is known of the container` : (said?.message ?? ''),
    exitCode: said?.exitCode ?? null,
    containerId: said?.containerId ?? '',
    createdAt,
    startedAt: said?.startedAt ?? null,
    restart: spec.restart,
    ports: spec.ports.map(portText),
    networks: (said?.networks ?? []).map((network) => ({ ...network })),
  };
}

const isLost = ({ presence }: Context, { node }: WorkloadRecord): boolean => presence.state(node) === 'down';

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

/** As docker writes it: `8080->80/tcp`, `10.0.0.1:8080->80/tcp`. */
function portText({ hostAddress, hostPort, containerPort, protocol }: PublishedPort): string {
  const host = hostAddress === undefined ? '' : `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:`;
  return `${host}${hostPort}->${containerPort}/${protocol}`;
}
