import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { Bus, BusClientOptions } from '../bus/bus.ts';
import type { ServerRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { type KnownServer, loadIdentity } from './identity.ts';
import { Membership, type MembershipOptions } from './membership.ts';

const at = (host: string) => ({ host, key: 'k', ports: { requests: 4701, feed: 4702 } });

/** A host whose engine answers when it is told to. */
function scene() {
  const clock = heldClock();
  const order: string[] = [];
  const engine: { answer: PromiseWithResolvers<{ available: boolean; message: string }> } = {
    answer: Promise.withResolvers(),
  };
  const status = vi.fn(() => engine.answer.promise);
  const membership = new Membership({
    agent: { clock, log: silentLog, version: '0.1.0', runtime: { status } },
    identity: { name: 'h1', servers: [] },
    clone: {
      serverSpoke: () => {},
      refresh: () => order.push('refresh'),
      lacking: () => {},
      revisions: () => ({}),
    },
    underlay: () => ({ address: '192.0.2.1', interface: 'eth0', mtu: 1500, routes: [], interfaces: [] }),
    onRegistered: () => order.push('registered'),
  } as unknown as MembershipOptions);
  vi.spyOn(membership, 'call').mockImplementation(async (method, params) => {
    if (method === 'node.heartbeat') return { stale: [] };
    order.push(`${method}: ${(params as { engine: string }).engine}`);
    return {};
  });
  vi.spyOn(membership, 'connected', 'get').mockReturnValue(true);
  const answers = async (message: string) => {
    engine.answer.resolve({ available: true, message });
    await clock.advance(0);
    engine.answer = Promise.withResolvers();
  };
  return { membership, clock, order, status, answers };
}

test('an engine that does not answer holds up a registration for a second; what it says then, the next heartbeat tells', async () => {
  const { membership, clock, order, status, answers } = scene();
  const stop = new AbortController();
  const beating = membership.sendHeartbeats(stop.signal).catch(() => {});
  const registering = membership.register();
  expect(order).toEqual(['refresh']);
  await clock.advance(1000);
  await registering;
  expect(order.filter((each) => each !== 'refresh')).toEqual([
    expect.stringMatching(/^node.register: Docker does not answer/),
    'registered',
  ]);
  order.length = 0;
  await clock.advance(5000);
  expect(order).toEqual([]);
  await answers('Docker 28.2.2, API 1.50');
  await clock.advance(1000);
  await answers('Docker 28.2.2, API 1.50');
  expect(order).toEqual(['refresh', 'node.register: Docker 28.2.2, API 1.50', 'registered']);
  expect(status).toHaveBeenCalledTimes(2);
  stop.abort();
  await beating;
});

test('while it does not answer, what it said last is told, and it is not asked again and again', async () => {
  const { membership, clock, order, status, answers } = scene();
  const first = membership.register();
  await answers('Docker 1');
  await first;
  for (let again = 0; again < 3; again += 1) {
    const registering = membership.register();
    await clock.advance(1000);
    await registering;
  }
  expect(order.filter((each) => each.startsWith('node'))).toEqual(Array(4).fill('node.register: Docker 1'));
  expect(status).toHaveBeenCalledTimes(2);
});

test('what a feed that was interrupted lacks is asked at once, and when a server can tell the rest', async () => {
  const clock = heldClock();
  const asked: string[] = [];
  const refreshed: unknown[] = [];
  let options: BusClientOptions | undefined;
  const client = {
    state: 'ready',
    call: async (method: string) => {
      asked.push(method);
      return { stale: ['network/n1'] };
    },
    subscribe: () => {},
  };
  const bus = {
    connect: async (given: BusClientOptions) => {
      options = given;
      return client;
    },
  } as unknown as Bus;
  const membership = new Membership({
    agent: { clock, log: silentLog, bus },
    identity: { name: 'h1', servers: [at('192.0.2.1')] },
    clone: {
      serverSpoke: () => {},
      refresh: () => {},
      lacking: (stale: string[]) => refreshed.push(stale),
      revisions: () => ({}),
    },
  } as unknown as MembershipOptions);
  await membership.connect();
  options?.onFeedAgain?.();
  await clock.advance(1);
  expect(asked).toEqual(['node.heartbeat']);
  // What was on its way then, a server calls missing a second later.
  await clock.advance(1000);
  expect(asked).toHaveLength(1);
  await clock.advance(100);
  expect(asked).toHaveLength(2);
  expect(refreshed).toEqual([['network/n1'], ['network/n1']]);
});

/** A node that has connected to these servers and sends its heartbeats to them. */
async function beating(clients: readonly object[], revisions: Readonly<Record<string, number>> = {}) {
  const clock = heldClock();
  const hosts = clients.map((_, index) => `192.0.2.${index + 1}`);
  const membership = new Membership({
    agent: {
      clock,
      log: silentLog,
      bus: { connect: async ({ server }: { server: KnownServer }) => clients[hosts.indexOf(server.host)] },
    },
    identity: { name: 'h1', servers: hosts.map(at) },
    clone: {
      ...{ refresh: () => {}, serverSpoke: () => {}, lacking: () => {} },
      ...{ revisions: () => revisions, isFresh: () => false },
    },
    onRegistered: () => {},
  } as unknown as MembershipOptions);
  vi.spyOn(membership, 'register').mockResolvedValue();
  await membership.connect();
  const stop = new AbortController();
  const sending = membership.sendHeartbeats(stop.signal).catch(() => {});
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) await clock.advance(1000);
  };
  const end = () => {
    stop.abort();
    return sending;
  };
  return { membership, pass, end };
}

test('each server that is there hears the heartbeats, also while another owes an answer; one that answers compares', async () => {
  const asked: string[] = [];
  const server = (name: string, answer: () => Promise<unknown>) => ({
    state: 'ready',
    call: (_method: string, { topics }: { topics: object }) => {
      asked.push(`${name} ${Object.keys(topics).length}`);
      return answer();
    },
    subscribe: () => {},
  });
  const clients = [
    server('hangs', () => new Promise(() => {})),
    server('answers', async () => ({ stale: [], evicted: false })),
  ];
  const { pass, end } = await beating(clients, { cluster: 7 });
  await pass(5);
  expect(asked.filter((each) => each.startsWith('answers'))).toEqual([...Array(4).fill('answers 0'), 'answers 1']);
  expect(asked.filter((each) => each.startsWith('hangs'))).toEqual(['hangs 0']);
  await end();
});

test('of servers that hear beats without an answer the first is asked, the others from time to time', async () => {
  const said: string[] = [];
  const server = (name: string, beats: boolean) => ({
    state: 'ready',
    call: async () => {
      said.push(`${name} asked`);
      return { stale: [], evicted: false, able: true, ...(beats ? { beats } : {}) };
    },
    beat: () => void said.push(`${name} told`),
    subscribe: () => {},
  });
  const clients = [server('one', true), server('two', true), server('of before', false)];
  const { membership, pass, end } = await beating(clients);
  const [first] = membership.link?.ready() ?? [];
  const inSeconds = async (seconds: number) => {
    said.length = 0;
    await pass(seconds);
    return said.splice(0).sort();
  };
  // What each hears is not known yet.
  expect(await inSeconds(1)).toEqual(['of before asked', 'one asked', 'two asked']);
  const firstIs = (name: string) => first?.server.host === { one: '192.0.2.1', two: '192.0.2.2' }[name];
  const heard = (name: string, asked: number, told: number) =>
    firstIs(name)
      ? Array(asked + told).fill(`${name} asked`)
      : [...Array(asked).fill(`${name} asked`), ...Array(told).fill(`${name} told`)];
  expect(await inSeconds(5)).toEqual([
    ...Array(5).fill('of before asked'),
    ...heard('one', 1, 4),
    ...heard('two', 1, 4),
  ]);
  // Another release may be there now.
  for (const route of membership.link?.routes ?? []) route.onState('');
  expect(await inSeconds(1)).toEqual(['of before asked', 'one asked', 'two asked']);
  await end();
});

test('a server whose feed was just heard is told, not asked, but to compare; once its feed is quiet it is asked again', async () => {
  const said: string[] = [];
  const client = {
    state: 'ready',
    call: async (_method: string, { topics }: { topics: object }) => {
      said.push(Object.keys(topics).length > 0 ? 'compares' : 'asked');
      return { stale: [], evicted: false, able: true, beats: true };
    },
    beat: () => void said.push('told'),
    subscribe: () => {},
  };
  const { membership, pass, end } = await beating([client], { cluster: 7 });
  await pass(1);
  for (let second = 0; second < 5; second += 1) {
    membership.link?.routes[0]?.told();
    await pass(1);
  }
  expect(said).toEqual(['asked', 'told', 'told', 'told', 'compares', 'told']);
  said.length = 0;
  await pass(2);
  expect(said).toEqual(['asked', 'asked']);
  await end();
});

test('a server that owes an answer hears every second that the node is there', async () => {
  let [told, hangs] = [0, false];
  const client = {
    state: 'ready',
    call: () =>
      hangs ? new Promise(() => {}) : Promise.resolve({ stale: [], evicted: false, able: true, beats: true }),
    beat: () => {
      told += 1;
    },
    subscribe: () => {},
  };
  const { pass, end } = await beating([client]);
  await pass(1);
  expect(told).toBe(0);
  hangs = true;
  await pass(5);
  expect(told).toBe(4);
  await end();
});

test('of servers that wait two hear it every second, the others as seldom as they were told, and at once when they are among the two', async () => {
  const said: string[] = [];
  const server = (name: string) => ({
    state: 'ready',
    call: async (_method: string, { nextMs }: { nextMs?: number }) => {
      said.push(nextMs === undefined ? `${name} asked` : `${name} waits ${nextMs}`);
      return { stale: [], evicted: false, able: true, beats: true, waits: true };
    },
    beat: () => void said.push(`${name} told`),
    subscribe: () => {},
  });
  const hosts = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'];
  const clients = hosts.map(server);
  const { membership, pass, end } = await beating(clients);
  const [first = '', second = '', ...others] = (membership.link?.ready() ?? []).map((route) => route.server.host);
  const inSeconds = async (seconds: number) => {
    said.length = 0;
    await pass(seconds);
    return said.splice(0);
  };
  const of = (all: readonly string[], host: string) =>
    all.filter((each) => each.startsWith(host)).map((each) => each.slice(host.length + 1));
  expect((await inSeconds(1)).sort()).toEqual(hosts.map((host) => `${host} asked`));
  const heard = await inSeconds(10);
  expect(of(heard, first)).toEqual(Array(10).fill('asked'));
  expect(of(heard, second).sort()).toEqual([...Array(2).fill('asked'), ...Array(8).fill('told')]);
  for (const other of others) expect(of(heard, other)).toEqual(['waits 5000', 'waits 5000']);
  // One of the two is gone: the next of those that waited is spoken to in its place; who takes its place again is told to wait.
  const gone = clients[hosts.indexOf(first)];
  if (gone !== undefined) gone.state = 'connecting';
  const meanwhile = await inSeconds(3);
  expect(of(meanwhile, first)).toEqual([]);
  expect(of(meanwhile, second).filter((each) => each === 'asked')).toHaveLength(3);
  expect(of(meanwhile, others[0] ?? '').every((each) => ['asked', 'told'].includes(each))).toBe(true);
  // Once more for the feed, which comes from another now.
  expect(of(meanwhile, others[0] ?? '').length).toBeGreaterThanOrEqual(3);
  if (gone !== undefined) gone.state = 'ready';
  await inSeconds(5);
  expect(of(await inSeconds(5), others[0] ?? '')).toEqual(['waits 5000']);
  await end();
});

test('the servers that the cluster lists are connected to and kept on disk; one by two addresses only once', async () => {
  const clock = heldClock();
  const directory = await mkdtemp(join(tmpdir(), 'membership-'));
  const connected: string[] = [];
  const ids: Record<string, string> = { '127.0.0.1': '192.0.2.1', '192.0.2.2': '192.0.2.2' };
  const bus = {
    connect: async ({ server }: BusClientOptions) => {
      connected.push(server.host);
      return {
        state: 'ready',
        call: async () => ({ stale: [], evicted: false, server: `${ids[server.host]}:4701`, able: true }),
        subscribe: () => {},
        [Symbol.asyncDispose]: async () => void connected.splice(connected.indexOf(server.host), 1),
      };
    },
  };
  const heard = { fresh: false, servers: [] as ServerRecord[] };
  const listed = (host: string): ServerRecord => {
    return { ...at(host), id: `${host}:4701`, version: '0.1.0', since: 0 };
  };
  const membership = new Membership({
    agent: { clock, log: silentLog, bus, directory },
    identity: {
      version: 1,
      name: 'h1',
      cluster: 'c',
      keys: { publicKey: 'p', secretKey: 's' },
      servers: [at('127.0.0.1')],
    },
    clone: { refresh: () => {}, serverSpoke: () => {}, revisions: () => ({}), isFresh: () => heard.fresh },
    view: { servers: () => heard.servers },
    onRegistered: () => {},
  } as unknown as MembershipOptions);
  vi.spyOn(membership, 'register').mockResolvedValue();
  const stop = new AbortController();
  try {
    await membership.connect();
    const beating = membership.sendHeartbeats(stop.signal).catch(() => {});
    const seconds = async (many: number) => {
      for (let second = 0; second < many; second += 1) await clock.advance(1000);
    };
    heard.servers = [listed('192.0.2.1'), listed('192.0.2.2')];
    await seconds(2);
    // What was remembered from before the start says nothing of now.
    expect(connected).toEqual(['127.0.0.1']);
    heard.fresh = true;
    await seconds(1);
    await expect.poll(async () => (await loadIdentity(directory).catch(() => undefined))?.servers.length).toBe(2);
    expect(connected).toEqual(['127.0.0.1', '192.0.2.2']);
    heard.servers = [listed('192.0.2.2')];
    await seconds(2);
    const known = async () => (await loadIdentity(directory))?.servers.map(({ goneSince }) => goneSince !== undefined);
    await expect.poll(known).toEqual([true, false]);
    expect(connected).toEqual(['127.0.0.1', '192.0.2.2']);
    await clock.advance(24 * 3_600_000);
    await expect.poll(() => seconds(1).then(known)).toEqual([false]);
    expect(connected).toEqual(['192.0.2.2']);
    heard.servers = [];
    await seconds(2);
    expect(connected).toEqual(['192.0.2.2']);
    stop.abort();
    await beating;
  } finally {
    await rm(directory, { recursive: true });
  }
});
