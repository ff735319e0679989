import { describe, expect, test } from 'vitest';
import { Cluster, facts, refusal, spec, until } from '../../test/server/cluster.ts';
import { ask } from '../protocol/protocol.ts';

const hour = 3_600_000;

describe('joining', () => {
  test('a token makes a node of a key; the same key again is the same node and spends nothing', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const token = await cluster.connect(server, await cluster.token(server, 1));
    const keys = cluster.bus.generateKeys();
    const joining = { ...facts('h1', '10.0.0.1'), key: keys.publicKey };
    const joined = await ask(token, 'node.join', joining);
    const [first] = joined.servers ?? [];
    expect(first).toEqual({ id: joined.server, host: '10.255.0.1', ports: server.ports });
    expect(joined).toMatchObject({ node: 'h1', cluster: server.cluster, ports: server.ports });
    expect(await ask(token, 'node.join', { ...joining, name: 'other' })).toEqual(joined);
    const node = await cluster.rejoin(server, 'h1', '10.0.0.1', keys);
    expect(await node.ask('node.list', {})).toMatchObject([{ name: 'h1', address: '10.0.0.1', status: 'ready' }]);
  });

  test('a used-up token is refused with the reason', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const token = await cluster.connect(server, await cluster.token(server, 2));
    const join = (name: string, address: string) =>
      ask(token, 'node.join', { ...facts(name, address), key: cluster.bus.generateKeys().publicKey });
    await join('h1', '10.0.0.1');
    await join('h2', '10.0.0.2');
    expect(await refusal(join('h3', '10.0.0.3'))).toBe(
      'denied: this join token is used up: 2 hosts have joined with it; make another with `trama token create`',
    );
  });

  test('twenty hosts at once on a token for ten: ten join', async () => {
    await using cluster = await Cluster.create();
    const servers = [await cluster.server(), await cluster.server()];
    const keys = await cluster.token(servers[0] as never, 10);
    const entries = await Promise.all(servers.map((server) => cluster.connect(server, keys)));
    const tries = Array.from({ length: 20 }, (_, i) =>
      ask(entries[i % 2] as never, 'node.join', {
        ...facts(`h${i}`, `10.0.1.${i}`),
        key: cluster.bus.generateKeys().publicKey,
      }),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(await ask(servers[0] as never, 'node.list', {})).toHaveLength(10);
  });

  test('an expired token is told so for a day, then it is unknown', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const keys = await cluster.token(server, 1, hour);
    cluster.clock.step(hour + 1);
    const entry = await cluster.connect(server, keys);
    const join = () =>
      ask(entry, 'node.join', { ...facts('h1', '10.0.0.1'), key: cluster.bus.generateKeys().publicKey });
    expect(await refusal(join())).toMatch(/^denied: this join token expired at \d{4}-.*Z: make another with/);
    cluster.clock.step(24 * hour);
    expect(await refusal(join())).toMatch(/^denied: /);
    const late = await cluster.connect(server, keys);
    expect(await refusal(ask(late, 'node.list', {}))).toMatch(/^denied: (?!a join token)/);
  });

  test('a token is good for joining and nothing else', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const entry = await cluster.connect(server, await cluster.token(server));
    for (const method of ['node.list', 'token.create', 'network.list', 'feed.snapshot'] as const) {
      expect(await refusal(entry.call(method, { topic: 'cluster' }))).toBe(
        `denied: a join token can be used to join and for nothing else, so not for ${method}`,
      );
    }
    expect(await refusal(entry.open('workload.logs', { name: 'web' }))).toMatch(/^denied: a join token/);
  });

  test('names and addresses that others have are refused with who has them', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1');
    const entry = await cluster.connect(server, await cluster.token(server));
    const join = (name: string, address: string) =>
      refusal(ask(entry, 'node.join', { ...facts(name, address), key: cluster.bus.generateKeys().publicKey }));
    expect(await join('h1', '10.0.0.2')).toBe(
      'conflict: node name h1 is taken by another host (10.0.0.1): choose another with --name',
    );
    expect(await join('h2', '10.0.0.1')).toMatch(/^conflict: address 10.0.0.1 belongs to node h1: choose another/);
    expect(await join('no;name', '10.0.0.2')).toMatch(/^invalid: "no;name" cannot be a node's name/);
    expect(await join('h2', '010.0.0.2')).toMatch(/^invalid: "010.0.0.2" is not an IP address/);
  });

  test('whoever names the key of a node that is down does not bring it back', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const h2 = await cluster.node(server, 'h2', '10.0.0.2');
    await h2.client[Symbol.asyncDispose]();
    cluster.clock.step(16_000);
    await until('down', async () => (await ask(server, 'node.inspect', { name: 'h2' })).status === 'down');
    const key = h2.keys.publicKey;
    expect((await h1.ask('node.join', { ...facts('h2', '10.0.0.2'), key })).node).toBe('h2');
    expect((await ask(server, 'node.inspect', { name: 'h2' })).status).toBe('down');
  });

  test('a node cannot bring in another host', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    const key = cluster.bus.generateKeys().publicKey;
    expect(await refusal(node.ask('node.join', { ...facts('h2', '10.0.0.2'), key }))).toMatch(/^denied: /);
  });

  test.each([
    [{ uses: 0, ttlMs: hour }, 'invalid: a token cannot have 0 uses: give it 1 to 100000'],
    [{ uses: 1, ttlMs: 10 }, 'invalid: a token cannot be valid for 0.01 s: give it one second to 365 days'],
  ])('token %j is refused', async (params, sentence) => {
    await using cluster = await Cluster.create();
    expect(await refusal(ask(await cluster.server(), 'token.create', params))).toBe(sentence);
  });
});

describe('registering', () => {
  test('a changed address is taken, one of a living node is not', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const h2 = await cluster.node(server, 'h2', '10.0.0.2');
    await h1.ask('node.register', { ...facts('h1', '10.0.0.9'), underlayMtu: 9000 });
    expect(await ask(server, 'node.inspect', { name: 'h1' })).toMatchObject({ address: '10.0.0.9', underlayMtu: 9000 });
    expect(await refusal(h2.ask('node.register', facts('h2', '10.0.0.9')))).toBe(
      'conflict: address 10.0.0.9 belongs to node h1: choose another with --address',
    );
    await h2.ask('node.register', facts('h2', '10.0.0.1'));
  });

  test('the same facts again write nothing', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const before = await cluster.store.revision();
    await h1.ask('node.register', facts('h1', '10.0.0.1'));
    expect(await cluster.store.revision()).toBe(before);
  });

  test('a route that leads where a network is, is reported', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    await cluster.node(server, 'h1', '10.0.0.1', { facts: { routes: ['10.42.7.0/24'] } });
    const { events } = await ask(server, 'node.inspect', { name: 'h1' });
    expect(events).toMatchObject([
      {
        kind: 'error',
        message: expect.stringContaining('10.42.7.0/24 of node h1 overlaps network app (10.42.0.0/16)'),
      },
    ]);
  });
});

describe('being there', () => {
  test('a node that is silent is down, one that speaks again is ready, a drained one is draining', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const status = async () => (await ask(server, 'node.inspect', { name: 'h1' })).status;
    await ask(server, 'node.drain', { name: 'h1', drained: true });
    expect(await status()).toBe('draining');
    await h1.client[Symbol.asyncDispose]();
    expect(await status()).toBe('draining');
    cluster.clock.step(16_000);
    await until('h1 is down', async () => (await status()) === 'down');
    await ask(server, 'node.drain', { name: 'h1', drained: false });
    await cluster.rejoin(server, 'h1', '10.0.0.1', h1.keys);
    // The record of its silence goes when the keeper has heard it.
    await until('h1 is ready again', async () => (await status()) === 'ready');
  });

  test('what a server has not heard of since its start is not down, and its containers are as they were', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const { name, id } = await ask(server, 'workload.run', { name: 'web', spec: spec() });
    const status = { name, id, node: 'h1', generation: 1, phase: 'running' as const, message: '', networks: [] };
    await h1.ask('workload.report', { status });
    await h1.client[Symbol.asyncDispose]();
    const again = await cluster.server();
    const view = () => ask(again, 'node.inspect', { name: 'h1' });
    const web = () => ask(again, 'workload.inspect', { name: 'web' });
    expect(await view()).toMatchObject({ status: 'unknown', lastSeen: null });
    expect((await web()).status).toBe('running');
    expect(await ask(again, 'workload.run', { name: 'db', spec: spec() })).toMatchObject({ node: 'h1' });
    expect(await refusal(again.open('workload.logs', { name: 'web', follow: false, timestamps: false }))).toBe(
      'unavailable: container web cannot be reached: its node h1 is not connected at this moment, try again',
    );
    cluster.clock.step(16_000);
    await until('down', async () => (await view()).status === 'down');
    expect(await view()).toMatchObject({ status: 'down', lastSeen: null });
    expect((await web()).status).toBe('unknown');
  });

  test('metrics and the newest fifty events are shown', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    h1.client.pushMetrics({ cpu: 0.25, memory: { used: 1, total: 4 } });
    h1.client.pushMetrics({ cpu: 'high' });
    for (let i = 0; i < 60; i++) await h1.ask('node.event', { kind: 'repair', message: `repair ${i}`, time: i });
    const view = () => ask(server, 'node.inspect', { name: 'h1' });
    await until('metrics', async () => (await view()).cpu === 0.25);
    const { memory, events } = await view();
    expect(memory).toEqual({ used: 1, total: 4 });
    expect(events).toHaveLength(50);
    expect(events.at(-1)?.message).toBe('repair 59');
  });

  test('what is about a node can be asked by that node only', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    expect(await refusal(ask(server, 'node.heartbeat', { topics: {} }))).toMatch(/^denied: only a node/);
  });
});

describe('leaving', () => {
  test('a node that leaves gets its answer, then its key is nobody’s', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    expect(await h1.ask('node.remove', { name: 'h1', force: false })).toEqual({});
    expect(await ask(server, 'node.list', {})).toEqual([]);
    expect(await refusal(h1.ask('node.list', {}))).toMatch(/^denied: /);
    expect(await refusal((await cluster.connect(server, h1.keys)).call('node.list', {}))).toMatch(/^denied: /);
  });

  test('a removed node’s live session ends, at every server', async () => {
    await using cluster = await Cluster.create();
    const [one, two] = [await cluster.server(), await cluster.server()];
    const h1 = await cluster.node(one, 'h1', '10.0.0.1');
    const elsewhere = await cluster.connect(two, h1.keys);
    await elsewhere.call('node.list', {});
    await ask(one, 'node.remove', { name: 'h1', force: false });
    await until('both sessions ended', () => h1.client.state === 'refused' && elsewhere.state === 'refused');
  });

  test('everything of a removed node goes, and its name and address are free', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    await h1.ask('block.lease', { network: network.id });
    await h1.ask('address.reserve', { network: network.id, address: '10.42.0.5' });
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, '10.42.0.5') });
    const run = { name: 'web', node: 'h1', spec: { ...baseSpec, networks: [{ network: 'app', aliases: [] }] } };
    const web = await ask(server, 'workload.run', run);
    expect(await refusal(ask(server, 'node.remove', { name: 'h1', force: false }))).toBe(
      'conflict: node h1 has the containers web and on-10.42.0.5: remove them first, or use --force',
    );
    await ask(server, 'workload.remove', { name: 'web', force: false });
    await h1.ask('workload.report', {
      status: { ...gone, name: 'web', id: web.id, node: 'h1' },
    });
    // One of plain docker's counts as well.
    expect(await refusal(ask(server, 'node.remove', { name: 'h1', force: false }))).toBe(
      'conflict: node h1 has the container on-10.42.0.5: remove it first, or use --force',
    );
    expect(await ask(server, 'node.list', {})).toHaveLength(1);
    await ask(server, 'node.remove', { name: 'h1', force: true });
    const left = await cluster.store.range({ start: '/trama/', end: '/trama0' });
    const lasting = left.entries.filter(({ lease }) => lease === undefined);
    expect([...new Set(lasting.map(({ key }) => key.split('/')[2]))].sort()).toEqual(
      ['block-sets', 'cluster', 'network-names', 'network-set', 'networks', 'tokens', 'vnis'].sort(),
    );
    await cluster.node(server, 'h1', '10.0.0.1');
  });

  test('a removal that another overtook takes nothing of the host that has joined again meanwhile', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    await h1.ask('block.lease', { network: network.id });
    const [gone, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = await cluster.server(
      afterRecord(cluster.store, async () => {
        gone.resolve();
        await go.promise;
      }),
    );
    const removal = ask(slow, 'node.remove', { name: 'h1', force: true });
    await gone.promise;
    await ask(server, 'node.remove', { name: 'h1', force: true });
    const again = await cluster.node(server, 'h1', '10.0.0.1');
    const block = await again.ask('block.lease', { network: network.id });
    go.resolve();
    await removal;
    expect((await ask(server, 'network.inspect', { name: 'app' })).nodes).toMatchObject([{ blocks: [block.cidr] }]);
  });

  test('a removal cut short after the record went is finished by another server’s housekeeping', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const network = await ask(server, 'network.create', { name: 'app' });
    await h1.ask('block.lease', { network: network.id });
    const broken = await cluster.server(failingAfterRecord(cluster.store));
    expect(await refusal(ask(broken, 'node.remove', { name: 'h1', force: true }))).toMatch(/pulled/);
    const token = await cluster.connect(server, await cluster.token(server));
    const again = { ...facts('h1', '10.0.0.1'), key: cluster.bus.generateKeys().publicKey };
    expect(await refusal(ask(token, 'node.join', again))).toMatch(/^conflict: node h1 is just being removed/);
    cluster.clock.step(61_000);
    await cluster.server();
    await until(
      'tidied',
      async () =>
        (await cluster.store.range({ start: '/trama/removing/', end: '/trama/removing0' })).entries.length === 0,
    );
    await ask(token, 'node.join', again);
    expect((await ask(server, 'network.inspect', { name: 'app' })).nodes).toEqual([]);
  });
});

const gone = { generation: 2, phase: 'removing', message: 'gone', networks: [] } as const;

const baseSpec = {
  image: 'busybox',
  command: [],
  env: [],
  ports: [],
  restart: 'no' as const,
  tty: false,
  stdin: false,
  labels: {},
};

/** A store that works until a node's record is deleted, and fails from then on: its server died there. */
function failingAfterRecord(store: Cluster['store']): Cluster['store'] {
  let dead = false;
  return watched(store, async (writes, commit) => {
    if (dead) throw new Error('the plug was pulled');
    dead = takesRecord(writes);
    return commit();
  });
}

/** Does something between the removal of h1's record and what follows. */
function afterRecord(store: Cluster['store'], act: () => Promise<void>): Cluster['store'] {
  return watched(store, async (writes, commit) => {
    const done = await commit();
    if (takesRecord(writes)) await act();
    return done;
  });
}

type Transact = Cluster['store']['transact'];

const takesRecord = (writes: Parameters<Transact>[1]) =>
  writes.some((write) => write.op === 'delete' && write.key === '/trama/nodes/h1');

function watched(
  store: Cluster['store'],
  act: (writes: Parameters<Transact>[1], commit: () => ReturnType<Transact>) => ReturnType<Transact>,
): Cluster['store'] {
  return new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (property === Symbol.asyncDispose) return async () => {};
      if (property !== 'transact') return value.bind(target);
      return (...[conditions, writes]: Parameters<Transact>) => act(writes, () => target.transact(conditions, writes));
    },
  });
}
