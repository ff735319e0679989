/**
 * This Trama beside the next: one that says more in every message, asks what nobody knows yet, has kinds, drivers and words of its
 * own, and speaks a further version of the protocol. Over real sockets.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { createAgent } from '../../src/agent/create-agent.ts';
import type { Bus } from '../../src/bus/bus.ts';
import type { VersionRange } from '../../src/bus/session/versions.ts';
import { createZeroMqBus } from '../../src/bus/zeromq/zeromq.ts';
import { type NetworkRecord, parseJoin } from '../../src/domain/domain.ts';
import { silentLog, systemClock } from '../../src/platform/platform.ts';
import { ask, clusterTopic } from '../../src/protocol/protocol.ts';
import { createServer } from '../../src/server/create-server.ts';
import { networkKey, nodeKey, workloadKey } from '../../src/server/keys.ts';
import type { Server, ServerOptions } from '../../src/server/server.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { agentOptions, FakeEngine } from '../server/agent-host.ts';
import { Cluster, facts, spec, until } from '../server/cluster.ts';

const host = '127.0.0.1';
const listen = { address: host, ports: { requests: 0, feed: 0 } };
const next: VersionRange = { lowest: 1, highest: 2 };
const tomorrow = { tomorrow: { of: ['more', 1] } };

let directory: string;
let resources: AsyncDisposableStack;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'next-'));
  resources = new AsyncDisposableStack();
});
afterEach(async () => {
  await resources.disposeAsync();
  // What an agent leaves going may still be writing.
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** To whatever is an object, and to all objects in it, something that nobody knows. */
function moreOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moreOf);
  if (typeof value !== 'object' || value === null) return value;
  const more = Object.entries(value).map(([key, each]) => [
    key,
    key === 'labels' || key === 'topics' ? each : moreOf(each),
  ]);
  return { ...Object.fromEntries(more), ...tomorrow };
}

/** The next version's bus: both what it answers and what it asks say more. */
function nextBus(): Bus {
  const bus = createZeroMqBus({ log: silentLog, versions: next });
  return {
    ...bus,
    async serve(options) {
      const { handler } = options;
      const call: typeof handler.call = async (...asked) => moreOf(await handler.call(...asked));
      const server = await bus.serve({ ...options, handler: { ...handler, call } });
      const publish = server.publish.bind(server);
      server.publish = (message) => {
        const items = [...JSON.parse(message.data), { key: 'tomorrow/x', value: { kind: 'tomorrow', is: 1 } }];
        publish({ ...message, data: JSON.stringify(moreOf(items)) });
      };
      return server;
    },
    async connect(options) {
      const client = await bus.connect(options);
      const call = client.call.bind(client);
      client.call = (method, params, more) => call(method, moreOf(params), more);
      return client;
    },
  };
}

async function serve(bus: Bus, more: Partial<ServerOptions> = {}) {
  const store: Store = more.store ?? resources.use(createMemoryStore({ clock: systemClock }));
  const keys = more.keys ?? bus.generateKeys();
  const server = await createServer({
    ...{ bus, clock: systemClock, log: silentLog, listen, version: '0.2.0' },
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    hostAnswers: async () => true,
    ...{ ...more, store, keys },
  });
  return { server: resources.use(server), store, keys };
}

async function join1(server: Server, bus: Bus): Promise<{ agent: Agent; engine: FakeEngine }> {
  const engine = new FakeEngine();
  const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
  const agent = resources.use(
    await createAgent({
      ...agentOptions(join(directory, 'agent'), bus, engine),
      join: parseJoin(`${token}@${host}:${server.ports.requests}`, server.ports.requests),
    }),
  );
  engine.made = (dockerNetworkId, network) =>
    agent.plugin.createNetwork({ dockerNetworkId, network, internal: false, ipv6: false, options: {} });
  return { agent, engine };
}

const write = (store: Store, key: string, value: unknown) =>
  store.transact([], [{ op: 'put', key, value: JSON.stringify(value) }]);
const stored = async <T>(store: Store, key: string) => JSON.parse((await store.get(key))?.value ?? 'null') as T;

/** What the next version has made already: a network of a driver of its own, one that needs something, and more in each. */
async function tomorrowsNetworks(store: Store, like: NetworkRecord): Promise<void> {
  const base = { ...like, ...tomorrow };
  await write(store, networkKey('aaaaaaaaaaaa'), {
    ...base,
    id: 'aaaaaaaaaaaa',
    name: 'mesh',
    driver: 'mesh',
    vni: 20_001,
  });
  await write(store, networkKey('bbbbbbbbbbbb'), {
    ...base,
    id: 'bbbbbbbbbbbb',
    name: 'secret',
    needs: ['encryption'],
    vni: 20_002,
  });
}

/** The agent is in the network: the servers list its endpoint. */
async function takesPart(agent: Agent, server: Server, network: string, endpoint: string): Promise<void> {
  const { address } = await agent.plugin.createEndpoint({
    ...{ dockerNetworkId: `docker-${network}`, endpointId: endpoint.repeat(64), options: {} },
  });
  await until(`${network} has it`, async () => {
    const { containers } = await ask(server, 'network.inspect', { name: network });
    return containers.some((each) => `${each.address}/16` === address);
  });
}

test('an agent of this version in a cluster of the next: what it does not know it stays out of, and says so', async () => {
  const { server, store } = await serve(nextBus());
  const app = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
  const { id, name } = app;
  await tomorrowsNetworks(store, (await stored<NetworkRecord>(store, networkKey(id))) as NetworkRecord);
  const { agent, engine } = await join1(server, createZeroMqBus({ log: silentLog }));
  agent.run();
  await until('it knows the networks', () => engine.networks.size === 3);
  await takesPart(agent, server, name, 'e');
  for (const network of ['mesh', 'secret'])
    await expect(
      agent.plugin.createEndpoint({ dockerNetworkId: `docker-${network}`, endpointId: 'f'.repeat(64), options: {} }),
    ).rejects.toMatchObject({ message: expect.stringMatching(/which Trama on this host is too old for: upgrade it/) });
  // One that comes while it runs, beside one that it knows.
  await write(store, networkKey('cccccccccccc'), {
    ...app,
    id: 'cccccccccccc',
    name: 'later',
    driver: 'warp',
    vni: 20_003,
  });
  await ask(server, 'network.create', { name: 'more', subnet: '10.47.0.0/16' });
  await until('it knows these, too', () => engine.networks.size === 5);
  await takesPart(agent, server, 'more', 'd');
  await until('it says so', async () => {
    const messages = (await ask(server, 'node.inspect', { name: 'h1' })).events.map(({ message }) => message);
    return ['driver "mesh"', '"encryption"', 'driver "warp"'].every((what) =>
      messages.some((one) => one.includes(what)),
    );
  });
  // And again after its restart, with all that on its disk.
  await agent[Symbol.asyncDispose]();
  const again = resources.use(
    await createAgent(agentOptions(join(directory, 'agent'), createZeroMqBus({ log: silentLog }), engine)),
  );
  again.run();
  await until('it is back', async () => ((await again.call('agent.status', {})) as { link: string }).link === 'ready');
  await takesPart(again, server, 'app', 'c');
});

test('an agent of the next version in a cluster of this one: what it says more is passed over', async () => {
  const { server } = await serve(createZeroMqBus({ log: silentLog }));
  const bus = nextBus();
  const { agent, engine } = await join1(server, bus);
  agent.run();
  await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await until('it knows the network', () => engine.networks.size === 1);
  await takesPart(agent, server, 'app', 'e');
  await expect(agent.call('node.tomorrow', { name: 'h1' })).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringMatching(/a server does not know "node.tomorrow": is it of another version/),
  });
  expect((await ask(server, 'node.inspect', { name: 'h1' })).status).toBe('ready');
});

test('words that this version does not have yet, in what a node says of itself, are passed on', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const h1 = await cluster.node(server, 'h1', '10.0.0.1', { facts: { version: '0.7.0' } });
  const app = await ask(server, 'network.create', { name: 'app' });
  const { cidr } = await h1.ask('block.lease', { network: app.id });
  const [address = ''] = cidr.split('/');
  const plain = h1.endpoint(app, address);
  const ports = [{ hostPort: 53, containerPort: 53, protocol: 'sctp' }];
  const endpoint = { ...plain, kind: 'service', ports } as unknown as typeof plain;
  expect(await h1.ask('endpoint.sync', { network: app.id, endpoints: [endpoint] })).toEqual({ refused: [] });
  await h1.ask('node.event', { kind: 'warning' as never, message: 'mind the gap', time: 1 });
  await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
  const { id } = await ask(server, 'workload.inspect', { name: 'web' });
  const status = {
    name: 'web',
    id,
    node: 'h1',
    generation: 1,
    phase: 'thawing' as never,
    message: 'slowly',
    networks: [],
  };
  await h1.ask('workload.report', { status });
  expect((await ask(server, 'workload.inspect', { name: 'web' })).status).toBe('thawing');
  const node = await ask(server, 'node.inspect', { name: 'h1' });
  expect(node.events).toContainEqual({ kind: 'info', message: 'mind the gap', time: 1 });
  expect(node.skew).toMatch(/more than a release newer than the server's 0.1.0: upgrade the servers/);
});

test('servers of this version and of the next over one store: what the next has added survives what this one writes', async () => {
  await using cluster = await Cluster.create();
  const [one, other] = [await cluster.server(), await cluster.server()];
  const h1 = await cluster.node(one, 'h1', '10.0.0.1');
  await ask(one, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
  const keys = [nodeKey('h1'), workloadKey('web')];
  for (const key of keys) {
    const record = await stored<Record<string, unknown> & { spec?: object }>(cluster.store, key);
    await write(cluster.store, key, {
      ...{ ...record, ...tomorrow },
      ...(record.spec === undefined ? {} : { spec: { ...record.spec, ...tomorrow } }),
    });
  }
  await write(cluster.store, '/trama/tomorrow/x', { a: 1 });
  await ask(other, 'node.drain', { name: 'h1', drained: true });
  await h1.ask('node.register', { ...facts('h1', '10.0.0.1'), engine: 'Docker 99' });
  await ask(other, 'workload.stop', { name: 'web' });
  expect(await stored(cluster.store, nodeKey('h1'))).toMatchObject({ drained: true, engine: 'Docker 99', ...tomorrow });
  expect(await stored(cluster.store, workloadKey('web'))).toMatchObject({
    ...{ desired: 'stopped', spec: tomorrow },
    ...tomorrow,
  });
  // And agents of the next version hear of it.
  const { items } = await h1.ask('feed.snapshot', { topic: clusterTopic });
  expect(items.find(({ key }) => key === 'node/h1')?.value).toMatchObject({ node: tomorrow });
});

test('an agent whose protocol the servers have given up says what to upgrade, and is back when that is done', {
  timeout: 30_000,
}, async () => {
  const serving = (versions: VersionRange) => createZeroMqBus({ log: silentLog, versions });
  const first = await serve(serving(next));
  const { agent } = await join1(first.server, createZeroMqBus({ log: silentLog }));
  agent.run();
  const status = async () => (await agent.call('agent.status', {})) as { link: string; message: string };
  const becomes = (link: string) => until(link, async () => (await status()).link === link, 12_000);
  await becomes('ready');
  const same = { keys: first.keys, store: first.store, listen: { address: host, ports: first.server.ports } };
  await first.server[Symbol.asyncDispose]();
  const newer = await serve(serving({ lowest: 2, highest: 3 }), same);
  await becomes('refused');
  expect((await status()).message).toMatch(
    /^Trama on this host is too old for the server: the server speaks versions 2 to 3 .*, this host version 1\. Upgrade/,
  );
  await newer.server[Symbol.asyncDispose]();
  await serve(serving(next), same);
  await becomes('ready');
});
