/**
 * An agent without a host: the parts of a real one, wired to one another as `src/agent/core.ts` does, over a kernel that
 * takes every command and holds nothing. What it does is counted.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Addresses } from '../src/agent/addresses.ts';
import { Clone } from '../src/agent/clone.ts';
import { ClusterView } from '../src/agent/cluster-view.ts';
import { FormerAddresses } from '../src/agent/former-addresses.ts';
import { KeptAddresses } from '../src/agent/kept-addresses.ts';
import { openLocalState } from '../src/agent/local-state.ts';
import { createNetworkPlugin } from '../src/agent/network-plugin.ts';
import type { NetworkPlugin } from '../src/agent/plugin-port.ts';
import { Ports } from '../src/agent/ports.ts';
import { EndpointPublisher } from '../src/agent/publisher.ts';
import { Wiring } from '../src/agent/wiring.ts';
import type { BusClient, FeedMessage } from '../src/bus/bus.ts';
import { base, drivers } from '../src/drivers/table.ts';
import { createReconciler, type Reconciler } from '../src/kernel/kernel.ts';
import { holdPort } from '../src/platform/held-port.ts';
import { type Spawn, silentLog, systemClock } from '../src/platform/platform.ts';
import { ask, clusterTopic, networkTopic, nodeTopic, type TopicSnapshot } from '../src/protocol/protocol.ts';

/** Counted since the start. */
export interface AgentCounts {
  feedMessages: number;
  feedBytes: number;
  mirrorChanges: number;
  /** Entries that the comparison of desired and observed touched. */
  trackerOperations: number;
  /** Lines to `ip`, `bridge` and `nft`. */
  kernelCommands: number;
  /** Times that the kernel's state was listed, which grows with it. */
  kernelListings: number;
}

export interface SimulatedAgent extends AsyncDisposable {
  readonly plugin: NetworkPlugin;
  readonly kernel: Reconciler;
  /** Keys of what it has heard of the network. */
  heard(network: string): ReadonlyMap<string, unknown>;
  counts(): AgentCounts;
  onFeed(message: FeedMessage): void;
  /** Once its connection stands. */
  begin(client: BusClient): void;
}

const mtu = 1500;

export async function simulateAgent(node: string, address: string): Promise<SimulatedAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'trama-simulated-'));
  const state = await openLocalState(directory, () => {});
  const counts = { feedMessages: 0, feedBytes: 0, mirrorChanges: 0, kernelCommands: 0, kernelListings: 0 };
  const [clock, log] = [systemClock, silentLog];
  const view = new ClusterView();
  const kernel = createReconciler({ spawn: countingSpawn(counts), clock, log });
  let client: BusClient | undefined;
  const connected = () => client ?? unconnected(node);
  const api: BusClient | ReturnType<typeof asApi> = asApi(connected);
  const addresses = new Addresses({ node, api, view, state, clock, log });
  const clone = new Clone({
    snapshot: async (topic) => (await ask(api, 'feed.snapshot', { topic })) as TopicSnapshot,
    missed: async (topic, since) => (await ask(api, 'feed.missed', { topic, since })).deltas,
    subscribe: (topic) => connected().subscribe(topic),
    unsubscribe: (topic) => connected().unsubscribe(topic),
    onChanges(topic, changes) {
      counts.mirrorChanges += changes.length;
      if (topic === clusterTopic) view.apply(changes);
      else if (topic === nodeTopic(node)) addresses.apply(changes, true);
      else wiring.applyRemote(topic.slice('network/'.length), changes);
      void kernel.settle();
    },
    log,
    clock,
  });
  const publisher = new EndpointPublisher({
    api,
    written: async () => {},
    endpointsOf: (network) =>
      [...state.endpoints.values()].map((each) => each.record).filter((each) => each.network === network),
    report: (message) => {
      throw new Error(message);
    },
    clock,
    log,
  });
  const wiring = new Wiring(
    {
      ...{ node, kernel, drivers, base, view, addresses, state, clock, log },
      follow: (topic) => clone.follow(topic),
      unfollow: (topic) => clone.unfollow(topic),
      known: (network) => clone.items(networkTopic(network)).values(),
      onEndpoint: (change, endpoint) => publisher[change](endpoint),
      onLocal: () => {},
    },
    { node, address, interface: 'eth0', dockerUser: false },
    mtu,
  );
  const kept = new KeptAddresses({ addresses, state, network: (name) => view.networkNamed(name) });
  const former = new FormerAddresses({
    runtime: { list: async () => [], inspect: () => Promise.reject() },
    engine: { onEvent: () => {}, isMute: async () => false, startedIn: async () => [] },
    ...{ addresses, state, clock, log },
  });
  const ports = new Ports({ hold: holdPort, nameOf: () => undefined, report: () => {}, log });
  const settle = async () => void (await kernel.settle());
  const endGone = async () => false;
  return {
    plugin: createNetworkPlugin({
      ...{ node, view, wiring, addresses, kept, former, ports, state, settle, endGone, clock, log },
      claim: (endpoint) => publisher.claim(endpoint),
      abandon: (endpoint) => publisher.delete(endpoint),
      heard: (network) => clone.untilFresh(networkTopic(network), 2000),
      attached: async () => new Set(),
      refusedForNow: () => {},
    }),
    kernel,
    heard: (network) => clone.items(networkTopic(network)),
    counts: () => ({ ...counts, trackerOperations: kernel.tracker.operations }),
    onFeed(message) {
      counts.feedMessages += 1;
      counts.feedBytes += Buffer.byteLength(message.topic) + Buffer.byteLength(message.data);
      clone.onMessage(message);
    },
    begin(connection) {
      client = connection;
      clone.follow(clusterTopic);
      clone.follow(nodeTopic(node));
      wiring.restore();
    },
    async [Symbol.asyncDispose]() {
      clone[Symbol.dispose]();
      kernel[Symbol.dispose]();
      // What was still on its way to the disk may arrive meanwhile.
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

function asApi(connected: () => BusClient): Pick<BusClient, 'call' | 'open'> {
  return {
    call: (method, params, options) => connected().call(method, params, options),
    open: (method, params) => connected().open(method, params),
  };
}

function unconnected(node: string): never {
  throw new Error(`the simulated agent ${node} is not connected yet`);
}

/** Takes every command; to every question it answers that there is nothing. */
function countingSpawn(counts: { kernelCommands: number; kernelListings: number }): Spawn {
  return async ({ argv, input }) => {
    if (input !== undefined) counts.kernelCommands += input.split('\n').filter(Boolean).length;
    else if (argv.includes('-j') || argv.includes('list')) counts.kernelListings += 1;
    else counts.kernelCommands += 1;
    return { code: 0, stdout: '', stderr: '' };
  };
}
