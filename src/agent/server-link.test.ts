/** Requests of a host that knows several servers, over the bus within the process: to which they go, and what becomes of them. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BusClient, BusServer, RequestHandler } from '../bus/bus.ts';
import { createInProcessBus } from '../bus/inprocess/inprocess.ts';
import { Failure } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import { type ByteStream, streamPair } from '../protocol/protocol.ts';
import { ServerLink } from './server-link.ts';
import { ServerRoute } from './server-route.ts';

/** Long before any deadline, however busy the machine. */
const soonMs = 5000;

const bus = createInProcessBus();
const keys = bus.generateKeys();
const nodeKeys = bus.generateKeys();
const resources: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of resources.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

type Answer = (method: string, id: string) => Promise<unknown>;

class FakeServer {
  readonly name: string;
  readonly asked: string[] = [];
  answer: Answer = async () => this.name;
  opens: (method: string) => Promise<ByteStream> = async () => {
    const [mine, theirs] = streamPair();
    mine.end(this.name);
    return theirs;
  };
  able = true;
  paused = false;
  line: BusServer | undefined;

  constructor(name: string) {
    this.name = name;
  }

  async start(): Promise<void> {
    const handler: RequestHandler = {
      call: async (method, _params, { id }) => {
        if (this.paused) await new Promise(() => {});
        if (method === 'node.heartbeat')
          return { stale: [], evicted: false, server: `${this.name}:4701`, able: this.able };
        this.asked.push(id);
        return this.answer(method, id);
      },
      open: async (method) => {
        this.asked.push(method);
        return this.opens(method);
      },
    };
    this.line = await bus.serve({
      ...{ address: this.name, ports: { requests: 4701, feed: 4702 }, keys, handler },
      gatekeeper: { peerOf: (key) => ({ kind: 'node', key, node: 'h1' }) },
      onMetrics: () => {},
    });
    resources.push(this.line);
  }

  async kill(): Promise<void> {
    await this.line?.[Symbol.asyncDispose]();
  }
}

const at = (host: string) => ({ host, key: keys.publicKey, ports: { requests: 4701, feed: 4702 } });

async function scene(node = 'h1') {
  const servers = ['10.9.0.1', '10.9.0.2', '10.9.0.3'].map((name) => new FakeServer(name));
  for (const server of servers) await server.start();
  const heard: string[] = [];
  /** How much later it is than the clock says; and how often something may have been missed. */
  const time = { ahead: 0, again: 0 };
  const clock = { ...systemClock, elapsed: () => systemClock.elapsed() + time.ahead };
  const link = await ServerLink.open({
    ...{ bus, node, servers: servers.map(({ name }) => at(name)), keys: nodeKeys, clock },
    handler: { call: async () => ({}), open: () => Promise.reject(new Error('no streams here')) },
    onFeed: ({ data }) => void heard.push(data),
    onFeedAgain: () => {
      time.again += 1;
    },
    ...{ onReady: () => {}, onState: () => {} },
  });
  resources.push(link);
  await expect.poll(() => link.ready().length).toBe(3);
  const beat = () => Promise.all(link.routes.map((route) => route.beat().catch(() => {})));
  await beat();
  const order = link.ready().map((route) => servers.find(({ name }) => name === route.server.host) as FakeServer);
  const [first, second, third] = order as [FakeServer, FakeServer, FakeServer];
  /** Whose feeds are heard: each says who it is, once. */
  const told = async () => {
    heard.length = 0;
    for (const { name, line } of servers) line?.publish({ topic: 'cluster', previous: 0, revision: 1, data: name });
    await systemClock.sleep(20);
    return heard.splice(0);
  };
  return { servers, link, beat, first, second, third, told, time };
}

test('a node asks one and the same; nodes are spread over all', async () => {
  const { link, first } = await scene();
  for (let time = 0; time < 5; time += 1) expect(await link.call('x', {})).toBe(first.name);
  const firsts = new Map<string, number>();
  for (let node = 0; node < 60; node += 1) {
    const other = await ServerLink.open({
      ...{ bus, node: `node-${node}`, servers: ['a', 'b', 'c'].map(at), keys: nodeKeys, clock: systemClock },
      handler: { call: async () => ({}), open: () => Promise.reject(new Error('no streams here')) },
      ...{ onReady: () => {}, onFeed: () => {}, onFeedAgain: () => {}, onState: () => {} },
    });
    const [chosen] = other.preferred();
    firsts.set(chosen?.server.host ?? '', (firsts.get(chosen?.server.host ?? '') ?? 0) + 1);
    await other[Symbol.asyncDispose]();
  }
  expect(Math.min(...['a', 'b', 'c'].map((host) => firsts.get(host) ?? 0))).toBeGreaterThan(8);
});

test('a server that dies over a request: the next is asked at once, under the same id', async () => {
  const { link, first, second } = await scene();
  first.answer = () => new Promise(() => {});
  const answer = link.call('x', {}, { id: 'one' });
  await expect.poll(() => first.asked).toEqual(['one']);
  const began = performance.now();
  await first.kill();
  expect(await answer).toBe(second.name);
  expect(second.asked).toEqual(['one']);
  expect(performance.now() - began).toBeLessThan(soonMs);
});

test('a server that is paused: after a second somebody else is asked, and the answer of whoever is first counts', async () => {
  const { link, first, second } = await scene();
  first.paused = true;
  const began = performance.now();
  expect(await link.call('x', {}, { id: 'one' })).toBe(second.name);
  expect(performance.now() - began).toBeLessThan(soonMs);
  expect(link.ready()[0]?.server.host).toBe(second.name);
});

test('who does not answer a probe is silent, also when the timer comes a moment early', async () => {
  const client = { state: 'ready', call: () => new Promise(() => {}) } as unknown as BusClient;
  const route = new ServerRoute(at('10.9.0.1'), client, { elapsed: () => 0, sleep: systemClock.sleep });
  await route.probe();
  expect(route.good).toBe(false);
});

test('a server that is slow with one request and answers its heartbeats is waited for', async () => {
  const { link, first, second } = await scene();
  const slow = Promise.withResolvers<string>();
  first.answer = () => slow.promise;
  const answer = link.call('x', {});
  await systemClock.sleep(1500);
  slow.resolve('at last');
  expect(await answer).toBe('at last');
  expect(second.asked).toEqual([]);
});

test('one that has lost its store is asked last; what it refuses with that, the next is asked', async () => {
  const { link, beat, first, second, third } = await scene();
  first.answer = () => Promise.reject(new Failure('unavailable', 'etcd does not answer'));
  expect(await link.call('x', {}, { id: 'one' })).toBe(second.name);
  first.able = false;
  await beat();
  expect(link.ready().map(({ server }) => server.host)).toEqual([second.name, third.name, first.name]);
  expect(await link.call('x', {}, { id: 'two' })).toBe(second.name);
  expect(first.asked).toEqual(['one']);
});

test('what all say is what is said: the first refusal, after each was asked once', async () => {
  const { link, servers, first } = await scene();
  for (const server of servers)
    server.answer = () => Promise.reject(new Failure('unavailable', `node h9 is not connected to ${server.name}`));
  await expect(link.call('x', {})).rejects.toThrow(`node h9 is not connected to ${first.name}`);
  expect(servers.map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
  first.answer = () => Promise.reject(new Failure('conflict', 'no'));
  await expect(link.call('x', {})).rejects.toThrow('no');
});

test('a stream is opened at one that is there; what may have begun is not begun again, what changes nothing is', async () => {
  const { link, first, second } = await scene();
  const openedBy = async (method: string) => (await link.open(method, {})).result;
  expect(await openedBy('workload.exec')).toBe(first.name);
  first.opens = () => Promise.reject(new Failure('unavailable', 'its node is not connected here'));
  expect(await openedBy('workload.exec')).toBe(second.name);
  for (const [method, outcome] of [
    ['workload.exec', 'lost'],
    ['workload.logs', second.name],
  ]) {
    const asked = first.asked.length;
    first.opens = () => new Promise(() => {});
    const opened = openedBy(method ?? '').catch(() => 'lost');
    await expect.poll(() => first.asked.length).toBe(asked + 1);
    await first.kill();
    expect(await opened).toBe(outcome);
    await first.start();
    await expect.poll(() => link.ready()[0]?.server.host).toBe(first.name);
  }
  first.paused = true;
  const began = performance.now();
  expect(await openedBy('workload.exec')).toBe(second.name);
  expect(performance.now() - began).toBeLessThan(soonMs);
});

test('with none there is nothing to do but wait, until the first is back', async () => {
  const { link, servers, third } = await scene();
  for (const server of servers) await server.kill();
  await expect(link.call('x', {}, { deadlineMs: 300 })).rejects.toMatchObject({ code: 'unavailable' });
  const answer = link.call('x', {}, { id: 'one' });
  await third.start();
  expect(await answer).toBe(third.name);
});

test('servers come and go: one that is new is connected to, one that is gone no more; the topics stay', async () => {
  const { link, servers, first, second, told, time } = await scene();
  link.followFeed();
  link.subscribe('cluster');
  await link.update(servers.filter((each) => each !== first).map(({ name }) => at(name)));
  expect(link.routes.map(({ server }) => server.host)).not.toContain(first.name);
  expect(await told()).toEqual([second.name]);
  expect(time.again).toBeGreaterThan(0);
  const late = new FakeServer('10.9.0.4');
  await late.start();
  await link.update([...servers, late].map(({ name }) => at(name)));
  await expect.poll(() => link.ready().length).toBe(4);
});

describe('the feed', () => {
  /** Beyond what one that is better has to have been so for. */
  const longMs = 10_001;

  async function settled() {
    const all = await scene();
    all.time.ahead += longMs;
    all.link.followFeed();
    all.link.subscribe('cluster');
    all.time.ahead += longMs;
    all.link.followFeed();
    await expect.poll(all.told, { timeout: soonMs }).toEqual([all.first.name]);
    all.time.again = 0;
    return all;
  }

  test('comes from the server that is asked, and from no other', async () => {
    const { told, link } = await settled();
    link.unsubscribe('cluster');
    expect(await told()).toEqual([]);
  });

  test('comes from the next when that server dies, and says that something may be missed', async () => {
    const { link, first, second, told, time } = await settled();
    await first.kill();
    await expect.poll(told).toEqual([second.name]);
    expect(time.again).toBe(1);
    link.unsubscribe('cluster');
    expect(await told()).toEqual([]);
  });

  test('comes from the next when that server is silent, or has lost its store', async () => {
    const { link, beat, first, second, told, time } = await settled();
    first.paused = true;
    void beat();
    // The others have answered.
    await systemClock.sleep(50);
    time.ahead += 1000;
    link.followFeed();
    await expect.poll(told, { timeout: soonMs }).toEqual([second.name]);
    expect(time.again).toBe(1);
  });

  test('is not left while it is heard, however slow that server is with its answers', async () => {
    const { link, beat, first, told, time } = await settled();
    first.paused = true;
    void beat();
    await systemClock.sleep(50);
    time.ahead += 5000;
    expect(await told()).toEqual([first.name]);
    link.followFeed();
    expect(link.ready().at(-1)?.server.host).toBe(first.name);
    expect(await told()).toEqual([first.name]);
    expect(time.again).toBe(0);
  });

  test('is left at once for another server’s that is good, and that one’s only after a while: all may be slow', async () => {
    const { link, beat, first, second, told, time } = await settled();
    const fails = async (server: FakeServer) => {
      for (const each of [first, second]) each.able = each !== server;
      await beat();
      link.followFeed();
    };
    await fails(first);
    await expect.poll(told, { timeout: soonMs }).toEqual([second.name]);
    await fails(second);
    expect(time.again).toBe(1);
    time.ahead += 5000;
    await fails(second);
    expect(time.again).toBe(2);
    await expect.poll(told, { timeout: soonMs }).toEqual([first.name]);
  });

  test('goes back to the first choice only when that has been good for a while, and both are heard meanwhile', async () => {
    const { link, first, second, told, time } = await settled();
    await first.kill();
    await expect.poll(told).toEqual([second.name]);
    await first.start();
    await expect.poll(() => link.ready()[0]?.server.host).toBe(first.name);
    link.followFeed();
    await expect.poll(told, { timeout: soonMs }).toEqual([second.name]);
    time.ahead += longMs;
    link.followFeed();
    expect((await told()).sort()).toEqual([first.name, second.name].sort());
    expect(time.again).toBe(2);
    await expect.poll(told, { timeout: soonMs }).toEqual([first.name]);
  });

  test('stays where it is while nobody is any good; when only that server is back, it is told to compare', async () => {
    const { link, servers, first, told, time } = await settled();
    for (const server of servers) if (server !== first) await server.kill();
    for (const server of servers) server.able = false;
    await link.routes.find(({ server }) => server.host === first.name)?.beat();
    link.followFeed();
    expect(await told()).toEqual([first.name]);
    expect(time.again).toBe(0);
  });
});

test('of two clusters’ servers the other’s refuses, and the rest are asked', async () => {
  const { link, servers } = await scene();
  await link.update([...servers.map(({ name }) => at(name)), { ...at('10.9.0.9'), key: bus.generateKeys().publicKey }]);
  const foreign = new FakeServer('10.9.0.9');
  await foreign.start();
  await expect.poll(() => link.routes.at(-1)?.reason).toMatch(/does not hold the key/);
  expect(link.state).toBe('ready');
  expect(await link.call('x', {})).toMatch(/^10\.9\.0\.[123]$/);
});

test('what everybody should hear, everybody hears; it is enough if one does', async () => {
  const { link, servers, first } = await scene();
  await link.everywhere('node.event', {});
  expect(servers.map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
  first.answer = () => Promise.reject(new Failure('unavailable', 'no'));
  await link.everywhere('node.event', {});
  for (const server of servers) server.answer = () => Promise.reject(new Failure('unavailable', 'no'));
  await expect(link.everywhere('node.event', {})).rejects.toThrow('no');
});
