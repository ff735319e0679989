/** What a server tells Prometheus, and whether it can be asked anything. */
import { Failure, isFailure, toFailure } from '../domain/domain.ts';
import type { Metrics, Sample } from '../platform/platform.ts';
import { type NodeView, notReady, type Readiness, ready } from '../protocol/protocol.ts';
import type { Census } from './census.ts';
import type { Context } from './context.ts';
import { statusOf } from './nodes.ts';

/** Those that are always told, be there none. */
const statuses: readonly NodeView['status'][] = ['ready', 'draining', 'suspect', 'down', 'evicted', 'unknown'];

/** A store that takes longer is as good as none. Milliseconds. */
const patienceMs = 2000;

export function tellFigures(metrics: Metrics, context: Context, census: Census): void {
  const { follow, bus } = context;
  metrics.read('gauge', 'trama_nodes', 'Nodes of the cluster, by status.', async () => {
    const counts = new Map<string, number>(statuses.map((status) => [status, 0]));
    for (const node of await census.nodes()) {
      const status = statusOf(context, node);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    return [...counts].map(([status, value]) => ({ labels: { status }, value }));
  });
  metrics.read('gauge', 'trama_connected_nodes', 'Nodes that have a session at this server.', () => {
    return bus.connectedNodes().length;
  });
  metrics.read('gauge', 'trama_servers', 'Servers that are there, this one included.', () => {
    return context.registry.servers().length;
  });
  metrics.read('gauge', 'trama_keeps_house', 'Whether this server does what one server has to do.', () => {
    return context.registry.isKeeper ? 1 : 0;
  });
  metrics.read('gauge', 'trama_workloads', 'Containers that the cluster runs or should run.', () => census.workloads());
  metrics.read('gauge', 'trama_networks', 'Networks of the cluster.', async () => (await census.networks()).length);
  tellNetworks(metrics, census);
  metrics.read('gauge', 'trama_feed_revision', 'The revision of the store up to which the feed has been told.', () => {
    return follow.revision;
  });
  metrics.read(
    'gauge',
    'trama_feed_lag_revisions',
    'Revisions of the store that the feed has not told of yet.',
    async () => {
      const told = follow.revision;
      return Math.max(0, (await storeRevision(context)) - told);
    },
  );
}

function tellNetworks(metrics: Metrics, census: Census): void {
  const perNetwork = async (figures: (each: Awaited<ReturnType<Census['networks']>>[number]) => readonly Sample[]) =>
    (await census.networks()).flatMap((each) =>
      figures(each).map(({ labels, value }) => ({ labels: { network: each.name, ...labels }, value })),
    );
  metrics.read('gauge', 'trama_endpoints', 'Endpoints by network, gateways included.', () =>
    perNetwork(({ endpoints }) => [{ value: endpoints }]),
  );
  metrics.read('gauge', 'trama_addresses', 'Addresses by network: used by endpoints, and free.', () =>
    perNetwork(({ endpoints, freeAddresses }) => [
      { labels: { state: 'used' }, value: endpoints },
      { labels: { state: 'free' }, value: freeAddresses },
    ]),
  );
  metrics.read(
    'gauge',
    'trama_address_blocks',
    'Blocks of addresses by network: leased by nodes, and free to be.',
    () =>
      perNetwork(({ leasedBlocks, freeBlocks }) => [
        { labels: { state: 'leased' }, value: leasedBlocks },
        { labels: { state: 'free' }, value: freeBlocks },
      ]),
  );
}

/** The store answers, and the bus listens: that, it does from before there is a server until its end. */
export async function readiness(context: Context): Promise<Readiness> {
  if (context.signal.aborted) return notReady('the server is stopping');
  try {
    await storeRevision(context);
    return ready;
  } catch (error) {
    return notReady(`the store does not answer: ${toFailure(error).message}`);
  }
}

async function storeRevision({ store, clock }: Context): Promise<number> {
  const timer = new AbortController();
  const late = clock.sleep(patienceMs, timer.signal).then(() => {
    throw new Failure('deadline', `nothing came within ${patienceMs / 1000} s`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([store.revision(), late]);
  } finally {
    timer.abort();
  }
}

/** For the label of that name. */
export const outcomeOf = (error: unknown): string => (isFailure(error) ? error.code : 'internal');
