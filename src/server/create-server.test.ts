import { describe, expect, test, vi } from 'vitest';
import { Cluster, Mirror, refusal, spec, storeKinds, until } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { assignableAddresses, Failure, parseSubnet } from '../domain/domain.ts';
import { lineLog } from '../platform/platform.ts';
import { ask, channels, methods, networkTopic, streamPair } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';

describe('asking', () => {
  test('every method of the table is answered, by the server or with the sentence that an agent is to be asked', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    for (const method of Object.keys(methods)) {
      const said = await server
        .call(method, {})
        .then(JSON.stringify, (error: Failure) => `${error.code}: ${error.message}`);
      expect(said).not.toMatch(/^(internal|not-found): /);
      if (/^agent\.|^address\.yield$|^image\.login$/.test(method)) {
        expect(said).toBe(`invalid: ${method} is for an agent to answer: ask the one on that host`);
      }
    }
    expect(await refusal(server.call('node.dance', {}))).toMatch(/^not-found: a server does not know "node.dance"/);
    expect(await refusal(server.open('node.list', {}))).toMatch(/^invalid: node.list/);
  });

  test('wrong parameters are refused in one sentence that names the first', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    expect(await refusal(server.call('network.create', { name: 'app', vni: 'seven' }))).toBe(
      'invalid: network.create cannot be asked like this: parameter vni: expected number, received string',
    );
    expect(await refusal(server.call('node.inspect', undefined))).toMatch(/^invalid: node.inspect .* parameter name: /);
  });

  test('a call that takes too long ends with a sentence', async () => {
    let stuck = false;
    await using cluster = await Cluster.create('memory', (store) =>
      replacing(store, 'range', (...args: Parameters<Store['range']>) =>
        stuck ? new Promise<never>(() => {}) : store.range(...args),
      ),
    );
    const server = await cluster.server();
    stuck = true;
    expect(await refusal(ask(server, 'node.list', {}, { deadlineMs: 20 }))).toBe(
      'deadline: node.list took longer than 0.02 s: it may still happen, look before trying again',
    );
    stuck = false;
  });
});

test('a server listens once it has loaded what it is to answer out of', async () => {
  await using cluster = await Cluster.create();
  const order: string[] = [];
  const serve = cluster.bus.serve.bind(cluster.bus);
  vi.spyOn(cluster.bus, 'serve').mockImplementation((options) => {
    order.push('listens');
    return serve(options);
  });
  const slow = replacing(cluster.store, 'range', async (...args: Parameters<Store['range']>) => {
    const found = await cluster.store.range(...args);
    if (order.includes('listens')) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push(`has loaded from ${args[0].start}`);
    return found;
  });
  await cluster.server(slow);
  expect(order.at(-1)).toBe('listens');
  expect(order).toContain('has loaded from /trama/endpoints/');
});

test('the log tells which nodes come and go, and no key or token', async () => {
  await using cluster = await Cluster.create();
  const lines: string[] = [];
  const server = await cluster.server(
    cluster.store,
    lineLog(
      (line) => lines.push(line),
      'info',
      () => 0,
    ),
  );
  const node = await cluster.node(server, 'h1', '10.0.0.1');
  await node.client[Symbol.asyncDispose]();
  await until('its end is heard of', () => lines.length === 4);
  const audit = '1970-01-01T00:00:00.000Z info  audit audit=true';
  const request = expect.stringMatching(
    /^\S+ info {2}audit audit=true who=token method=node.join subject.node=h1 subject.address=10.0.0.1 outcome=ok request=[\w:-]+\n$/,
  );
  expect(lines).toEqual([
    `${audit} who=local method=token.create subject.uses=1 subject.ttlMs=3600000 outcome=ok\n`,
    request,
    '1970-01-01T00:00:00.000Z info  node connected node=h1\n',
    '1970-01-01T00:00:00.000Z info  node disconnected node=h1\n',
  ]);
});

describe('streams', () => {
  test('are handed on to the node that has the container, with bytes and results both ways', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const opened: unknown[] = [];
    const handler: RequestHandler = {
      call: () => Promise.reject(new Failure('not-found', 'no calls')),
      open: async (method, params) => {
        opened.push([method, params]);
        const [mine, theirs] = streamPair();
        void (async () => {
          for await (const { channel, data } of mine) await mine.send(channel === 0 ? 1 : channel, data);
          mine.end({ exitCode: 7 });
        })();
        return theirs;
      },
    };
    await cluster.node(server, 'h1', '10.0.0.1', { handler });
    const h2 = await cluster.node(server, 'h2', '10.0.0.2');
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    const params = { name: 'web', command: ['cat'], tty: false, stdin: true, env: [] };
    for (const api of [h2.client, server]) {
      const stream = await api.open('workload.exec', params);
      await stream.send(channels.stdin, Buffer.from('hello'));
      stream.end();
      let text = '';
      for await (const { channel, data } of stream) text += `${channel}:${Buffer.from(data)}`;
      expect(text).toBe('1:hello');
      expect(await stream.result).toEqual({ exitCode: 7 });
    }
    expect(opened).toEqual(Array(2).fill(['workload.exec', params]));
  });

  test('of unknown containers, and of nodes that are down, are refused', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    const logs = (name: string) => server.open('workload.logs', { name, follow: false, timestamps: false });
    expect(await refusal(logs('nope'))).toMatch(/^not-found: there is no container "nope"/);
    await h1.client[Symbol.asyncDispose]();
    await until('gone', async () => (await refusal(logs('web'))).startsWith('unavailable'));
    expect(await refusal(logs('web'))).toMatch(/its node h1 is not connected at this moment, try again$/);
    cluster.clock.step(16_000);
    await until('down', async () => (await ask(server, 'node.inspect', { name: 'h1' })).status === 'down');
    expect(await refusal(logs('web'))).toBe('unavailable: container web cannot be reached: its node h1 is down');
    expect(await refusal(server.open('workload.logs', { name: 'web' }))).toMatch(/^invalid: workload.logs cannot/);
  });
});

describe('a restart', () => {
  test.each(storeKinds)('of the server loses nothing, and mirrors heal (%s)', async (kind) => {
    await using cluster = await Cluster.create(kind);
    const first = await cluster.server();
    const network = await ask(first, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    const h1 = await cluster.node(first, 'h1', '10.0.0.1');
    const { cidr } = await h1.ask('block.lease', { network: network.id });
    const [a = '', b = ''] = assignableAddresses(parseSubnet(network.subnet), cidr);
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, a) });
    await ask(first, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const mirror = new Mirror(networkTopic(network.id));
    await mirror.snapshot(h1.client);
    const before = await Promise.all([first.call('network.list', {}), first.call('workload.list', {})]);
    const { cluster: id } = first;
    await first[Symbol.asyncDispose]();
    const second = await cluster.server();
    expect(second.cluster).toBe(id);
    const back = await cluster.rejoin(second, 'h1', '10.0.0.1', h1.keys);
    back.client.subscribe(mirror.topic);
    expect(await Promise.all([second.call('network.list', {}), second.call('workload.list', {})])).toEqual(before);
    await back.ask('endpoint.put', { endpoint: back.endpoint(network, b) });
    await until('heard', () => back.feed.some(({ topic }) => topic === mirror.topic));
    for (const message of back.feed) if (!mirror.apply(message)) await mirror.snapshot(back.client);
    expect([...mirror.items.keys()].filter((key) => key.startsWith('endpoint/')).sort()).toEqual(
      [`endpoint/${a}`, `endpoint/${b}`].sort(),
    );
  });
});

describe('housekeeping', () => {
  test('forgets tokens a day after their end and statuses without a workload, and nothing else', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.token(server, 1, 1000);
    await cluster.token(server, 1, 100 * 86_400_000);
    await cluster.store.transact([], [{ op: 'put', key: '/trama/statuses/lost', value: '{"name":"lost"}' }]);
    cluster.clock.step(86_400_000 + 2000);
    await cluster.server();
    const keys = async () =>
      (await cluster.store.range({ start: '/trama/', end: '/trama0' })).entries.map(({ key }) => key);
    await until('tidied', async () => !(await keys()).some((key) => key.includes('lost')));
    expect((await keys()).filter((key) => key.startsWith('/trama/tokens/'))).toHaveLength(1);
  });
});

function replacing<K extends 'range'>(store: Store, name: K, replacement: Store[K]): Store {
  return new Proxy(store, {
    get: (target, property) => {
      if (property === name) return replacement;
      const value = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
