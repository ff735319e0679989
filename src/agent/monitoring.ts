/** What an agent has, for Prometheus, and whether it is ready for containers. Looked at only when somebody asks. */
import { droppingFilters } from '../drivers/table.ts';
import { readDrops } from '../kernel/kernel.ts';
import type { Clock, Metrics, Sample, Spawn } from '../platform/platform.ts';
import { clusterTopic, networkTopic, nodeTopic, notReady, type Readiness, ready } from '../protocol/protocol.ts';
import type { ContainerRuntime, RuntimeStatus } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import type { Clone } from './clone.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LocalState } from './local-state.ts';
import type { Membership } from './membership.ts';
import type { Wiring } from './wiring.ts';
import type { Workloads } from './workloads.ts';

export interface MonitoringParts {
  readonly agent: { readonly spawn: Spawn; readonly runtime: ContainerRuntime; readonly clock: Clock };
  readonly node: string;
  readonly metrics: Metrics;
  readonly membership: Pick<Membership, 'connected' | 'refused' | 'registered' | 'status'>;
  readonly clone: Pick<Clone, 'isFresh' | 'items' | 'progress'>;
  readonly view: ClusterView;
  readonly wiring: Pick<Wiring, 'attached'>;
  readonly addresses: Pick<Addresses, 'counts'>;
  readonly workloads: Pick<Workloads, 'wanted'>;
  readonly state: Pick<LocalState, 'endpoints'>;
  leaving(): boolean;
}

/** What costs a command or a question to others is as old as this at most, however often somebody asks. Milliseconds. */
const oldestMs = 5000;
/** An engine that takes longer to answer is as good as none. */
const engineMs = 2000;
/** Heartbeats are answered every 5 s. */
const silenceMs = 20_000;

/** @returns whether it is ready */
export function monitor(parts: MonitoringParts): () => Promise<Readiness> {
  const { agent, metrics } = parts;
  const engine = recent(agent.clock, () => engineStatus(agent));
  tellOwn(parts);
  tellNetworks(parts);
  tellFeed(parts);
  metrics.read('gauge', 'trama_engine_available', 'Whether the container engine answers.', async () =>
    (await engine()).available ? 1 : 0,
  );
  const drops = recent(agent.clock, () => readAllDrops(agent.spawn));
  metrics.read('counter', 'trama_dropped_packets_total', 'Packets that a filter of ours dropped.', drops);
  return () => readiness(parts, engine);
}

function tellOwn({ metrics, membership, workloads, view, wiring }: MonitoringParts): void {
  const flag = (value: boolean) => (value ? 1 : 0);
  metrics.read('gauge', 'trama_connected', 'Whether a server answers.', () => flag(membership.connected));
  metrics.read('gauge', 'trama_registered', 'Whether the servers know this host as it is.', () =>
    flag(membership.connected && membership.registered),
  );
  metrics.read(
    'gauge',
    'trama_workloads',
    'Containers that the cluster wants on this host.',
    () => workloads.wanted().size,
  );
  metrics.read('gauge', 'trama_networks', 'Networks of the cluster.', () => [...view.networks()].length);
  metrics.read('gauge', 'trama_attached_networks', 'Networks that this host is on.', () => wiring.attached().length);
}

function tellNetworks({ metrics, view, wiring, clone, addresses, state }: MonitoringParts): void {
  const nameOf = (id: string) => view.network(id)?.name ?? id;
  metrics.read('gauge', 'trama_endpoints', 'Endpoints of this host by network, its gateway included.', () => {
    const counts = new Map(wiring.attached().map(({ id }) => [id, 0]));
    for (const { record } of state.endpoints.values())
      counts.set(record.network, (counts.get(record.network) ?? 0) + 1);
    return [...counts].map(([id, value]) => ({ labels: { network: nameOf(id) }, value }));
  });
  metrics.read('gauge', 'trama_known_endpoints', 'Endpoints of all hosts that this one has heard of, by network.', () =>
    wiring.attached().map(({ id, name }) => ({ labels: { network: name }, value: clone.items(networkTopic(id)).size })),
  );
  metrics.read('gauge', 'trama_addresses', 'Addresses that this host may give, by network: used, resting, free.', () =>
    [...addresses.counts()].flatMap(({ network, ...counts }) =>
      Object.entries(counts).map(([label, value]) => ({ labels: { network: nameOf(network), state: label }, value })),
    ),
  );
}

function tellFeed({ metrics, clone, agent }: MonitoringParts): void {
  metrics.read('gauge', 'trama_feed_revision', 'The newest revision of the store that was heard of.', () => {
    return clone.progress().revision;
  });
  metrics.read('gauge', 'trama_feed_topics', 'Topics of the feed that are followed.', () => clone.progress().topics);
  metrics.read(
    'gauge',
    'trama_feed_topics_behind',
    'Topics of which a server has told more than is known here.',
    () => {
      return clone.progress().behind;
    },
  );
  metrics.read('gauge', 'trama_feed_silence_seconds', 'How long ago a server was last heard.', () => {
    const { heardAt } = clone.progress();
    return heardAt === undefined ? [] : Math.max(0, agent.clock.now() - heardAt) / 1000;
  });
}

async function readAllDrops(spawn: Spawn): Promise<readonly Sample[]> {
  const counts = new Map<string, number>();
  await Promise.all(
    droppingFilters.map(async ({ ns, family, chains }) => {
      for (const filter of Object.values(chains)) counts.set(filter, counts.get(filter) ?? 0);
      for (const { chain, packets } of await readDrops(spawn, ns, family)) {
        const filter = chains[chain];
        if (filter !== undefined) counts.set(filter, (counts.get(filter) ?? 0) + packets);
      }
    }),
  );
  return [...counts].map(([filter, value]) => ({ labels: { filter }, value }));
}

async function readiness(parts: MonitoringParts, engine: () => Promise<RuntimeStatus>): Promise<Readiness> {
  const { membership, clone, node, agent } = parts;
  if (parts.leaving()) return notReady('this host is leaving the cluster');
  const { message } = membership.status();
  if (membership.refused) return notReady(`the servers refuse this host: ${message}`);
  if (!membership.connected)
    return notReady(`no server answers: ${message}; containers that run are not touched by that`);
  if (!membership.registered) return notReady('the servers have not been told yet how this host is now');
  if (![clusterTopic, nodeTopic(node)].every((topic) => clone.isFresh(topic)))
    return notReady('the servers have not told yet what belongs to this host');
  const silence = agent.clock.now() - (clone.progress().heardAt ?? 0);
  if (silence > silenceMs) return notReady(`nothing has been heard of the servers for ${Math.round(silence / 1000)} s`);
  const { available, message: engineMessage } = await engine();
  return available ? ready : notReady(engineMessage);
}

async function engineStatus({ runtime, clock }: MonitoringParts['agent']): Promise<RuntimeStatus> {
  const timer = new AbortController();
  const late = clock.sleep(engineMs, timer.signal).then(
    () => ({ available: false, message: `the container engine has not answered for ${engineMs / 1000} s` }),
    () => ({ available: false, message: '' }),
  );
  try {
    return await Promise.race([runtime.status(), late]);
  } finally {
    timer.abort();
  }
}

/** The last answer for a while, and one question at a time. */
function recent<T>(clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    const now = clock.now();
    if (last === undefined || now - last.at >= oldestMs) {
      const answer = ask();
      last = { at: now, answer };
      answer.catch(() => {
        last = undefined;
      });
    }
    return last.answer;
  };
}
