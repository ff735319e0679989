/** What this host's agent and the servers can be asked. */
import type { NetworkView, NodeView, Result } from '../../protocol/protocol.ts';
import type { ExamineOptions } from '../doctor.ts';
import type { Asked } from '../finding.ts';
import type { ClockFact } from '../judge/clock.ts';
import type { DriftFact } from '../judge/drift.ts';
import type { AgentFact } from '../judge/host.ts';

export interface Cluster {
  readonly nodes: readonly NodeView[];
  readonly networks: readonly NetworkView[];
}

const deadlineMs = 5000;
/** Between two looks at what differs: the agent repairs within a second. */
const repairedMs = 1500;

/** The answer, or the sentence that the failure is. */
export async function asked<T>(work: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    // By this host's files and sockets: what a server refuses, it refuses root as well.
    const codes = [error, (error as Error).cause].map((each) => (each as NodeJS.ErrnoException | undefined)?.code);
    const denied = codes.some((code) => code === 'EACCES' || code === 'EPERM');
    return { notAsked: error instanceof Error ? error.message : String(error), ...(denied ? { denied } : {}) };
  }
}

export function only<T, U>(fact: Asked<T>, part: (value: T) => U): Asked<U> {
  return 'value' in fact ? { value: part(fact.value) } : fact;
}

type Asks = Pick<ExamineOptions, 'api'> & { readonly host: Pick<ExamineOptions['host'], 'clock'> };

export const lookAtCluster = ({ api }: Asks): Promise<Asked<Cluster>> =>
  asked(async () => {
    const [nodes, networks] = await Promise.all([
      api.call('node.list', {}, { deadlineMs }) as Promise<Result<'node.list'>>,
      api.call('network.list', {}, { deadlineMs }) as Promise<Result<'network.list'>>,
    ]);
    return { nodes, networks };
  });

export const lookAtAgent = ({ api }: Asks): Promise<Asked<AgentFact>> =>
  asked(() => api.call('agent.status', {}, { deadlineMs }) as Promise<Result<'agent.status'>>);

export const lookAtClock = ({ api, host }: Asks): Promise<Asked<ClockFact>> =>
  asked(async () => {
    // The first one may open connections.
    await api.call('cluster.clock', {}, { deadlineMs });
    const began = host.clock.now();
    const { now } = (await api.call('cluster.clock', {}, { deadlineMs })) as Result<'cluster.clock'>;
    return { asked: began, server: now, answered: host.clock.now() };
  });

export const lookAtDrift = ({ api, host }: Asks): Promise<Asked<DriftFact>> =>
  asked(async () => {
    const look = async () => ((await api.call('agent.drift', {}, { deadlineMs })) as Result<'agent.drift'>).differences;
    const first = await look();
    if (first.length === 0) return { first, second: [] };
    await host.clock.sleep(repairedMs);
    return { first, second: await look() };
  });
