import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, spec, until } from '../../test/server/cluster.ts';
import type { BusClient, RequestHandler } from '../bus/bus.ts';
import { encodeBase64Url, Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { ask, channels, methods, type NetworkView, streamPair, streams } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';
import type { AuditEntry } from './audit.ts';
import { rules } from './rules.ts';
import type { Server } from './server.ts';

const isStream = (method: string) => Object.hasOwn(streams, method);
const begin = (who: Pick<BusClient, 'call' | 'open'>, method: string, params: unknown = {}) =>
  isStream(method) ? who.open(method, params) : who.call(method, params);
const outcome = (asking: Promise<unknown>) =>
  asking.then(
    () => 'ok',
    (error: Error) => error.message,
  );

let cluster: Cluster;
let server: Server;
let lines: string[];
beforeEach(async () => {
  cluster = await Cluster.create();
  lines = [];
  server = await cluster.server(cluster.store, silentLog, { audit: (line) => lines.push(line) });
});
afterEach(() => cluster[Symbol.asyncDispose]());

describe('the table of rules', () => {
  test('has every method and stream that a server answers, and no other', () => {
    const agents = /^(agent|container)\.|^(address\.yield|image\.login|network\.ensure)$/;
    const answered = Object.keys(methods).filter((method) => !agents.test(method));
    expect(Object.keys(rules).sort()).toEqual([...answered, ...Object.keys(streams)].sort());
  });

  test.each(['viewer', 'operator', 'admin'] as const)('is what a user with role %s meets', async (role) => {
    const user = await cluster.user(server, 'ana', role);
    const ranks = ['viewer', 'operator', 'admin'];
    for (const [method, rule] of Object.entries(rules)) {
      const said = await outcome(begin(user, method, { name: 'x' }));
      const may = typeof rule === 'object' && ranks.indexOf(role) >= ranks.indexOf(rule.least);
      if (may) expect(`${method}: ${said}`).not.toMatch(/may not|takes the role/);
      else expect(`${method}: ${said}`).toMatch(new RegExp(`: user ana \\(${role}\\) may not `));
    }
  });

  test('what nobody has thought of is refused, and what agents answer', async () => {
    const admin = await cluster.user(server, 'ana', 'admin');
    for (const method of ['agent.leave', 'container.remove', 'image.login', 'toString', 'workload.teleport'])
      expect(await outcome(admin.call(method, {}))).toMatch(/is for an agent|does not know/);
  });

  test('a role that a newer Trama has made reaches nothing', async () => {
    const keys = cluster.bus.generateKeys();
    const user = { name: 'ana', key: keys.publicKey, role: 'auditor', createdAt: 1 };
    await cluster.store.transact([], [{ op: 'put', key: '/trama/users/ana', value: JSON.stringify(user) }]);
    const asked = async () => refusal(ask(await cluster.connect(server, keys), 'node.list', {}));
    await until('the server has heard of them', async () => !(await asked()).includes('does not know this'));
    expect(await asked()).toMatch(/^denied: user ana \(auditor\) may not list nodes/);
  });

  test('a node and root stay what they were', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    await node.ask('network.create', { name: 'app' });
    await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
  });
});

describe('a user', () => {
  const create = (name: string, more: Record<string, unknown> = {}) =>
    server.call('user.create', {
      ...{ name, role: 'viewer', key: cluster.bus.generateKeys().publicKey },
      ...more,
    });

  test('is made once, listed, shown, and removed', async () => {
    await ask(server, 'network.create', { name: 'app' });
    await create('ana', { role: 'operator', networks: ['app'], ttlMs: 60_000 });
    expect(await refusal(create('ana'))).toMatch(/^conflict: there is a user "ana" already/);
    const [ana] = await ask(server, 'user.list', {});
    expect(ana).toMatchObject({ name: 'ana', role: 'operator', networks: ['app'], expired: false });
    expect((ana?.expiresAt ?? 0) - (ana?.createdAt ?? 0)).toBe(60_000);
    await ask(server, 'user.remove', { name: 'ana' });
    expect(await refusal(ask(server, 'user.inspect', { name: 'ana' }))).toMatch(/^not-found: there is no user "ana"/);
  });

  test.each([
    [{ role: 'king' }, /is not a role/],
    [{ networks: ['nix'] }, /no network "nix"/],
    [{ role: 'admin', networks: ['app'] }, /not limited to networks/],
    [{ ttlMs: 5 }, /one second/],
    [{ key: 'short' }, /40 characters of Z85/],
  ])('is refused for %j', async (more, why) => {
    await ask(server, 'network.create', { name: 'app' });
    expect(await refusal(create('ana', more))).toMatch(why);
  });

  test('cannot have the key of a node, nor of a token', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    const token = await cluster.token(server);
    for (const { publicKey } of [node.keys, token])
      expect(await refusal(create('ana', { key: publicKey }))).toMatch(/^conflict: this key is known already/);
  });

  test('of one secret, the key of a user and a token are not the same', () => {
    const secret = encodeBase64Url(new Uint8Array(32).fill(7));
    expect(cluster.bus.keysFromSecret(secret, 'user')).not.toEqual(cluster.bus.keysFromSecret(secret));
  });

  test('has its deeds written down under its name, refused or not', async () => {
    const ana = await cluster.user(server, 'ana', 'viewer');
    lines.length = 0;
    await refusal(ask(ana, 'workload.remove', { name: 'web', force: true }));
    await ask(ana, 'node.list', {});
    const entries = lines.map((line) => JSON.parse(line) as AuditEntry);
    expect(entries).toMatchObject([{ who: 'user:ana', method: 'workload.remove', outcome: 'denied' }]);
  });

  test('cannot remove itself', async () => {
    const ana = await cluster.user(server, 'ana', 'admin');
    expect(await refusal(ask(ana, 'user.remove', { name: 'ana' }))).toMatch(/^denied: user ana cannot remove itself/);
  });

  test('learns of all servers', async () => {
    await cluster.server();
    const ana = await cluster.user(server, 'ana', 'viewer');
    const said = await ask(ana, 'cluster.servers', {});
    expect(said.cluster).toBe(server.cluster);
    expect(said.servers.map(({ host }) => host).sort()).toEqual(['10.255.0.1', '10.255.0.2']);
    expect(said.server).toMatch(/^10\.255\.0\.1:/);
  });

  test('hears nothing of the feed', async () => {
    const keys = cluster.bus.keysFromSecret(encodeBase64Url(new Uint8Array(32).fill(9)), 'user');
    await ask(server, 'user.create', { name: 'ana', role: 'admin', key: keys.publicKey });
    const heard: unknown[] = [];
    const ana = await cluster.connect(server, keys, undefined, (message) => heard.push(message));
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    for (const client of [ana, node.client]) client.subscribe('cluster');
    await ask(ana, 'cluster.clock', {});
    await node.ask('node.list', {});
    await ask(server, 'network.create', { name: 'app' });
    await until('the node has heard', async () => node.feed.length > 0);
    expect(heard).toEqual([]);
    expect(await refusal(ask(ana, 'feed.snapshot', { topic: 'cluster' }))).toMatch(/^denied: /);
  });
});

test('a key is known at once to a server that hears of everything late; without the store it is not refused either', async () => {
  const state = { late: 300, silent: false };
  const store = new Proxy(cluster.store, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (property === 'watch')
        return async function* (...args: Parameters<Store['watch']>) {
          for await (const item of target.watch(...args)) {
            await new Promise((resolve) => setTimeout(resolve, state.late));
            yield item;
          }
        };
      if (property === 'revision' && state.silent)
        return () => Promise.reject(new Failure('unavailable', 'the store is silent'));
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const other = await cluster.server(store);
  const ana = await cluster.user(server, 'ana', 'viewer');
  expect(await ask(ana, 'node.list', {})).toEqual([]);
  const keys = cluster.bus.keysFromSecret(encodeBase64Url(new Uint8Array(32).fill(7)), 'user');
  await ask(server, 'user.create', { name: 'eva', role: 'viewer', key: keys.publicKey });
  expect(await ask(await cluster.connect(other, keys), 'node.list', {})).toEqual([]);
  state.silent = true;
  const stranger = await cluster.connect(other, cluster.bus.generateKeys());
  expect(await refusal(stranger.call('node.list', {}, { deadlineMs: 500 }))).toMatch(/^unavailable: /);
});

describe('the end of a key', () => {
  const watching = async (user: BusClient) => {
    const stream = await user.open('cluster.watch', {});
    const ended = stream.result.catch((error: Error) => error.message);
    for await (const _ of stream) break;
    return ended;
  };

  test('that expires: what is open ends, and whoever comes is told', async () => {
    const ana = await cluster.user(server, 'ana', 'viewer', { ttlMs: 60_000 });
    const stream = await ana.open('cluster.watch', {});
    cluster.clock.step(61_000);
    await expect(stream.result).rejects.toThrow(/key of user ana expired at .*Ask an administrator/);
    expect(await refusal(ask(ana, 'node.list', {}))).toMatch(/^denied: The key of user ana expired at /);
    expect((await ask(server, 'user.list', {}))[0]).toMatchObject({ name: 'ana', expired: true });
  });

  test('that is removed: at once, and on every server', async () => {
    const other = await cluster.server();
    const keys = cluster.bus.keysFromSecret(encodeBase64Url(new Uint8Array(32).fill(3)), 'user');
    await ask(server, 'user.create', { name: 'ana', role: 'viewer', key: keys.publicKey });
    const clients = await Promise.all([server, other].map((each) => cluster.connect(each, keys)));
    const open = await Promise.all(clients.map((each) => each.open('cluster.watch', {})));
    await ask(server, 'user.remove', { name: 'ana' });
    for (const stream of open) await expect(stream.result).rejects.toThrow(/user was removed/);
    for (const client of clients)
      expect(await refusal(ask(client, 'node.list', {}))).toMatch(/^denied: The server does not know/);
  });

  test('by which it was given anew under its name', async () => {
    const first = await cluster.user(server, 'ana', 'admin');
    const ended = watching(first);
    await ask(server, 'user.remove', { name: 'ana' });
    const second = await cluster.user(server, 'ana', 'viewer');
    expect(await ended).toBeDefined();
    expect(await refusal(ask(first, 'node.list', {}))).toMatch(/^denied: /);
    expect(await refusal(ask(second, 'node.drain', { name: 'h1', drained: true }))).toMatch(/takes the role admin/);
  });
});

describe('limited to networks', () => {
  let app: NetworkView;
  let db: NetworkView;
  let h1: Node;
  let ana: BusClient;
  let opened: string[];

  beforeEach(async () => {
    app = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
    db = await ask(server, 'network.create', { name: 'db', subnet: '10.43.0.0/24' });
    opened = [];
    const handler: RequestHandler = {
      call: async (_method, params) => {
        const { container } = params as { container: string };
        const said = { id: 'f'.repeat(64), name: container, image: 'nginx', exitCode: null, startedAt: 5 };
        return { ...said, state: 'running', networks: [] };
      },
      open: async (method, params) => {
        opened.push(`${method} ${(params as { name: string }).name}`);
        const [near, far] = streamPair();
        void near.send(channels.stdout, Buffer.from('x')).then(() => near.end({ exitCode: 0 }));
        return far;
      },
    };
    h1 = await cluster.node(server, 'h1', '10.0.0.1', { handler });
    ana = await cluster.user(server, 'ana', 'operator', { networks: ['app'] });
    const run = (name: string, ...more: Parameters<typeof spec>) =>
      ask(server, 'workload.run', { name, node: 'h1', spec: spec(...more) });
    await run('web', ['app'], { env: ['PASSWORD=secret'] });
    await run('both', ['app', 'db']);
    await run('postgres', ['db']);
    await run('hostly', [], { networkMode: 'host' });
    await run('beside', ['app'], { pid: 'host' });
  });

  const others = ['both', 'postgres', 'hostly', 'beside'];
  const inContainer = { command: ['true'], tty: false, stdin: false, env: [] };

  test('sees its own', async () => {
    expect((await ask(ana, 'workload.list', {})).map(({ name }) => name)).toEqual(['web']);
    expect((await ask(ana, 'network.list', {})).map(({ name }) => name)).toEqual(['app']);
    expect((await ask(ana, 'workload.stats', { names: ['web', 'both'] })).map(({ name }) => name)).toEqual(['web']);
    await h1.ask('node.event', { kind: 'repair', message: 'of network db', time: 1 });
    expect(await ask(ana, 'node.list', {})).toMatchObject([{ name: 'h1', events: [] }]);
    expect(await ask(ana, 'node.inspect', { name: 'h1' })).toMatchObject({ events: [] });
    expect(await ask(ana, 'workload.inspect', { name: 'web' })).toMatchObject({ spec: { env: ['PASSWORD=secret'] } });
  });

  test.each(others)('has nothing to do with %s', async (name) => {
    const asked: Promise<unknown>[] = [
      ...(['workload.inspect', 'workload.start', 'workload.stop'] as const).map((each) => ask(ana, each, { name })),
      ask(ana, 'workload.remove', { name, force: true }),
      ask(ana, 'workload.wait', { name, since: 0, waitMs: 0 }),
      ask(ana, 'network.connect', { network: 'app', container: name }),
      ask(ana, 'network.disconnect', { network: 'app', container: name }),
      ana.open('workload.logs', { name, follow: false, timestamps: false }),
      ana.open('workload.exec', { name, ...inContainer }),
      ana.open('workload.attach', { name, stdin: false }),
      ana.open('workload.debug', { name, image: 'alpine', ...inContainer }),
      ask(ana, 'workload.path', { name, path: '/etc' }),
      ana.open('workload.archive', { name, path: '/etc' }),
      ana.open('workload.extract', { name, path: '/etc', toUser: false }),
      ana.open('cluster.events', { follow: false }),
    ];
    expect(await ask(ana, 'workload.stats', { names: [name] })).toEqual([]);
    for (const one of asked) expect(await refusal(one)).toMatch(/^denied: user ana \(operator\) .*may not /);
    expect(opened).toEqual([]);
  });

  test('has to do with its own as others have', async () => {
    await ana.open('workload.exec', { name: 'web', ...inContainer });
    await ana.open('workload.debug', { name: 'web', image: 'alpine', ...inContainer });
    await ask(ana, 'workload.stop', { name: 'web' });
    await ask(ana, 'workload.run', { name: 'web2', spec: spec([app.id]) });
    await ask(ana, 'workload.remove', { name: 'web2', force: true });
    expect(opened).toEqual(['workload.exec web', 'workload.debug web']);
  });

  test('runs nothing elsewhere, and moves nothing there', async () => {
    const run = (...more: Parameters<typeof spec>) => ask(ana, 'workload.run', { name: 'new', spec: spec(...more) });
    const asked = [
      run(['db']),
      run(['app', 'db']),
      run([]),
      run([], { networkMode: 'host' }),
      run([], { networkMode: 'none' }),
      run([], { networkMode: { container: 'web' } }),
      run(['app'], { pid: 'host' }),
      ask(ana, 'network.connect', { network: 'db', container: 'web' }),
      ask(ana, 'network.create', { name: 'own' }),
      ask(ana, 'network.remove', { name: 'app' }),
      ask(ana, 'network.inspect', { name: 'db' }),
    ];
    for (const one of asked) expect(await refusal(one)).toMatch(/^denied: user ana \(operator\) /);
  });

  test('a container of docker is its own while it is on its networks alone', async () => {
    const put = async (network: NetworkView, address: string) => {
      await h1.ask('address.reserve', { network: network.id, address });
      const container = { id: 'c'.repeat(64), name: 'plain' };
      await h1.ask('endpoint.put', { endpoint: { ...h1.endpoint(network, address), container } as never });
    };
    await put(app, '10.42.0.99');
    await until('it is seen', async () => (await ask(ana, 'workload.list', {})).some(({ name }) => name === 'plain'));
    await ana.open('workload.exec', { name: 'plain', ...inContainer });
    // What processes it is among nobody here knows.
    expect(await refusal(ana.open('workload.debug', { name: 'plain', image: 'alpine', ...inContainer }))).toMatch(
      /^denied: /,
    );
    await put(db, '10.43.0.99');
    expect(await refusal(ana.open('workload.exec', { name: 'plain', ...inContainer }))).toMatch(/^denied: /);
    expect((await ask(ana, 'workload.list', {})).map(({ name }) => name)).toEqual(['web']);
    // On none of the cluster's networks.
    expect(await refusal(ana.open('workload.exec', { name: 'h1/stranger', ...inContainer }))).toMatch(/^denied: /);
  });

  test('a network of the same name that came later is another', async () => {
    const own = await ask(server, 'network.create', { name: 'own' });
    const eva = await cluster.user(server, 'eva', 'viewer', { networks: ['own'] });
    expect(await ask(eva, 'network.list', {})).toMatchObject([{ id: own.id }]);
    await ask(server, 'network.remove', { name: 'own' });
    await ask(server, 'network.create', { name: 'own' });
    expect(await ask(eva, 'network.list', {})).toEqual([]);
    expect(await ask(server, 'user.inspect', { name: 'eva' })).toMatchObject({ networks: [own.id] });
  });

  test("a viewer is shown no environment; an operator brings no tools of hosts, and is among nobody else's processes", async () => {
    const viewer = await cluster.user(server, 'vic', 'viewer');
    const seen = await ask(viewer, 'workload.inspect', { name: 'web' });
    expect(seen.spec?.env).toEqual(['PASSWORD=(hidden)']);
    const waited = await ask(viewer, 'workload.wait', { name: 'web', since: 0, waitMs: 0 });
    expect(JSON.stringify([seen, waited, await ask(viewer, 'workload.list', {})])).not.toContain('secret');
    const operator = await cluster.user(server, 'oto', 'operator');
    expect(await refusal(operator.open('workload.debug', { name: 'web', ...inContainer }))).toMatch(
      /^denied: user oto \(operator\) .*run it on a host of the cluster/,
    );
    expect(await refusal(operator.open('workload.debug', { name: 'beside', image: 'alpine', ...inContainer }))).toMatch(
      /^denied: /,
    );
    expect(await refusal(ask(operator, 'workload.run', { spec: spec(['app'], { pid: 'host' }) }))).toMatch(/^denied: /);
    const admin = await cluster.user(server, 'ada', 'admin');
    await admin.open('workload.debug', { name: 'web', ...inContainer });
  });
});
