/**
 * What one endpoint's coming and going costs in a network of so many endpoints, in counted operations: a real server over
 * the store in memory, two agents, one that has the endpoint and one that hears of it. No time is measured.
 */
import { macOf, type NetworkRecord, parseAddress } from '../src/domain/domain.ts';
import { ask, type Params } from '../src/protocol/protocol.ts';
import { endpointKey, macKey } from '../src/server/keys.ts';
import type { Store, Write } from '../src/store/store.ts';
import { Cluster, facts, until } from '../test/server/cluster.ts';
import { type AgentCounts, type SimulatedAgent, simulateAgent } from './simulated-agent.ts';
import { median } from './statistics.ts';

export interface StoreCounts {
  storeCalls: number;
  /** Entries read and written. */
  storeEntries: number;
}

/** By what is counted, e.g. `server: storeCalls` or `hearing agent: feedBytes`. */
export type Costs = Readonly<Record<string, number>>;

export interface Growth {
  readonly coming: Costs;
  readonly going: Costs;
}

/** Each cost is the median of as many changes: the server's housekeeping may fall into one of them. */
const changes = 5;
const peers = 10;
const dockerNetworkId = 'd'.repeat(64);

export async function costOfAChange(endpoints: number): Promise<Growth> {
  await using resources = new AsyncDisposableStack();
  const store: StoreCounts = { storeCalls: 0, storeEntries: 0 };
  const cluster = resources.use(await Cluster.create('memory', (inner) => counting(inner, store)));
  const server = await cluster.server();
  const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
  for (let peer = 0; peer < peers; peer += 1) await cluster.node(server, `peer${peer}`, `10.0.1.${peer + 1}`);
  await populate(cluster.store, network, endpoints);
  const connect = async (name: string, address: string) => {
    const agent = resources.use(await simulateAgent(name, address));
    const { keys, client: first } = await cluster.node(server, name, address);
    await first[Symbol.asyncDispose]();
    const client = await cluster.connect(server, keys, undefined, (message) => agent.onFeed(message));
    agent.begin(client);
    await ask(client, 'node.register', facts(name, address));
    await until(`${name} knows the network`, () => attempt(agent.plugin.createNetwork(dockerNetwork)));
    return agent;
  };
  const [having, hearing] = [await connect('h1', '10.0.0.1'), await connect('h2', '10.0.0.2')];
  const all = [having, hearing];
  const scene = { network, all, costs: () => snapshot(store, having, hearing) };
  // Both have a container there from the beginning, and so a gateway each.
  for (const [index, agent] of all.entries()) await come({ ...scene, all: [agent] }, agent, `first${index}`);
  await until('both know all', () => all.every((agent) => endpointsHeard(agent.heard(network.id)) === endpoints + 4));
  const [coming, going]: [Costs[], Costs[]] = [[], []];
  for (let change = 0; change < changes; change += 1) {
    const before = await quiet(scene);
    const address = await come(scene, having, `new${change}`);
    const between = await quiet(scene);
    await go(scene, having, `new${change}`, address);
    coming.push(difference(between, before));
    going.push(difference(await quiet(scene), between));
  }
  return { coming: medians(coming), going: medians(going) };
}

/** A network's blocks are beside them. */
const endpointsHeard = (items: ReadonlyMap<string, unknown>): number =>
  [...items.keys()].filter((key) => key.startsWith('endpoint/')).length;

interface Scene {
  readonly network: { readonly id: string };
  readonly all: readonly SimulatedAgent[];
  costs(): Costs;
}

const dockerNetwork = { dockerNetworkId, network: 'app', internal: false, ipv6: false, options: {} };
const reference = (name: string) => ({ dockerNetworkId, endpointId: name.padEnd(64, 'f') });

/** As Docker starts a container; returns when both agents have heard of it. */
async function come({ network, all }: Scene, { plugin }: SimulatedAgent, name: string): Promise<string> {
  const { cidr } = await plugin.requestAddress({ poolId: network.id, gateway: false });
  await plugin.createEndpoint({ ...reference(name), address: cidr, options: {} });
  await plugin.join({ ...reference(name), sandboxPath: `/run/netns/${name}`, options: {} });
  const address = cidr.replace(/\/\d+$/, '');
  await until(`${name} is heard of`, () => all.every((agent) => agent.heard(network.id).has(`endpoint/${address}`)));
  return address;
}

async function go({ network, all }: Scene, { plugin }: SimulatedAgent, name: string, address: string): Promise<void> {
  await plugin.leave(reference(name));
  await plugin.deleteEndpoint(reference(name));
  await plugin.releaseAddress({ poolId: network.id, address });
  await until(`${name} is gone`, () => all.every((agent) => !agent.heard(network.id).has(`endpoint/${address}`)));
}

/** Everything that the last change set off has been done. @returns the counts then */
async function quiet({ all, costs }: Scene): Promise<Costs> {
  await Promise.all(all.map((agent) => agent.kernel.settle()));
  return costs();
}

function snapshot(store: StoreCounts, having: SimulatedAgent, hearing: SimulatedAgent): Costs {
  const named = (who: string, counts: StoreCounts | AgentCounts) =>
    Object.entries(counts).map(([what, count]) => [`${who}: ${what}`, count as number] as const);
  return Object.fromEntries([
    ...named('server', store),
    ...named('agent that has it', having.counts()),
    ...named('agent that hears of it', hearing.counts()),
  ]);
}

function difference(after: Costs, before: Costs): Costs {
  return Object.fromEntries(Object.entries(after).map(([what, count]) => [what, count - (before[what] ?? 0)]));
}

function medians(costs: readonly Costs[]): Costs {
  const whats = Object.keys(costs[0] ?? {});
  return Object.fromEntries(whats.map((what) => [what, median(costs.map((each) => each[what] ?? 0))]));
}

/** Written straight into the store, as ten nodes would have by and by: in the subnet's second half. */
async function populate(store: Store, network: Pick<NetworkRecord, 'id' | 'vni'>, count: number): Promise<void> {
  const writes: Write[] = [];
  for (let index = 0; index < count; index += 1) {
    const address = `10.42.${128 + (index >> 8)}.${index & 255}`;
    const mac = macOf(network.vni, parseAddress(address));
    const peer = index % peers;
    const endpoint: Params<'endpoint.put'>['endpoint'] = {
      id: index < peers ? `gateway-peer${peer}` : `${index}`.padStart(64, '0'),
      network: network.id,
      node: `peer${peer}`,
      kind: index < peers ? 'gateway' : 'container',
      address,
      mac,
    };
    writes.push({ op: 'put', key: endpointKey(network.id, address), value: JSON.stringify(endpoint) });
    writes.push({ op: 'put', key: macKey(network.id, mac), value: JSON.stringify(address) });
  }
  for (let from = 0; from < writes.length; from += 100) await store.transact([], writes.slice(from, from + 100));
}

function counting(store: Store, counts: StoreCounts): Store {
  const note = (entries: number) => {
    counts.storeCalls += 1;
    counts.storeEntries += entries;
  };
  return {
    async get(key) {
      note(1);
      return store.get(key);
    },
    async range(range, options) {
      const found = await store.range(range, options);
      note(found.entries.length);
      return found;
    },
    transact(conditions, writes) {
      note(conditions.length + writes.length);
      return store.transact(conditions, writes);
    },
    async *watch(range, from, signal) {
      for await (const item of store.watch(range, from, signal)) {
        note(item.kind === 'events' ? item.events.length : 0);
        yield item;
      }
    },
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    compact: (revision) => store.compact(revision),
    revision: () => store.revision(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const attempt = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  );
