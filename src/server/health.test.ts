import { describe, expect, test } from 'vitest';
import { Cluster, facts, Mirror, type Node, refusal, spec, until } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { Failure, type NodeRecord } from '../domain/domain.ts';
import { ask, clusterTopic } from '../protocol/protocol.ts';
import { nodeKey, reservationKey } from './keys.ts';
import { put, type StoredNode } from './records.ts';
import type { Server } from './server.ts';

const statusOf = async (server: Server, name: string) => (await ask(server, 'node.inspect', { name })).status;
const becomes = (server: Server, name: string, status: string) =>
  until(`${name} is ${status}`, async () => (await statusOf(server, name)) === status, patienceMs);
/** A tick, its writes, and others' work beside it. */
const patienceMs = 15_000;
const beat = (node: Node) => node.ask('node.heartbeat', { topics: {} });

/** An agent that says whether it reaches others; undefined: that does not know the question. */
const reaching = (answered: boolean | undefined): RequestHandler => ({
  async call(method) {
    if (method === 'agent.reach' && answered !== undefined) return { answered };
    throw new Failure('not-found', `an agent does not know ${method}`);
  },
  open: () => Promise.reject(new Error('nothing to open')),
});

/** Three nodes, of which one has fallen silent; the others go on. */
async function oneSilent(cluster: Cluster, server: Server, handlers: readonly (RequestHandler | undefined)[] = []) {
  const [h1, h2, h3] = await Promise.all(
    [1, 2, 3].map((i) => {
      const handler = handlers[i - 1];
      return cluster.node(server, `h${i}`, `10.0.0.${i}`, handler === undefined ? {} : { handler });
    }),
  );
  if (h1 === undefined || h2 === undefined || h3 === undefined) throw new Error('three nodes');
  return { h1, h2, h3, pass: (ms: number) => pass(cluster, ms, [h2, h3]) };
}

/** Time goes on; these are heard all the while. */
async function pass(cluster: Cluster, ms: number, heard: readonly Node[]) {
  cluster.clock.step(ms);
  await Promise.all(heard.map(beat));
}

async function fenced(server: Server, name: string): Promise<boolean> {
  const mirror = new Mirror(clusterTopic);
  await mirror.snapshot(server);
  return (mirror.items.get(`node/${name}`) as { node: NodeRecord }).node.fenced ?? false;
}

describe('many that fall silent at once', { timeout: 30_000 }, () => {
  test('are all suspect, and a few of them are looked into', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const names = Array.from({ length: 12 }, (_, i) => `h${i + 1}`);
    for (const [i, name] of names.entries()) await cluster.node(server, name, `10.0.0.${i + 1}`);
    let [looking, most] = [0, 0];
    cluster.hostAnswers = async () => {
      looking += 1;
      most = Math.max(most, looking);
      await new Promise((resolve) => setTimeout(resolve, 500));
      looking -= 1;
      return false;
    };
    cluster.clock.step(14_950);
    const recorded = async (name: string) => {
      const entry = await cluster.store.get(nodeKey(name));
      return entry !== undefined && (JSON.parse(entry.value) as StoredNode).health !== undefined;
    };
    await until('all are suspect', async () => (await Promise.all(names.map(recorded))).every(Boolean), patienceMs);
    await until('some are looked into', () => most >= 8, patienceMs);
    expect(most).toBe(8);
  });
});

describe('a silent node', { timeout: 30_000 }, () => {
  test('is suspect, then down: its peers hear that it is fenced; the others are as they were', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { pass } = await oneSilent(cluster, server);
    await pass(14_950);
    await becomes(server, 'h1', 'suspect');
    expect(await fenced(server, 'h1')).toBe(false);
    await pass(100);
    await becomes(server, 'h1', 'down');
    expect(await fenced(server, 'h1')).toBe(true);
    expect(await statusOf(server, 'h2')).toBe('ready');
    expect(await fenced(server, 'h2')).toBe(false);
  });

  test('is not silent before its next word is due, as it has promised, whatever it says in between; then it is', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h1, pass } = await oneSilent(cluster, server);
    const promise = async (nextMs: number) =>
      expect(await h1.ask('node.heartbeat', { topics: {}, nextMs })).toMatchObject({ waits: true });
    await pass(15_000);
    await promise(5000);
    await beat(h1);
    await pass(18_500);
    expect(await statusOf(server, 'h1')).toBe('ready');
    await pass(500);
    await becomes(server, 'h1', 'suspect');
    await beat(h1);
    await becomes(server, 'h1', 'ready');
    // Nobody is believed for longer than ten seconds.
    await promise(3_600_000);
    await pass(23_500);
    expect(await statusOf(server, 'h1')).toBe('ready');
    await pass(500);
    await becomes(server, 'h1', 'suspect');
  });

  test('is back with its next heartbeat, with all it had', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h1, pass } = await oneSilent(cluster, server);
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    expect((await beat(h1)).evicted).toBe(false);
    await becomes(server, 'h1', 'ready');
    expect(await fenced(server, 'h1')).toBe(false);
    expect((await ask(server, 'workload.inspect', { name: 'web' })).node).toBe('h1');
    const { events } = await ask(server, 'node.inspect', { name: 'h1' });
    expect(events.map(({ message }) => message)).toEqual([expect.stringMatching(/^down: /), 'back, with all it had']);
  });

  test('is told to be back also when its agent registers before its next heartbeat', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h1, pass } = await oneSilent(cluster, server);
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    await h1.ask('node.register', facts('h1', '10.0.0.1'));
    await becomes(server, 'h1', 'ready');
    await beat(h1);
    const { events } = await ask(server, 'node.inspect', { name: 'h1' });
    expect(events.map(({ message }) => message)).toEqual([expect.stringMatching(/^down: /), 'back, with all it had']);
  });

  test.each([
    { answers: false, connected: true, says: /host 10.0.0.1 does not answer: it is off, or a link/ },
    { answers: true, connected: true, says: /answers, and its agent is connected and says nothing: it is paused/ },
    { answers: true, connected: false, says: /answers, its agent is not connected: it has been stopped/ },
  ])('is told why, as far as can be seen: $says', async ({ answers, connected, says }) => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    if (answers) cluster.answering.add('10.0.0.1');
    const { h1, pass } = await oneSilent(cluster, server);
    if (!connected) await h1.client[Symbol.asyncDispose]();
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    await until('it is told', async () => says.test((await ask(server, 'node.inspect', { name: 'h1' })).reason));
  });

  test.each([
    { knocks: false, peers: [true, true], says: /not heard here, though h2 and h3 can reach it: the path from it to/ },
    { knocks: false, peers: [false, true], says: /not heard here, though h3 can reach it: the path from it to this/ },
    { knocks: false, peers: [false, false], says: /10.0.0.1 answers neither this server nor h2 and h3: it is off, or/ },
    { knocks: true, peers: [true, false], says: /the path from this server to it is broken; h2 reaches it$/ },
    { knocks: true, peers: [undefined, undefined], says: /is heard here and does not hear this server: .* is broken$/ },
    // One of before, which does not know the question, is as one that was not asked.
    { knocks: false, peers: [undefined, false], says: /10.0.0.1 answers neither this server nor h3: it is off/ },
  ])('is asked for at its peers, and listened for at the door: $says', async ({ knocks, peers, says }) => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    if (knocks) cluster.knocking.add('10.0.0.1');
    const { pass } = await oneSilent(cluster, server, [undefined, ...peers.map(reaching)]);
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    await until('it is told', async () => says.test((await ask(server, 'node.inspect', { name: 'h1' })).reason));
  });

  test('is down in time, however long its peers take to say anything', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const mute: RequestHandler = { call: () => new Promise(() => {}), open: () => new Promise(() => {}) };
    const { pass } = await oneSilent(cluster, server, [undefined, mute, mute]);
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    // As it was known when it was declared so: nobody had said anything yet.
    const told = async () => (await ask(server, 'node.inspect', { name: 'h1' })).events.at(-1)?.message;
    await until('it is told', async () => (await told()) === 'down: nothing is heard of it');
  });

  test('that another server hears is not down', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const other = await cluster.server();
    const there = await cluster.connect(other, h1.keys);
    for (let round = 0; round < 3; round += 1) {
      cluster.clock.step(14_950);
      await ask(there, 'node.heartbeat', { topics: {} });
      await new Promise((resolve) => setTimeout(resolve, 700));
      await ask(there, 'node.heartbeat', { topics: {} });
      expect(await fenced(server, 'h1')).toBe(false);
    }
    expect(await statusOf(other, 'h1')).toBe('ready');
    cluster.clock.step(16_000);
    await becomes(server, 'h1', 'down');
    await becomes(other, 'h1', 'down');
  });

  test('that one server hears is not blamed by another that has only just begun', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const [before] = [await cluster.store.get(nodeKey('h1')), await cluster.server()];
    for (let round = 0; round < 3; round += 1) {
      cluster.clock.step(14_000);
      await beat(h1);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    expect(await cluster.store.get(nodeKey('h1'))).toEqual(before);
  });

  test('is not blamed by a server that was itself paused, or has only just begun', async () => {
    await using cluster = await Cluster.create('memory', undefined, { graceMs: 3000 });
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1');
    cluster.clock.step(30_000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await fenced(server, 'h1')).toBe(false);
    await becomes(server, 'h1', 'down');
  });
});

/** For `refusal`, which wants one. */
const fails = () => Promise.reject(Object.assign(new Error(''), { code: 'ok' }));

describe('eviction', { timeout: 30_000 }, () => {
  async function evicted(cluster: Cluster, server: Server) {
    const nodes = await oneSilent(cluster, server);
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    const block = await nodes.h1.ask('block.lease', { network: network.id });
    const address = block.cidr.replace(/\d+\/\d+$/, (end) => `${Number.parseInt(end, 10) + 9}`);
    await nodes.h1.ask('endpoint.put', { endpoint: nodes.h1.endpoint(network, address) });
    const run = (name: string, more: Parameters<typeof spec>[1] = {}) =>
      ask(server, 'workload.run', { name, node: 'h1', spec: spec(['app'], more) });
    await run('dropped');
    await run('moved', { onNodeLoss: 'reschedule' });
    await nodes.pass(15_050);
    await becomes(server, 'h1', 'down');
    await nodes.pass(45_100);
    await until(
      'evicted',
      async () => {
        await beat(nodes.h2);
        return (await statusOf(server, 'h1')) === 'evicted';
      },
      patienceMs,
    );
    return { ...nodes, network, block, address };
  }

  test('gives its addresses and blocks away, drops its workloads, and moves those that ask for it', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h2, network, block, address } = await evicted(cluster, server);
    await until('moved', async () => (await ask(server, 'workload.inspect', { name: 'moved' })).node !== 'h1');
    expect(await refusal(ask(server, 'workload.inspect', { name: 'dropped' }))).toMatch(/^not-found/);
    const view = await ask(server, 'network.inspect', { name: 'app' });
    expect(view.containers).toEqual([]);
    expect(view.nodes.flatMap(({ blocks }) => blocks)).not.toContain(block.cidr);
    await h2.ask('address.reserve', { network: network.id, address });
  });

  test('who comes back has nothing until it has given up what is others’, and is a member then', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h1, h2, network, address } = await evicted(cluster, server);
    await until('moved', async () => (await ask(server, 'workload.inspect', { name: 'moved' })).node !== 'h1');
    await h2.ask('address.reserve', { network: network.id, address });
    expect((await beat(h1)).evicted).toBe(true);
    expect(await fenced(server, 'h1')).toBe(true);
    const said = {
      name: 'h1',
      address: '10.0.0.1',
      interface: 'eth0',
      underlayMtu: 1500,
      routes: [],
      engine: '',
      version: '',
    };
    expect((await h1.ask('node.register', said)).evicted).toBe(true);
    expect(await refusal(h1.ask('address.reserve', { network: network.id, address }))).toMatch(/^conflict/);
    const { refused } = await h1.ask('endpoint.sync', {
      network: network.id,
      endpoints: [h1.endpoint(network, address)],
    });
    expect(refused).toHaveLength(1);
    await h1.ask('node.return', {});
    expect(await fenced(server, 'h1')).toBe(false);
    await becomes(server, 'h1', 'ready');
    expect((await beat(h1)).evicted).toBe(false);
  });

  test('ends also when the node is heard before it is done: what no other node can take stays its own', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h1, h2, pass } = await oneSilent(cluster, server);
    const moving = Array.from({ length: 45 }, (_, i) => `moving-${i}`);
    for (const name of moving)
      await ask(server, 'workload.run', { name, node: 'h1', spec: spec([], { onNodeLoss: 'reschedule' }) });
    for (const name of ['h2', 'h3']) await ask(server, 'node.drain', { name, drained: true });
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    await pass(45_100);
    await becomes(server, 'h1', 'evicted');
    // Nobody can take the containers, more than are moved at once: it is not done yet.
    const evicting = () => refusal(h1.ask('block.lease', { network: 'any' }));
    await beat(h2);
    await h1.ask('node.heartbeat', { topics: {} });
    await until(
      'it may return',
      async () => (await refusal(h1.ask('node.return', {}).then(fails))) === 'ok: ',
      patienceMs,
    );
    expect(await evicting()).toMatch(/^not-found/);
    const nodes = (await ask(server, 'workload.list', {})).map(({ node }) => node);
    expect(nodes).toEqual(moving.map(() => 'h1'));
    expect(await fenced(server, 'h1')).toBe(false);
  });

  test('spreads what is moved over the nodes', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { pass } = await oneSilent(cluster, server);
    const names = Array.from({ length: 6 }, (_, i) => `moved-${i}`);
    for (const name of names)
      await ask(server, 'workload.run', { name, node: 'h1', spec: spec([], { onNodeLoss: 'reschedule' }) });
    await pass(15_050);
    await becomes(server, 'h1', 'down');
    await pass(45_100);
    const nodes = async () =>
      Promise.all(names.map(async (name) => (await ask(server, 'workload.inspect', { name })).node));
    await until('all have moved', async () => !(await nodes()).includes('h1'), patienceMs);
    expect((await nodes()).sort()).toEqual(['h2', 'h2', 'h2', 'h3', 'h3', 'h3']);
  });

  test('is not done while most nodes are silent: then it is this server that is cut off', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { h3 } = await oneSilent(cluster, server);
    for (const ms of [15_050, 61_000]) {
      await pass(cluster, ms, [h3]);
      await becomes(server, 'h1', 'down');
    }
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([await statusOf(server, 'h1'), await statusOf(server, 'h2')]).toEqual(['down', 'down']);
  });

  test('is not done when two nodes are all there are, and both are silent, nor to the only one', async () => {
    for (const names of [['h1', 'h2'], ['h1']]) {
      await using cluster = await Cluster.create();
      const server = await cluster.server();
      for (const [i, name] of names.entries()) await cluster.node(server, name, `10.0.0.${i + 1}`);
      for (const ms of [15_050, 61_000]) {
        cluster.clock.step(ms);
        for (const name of names) await becomes(server, name, 'down');
      }
      await new Promise((resolve) => setTimeout(resolve, 600));
      for (const name of names) expect(await statusOf(server, name)).toBe('down');
    }
  });

  test('that was interrupted goes on at another server', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const { network, address } = await evicted(cluster, server);
    await until('moved', async () => (await ask(server, 'workload.inspect', { name: 'moved' })).node !== 'h1');
    await server[Symbol.asyncDispose]();
    // As a server leaves it that dies between two steps.
    const record = async () => JSON.parse((await cluster.store.get(nodeKey('h1')))?.value ?? '{}') as StoredNode;
    const { health, ...node } = await record();
    const left = reservationKey(network.id, address);
    await cluster.store.transact(
      [],
      [
        put(nodeKey('h1'), { ...node, health: { ...health, state: 'evicting' } }),
        put(left, { network: network.id, address, node: 'h1' }),
      ],
    );
    await cluster.server();
    await until('evicted', async () => (await record()).health?.state === 'evicted');
    expect(await cluster.store.get(left)).toBeUndefined();
  });
});
