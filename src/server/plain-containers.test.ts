import { describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, spec, until } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { type EndpointRecord, Failure, type PublishedPort, type WorkloadRecord } from '../domain/domain.ts';
import { ask, type ContainerView, type EngineContainer, type NetworkView, streamPair } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

/** An engine: what it was asked, and what it answers. */
class FakeEngine {
  readonly asked: [string, unknown][] = [];
  readonly opened: [string, unknown][] = [];
  state: EngineContainer['state'] = 'running';
  refuses: Failure | undefined;

  readonly handler: RequestHandler = {
    call: async (method, params) => {
      this.asked.push([method, params]);
      if (this.refuses !== undefined) throw this.refuses;
      const { container } = params as { container: string };
      return {
        ...{ id: 'f'.repeat(64), name: container, image: 'nginx', exitCode: null, startedAt: 5, networks: [] },
        state: this.state,
      };
    },
    open: async (method, params) => {
      this.opened.push([method, params]);
      return streamPair()[0];
    },
  };
}

interface Scene {
  readonly server: Server;
  readonly app: NetworkView;
  readonly db: NetworkView;
  readonly h1: Node;
  readonly h2: Node;
  readonly engine: FakeEngine;
  /** Whether the endpoint is there, it is so when it resolves. */
  attach(
    node: Node,
    network: NetworkView,
    address: string,
    container: EndpointRecord['container'],
    more?: Partial<EndpointRecord>,
  ): Promise<EndpointRecord>;
}

async function scene(cluster: Cluster): Promise<Scene> {
  const server = await cluster.server();
  const app = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
  const db = await ask(server, 'network.create', { name: 'db', subnet: '10.43.0.0/24' });
  const engine = new FakeEngine();
  const h1 = await cluster.node(server, 'h1', '10.0.0.1', { handler: engine.handler });
  const h2 = await cluster.node(server, 'h2', '10.0.0.2', { handler: engine.handler });
  const attach: Scene['attach'] = async (node, network, address, container, more = {}) => {
    await node.ask('address.reserve', { network: network.id, address });
    const { container: _, ...plain } = node.endpoint(network, address);
    const endpoint = { ...plain, ...(container === undefined ? {} : { container }), ...more };
    await node.ask('endpoint.put', { endpoint: endpoint as never });
    return endpoint;
  };
  return { server, app, db, h1, h2, engine, attach };
}

const id = (digit: string) => digit.repeat(64);
const port = (hostPort: number): PublishedPort => ({ hostPort, containerPort: 80, protocol: 'tcp' });
const list = (server: Server) => ask(server, 'workload.list', {});
const inspect = (server: Server, name: string) => ask(server, 'workload.inspect', { name });

async function listed(server: Server, count: number): Promise<ContainerView[]> {
  await until(`${count} containers`, async () => (await list(server)).length === count);
  return list(server);
}

describe('what people started with docker', () => {
  test('is listed once, with all its networks and what is really published', async () => {
    await using cluster = await Cluster.create();
    const { server, app, db, h2, attach } = await scene(cluster);
    const web = { id: id('a'), name: 'web', image: 'nginx:1' };
    await attach(h2, app, '10.42.0.9', web, { ports: [port(32_768)] });
    await attach(h2, db, '10.43.0.9', web, { ports: [port(32_768)] });
    await attach(h2, app, '10.42.0.10', undefined);
    expect(await listed(server, 1)).toMatchObject([
      {
        ...{
          name: 'web',
          id: id('a').slice(0, 12),
          containerId: id('a'),
          node: 'h2',
          image: 'nginx:1',
          managed: false,
        },
        ...{ status: 'running', message: '', createdAt: null, restart: null, ports: ['32768->80/tcp'] },
        networks: [
          { network: 'app', address: '10.42.0.9' },
          { network: 'db', address: '10.43.0.9' },
        ],
      },
    ]);
  });

  test('comes, is renamed and goes as its endpoints do, also for a server that begins later', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h2, attach } = await scene(cluster);
    const endpoint = await attach(h2, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await listed(server, 1);
    await h2.ask('endpoint.put', { endpoint: { ...endpoint, container: { id: id('a'), name: 'other' } } as never });
    await until('renamed', async () => (await list(server))[0]?.name === 'other');
    expect(await refusal(inspect(server, 'web'))).toMatch(/^not-found: there is no container "web"/);
    const later = await cluster.server();
    expect(await list(later)).toMatchObject([{ name: 'other' }]);
    await h2.ask('endpoint.put', { endpoint: { ...endpoint, container: { id: id('b'), name: 'third' } } as never });
    await until('another has the address', async () => (await list(server))[0]?.containerId === id('b'));
    await h2.ask('endpoint.delete', { network: app.id, address: '10.42.0.9', id: endpoint.id });
    await listed(server, 0);
    await listed(later, 0);
    expect(await refusal(inspect(server, id('b').slice(0, 12)))).toMatch(/^not-found/);
  });

  test('is counted with its node’s others, as they are listed, on every server', async () => {
    await using cluster = await Cluster.create();
    const { server, app, db, h1, h2, attach } = await scene(cluster);
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const bare = await ask(server, 'workload.run', { name: 'bare', node: 'h1', spec: spec() });
    await attach(h1, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await attach(h2, app, '10.42.0.10', { id: id('b'), name: 'web' });
    await attach(h2, db, '10.43.0.10', { id: id('b'), name: 'web' });
    const gone = await attach(h2, db, '10.43.0.11', { id: id('c'), name: 'other' });
    const counted = async (of: Server) => (await ask(of, 'node.list', {})).map(({ containers }) => containers);
    const counts = (expected: number[]) =>
      until(`${expected}`, async () => (await counted(server)).join() === expected.join());
    await counts([2, 2]);
    expect(await counted(await cluster.server())).toEqual([2, 2]);
    expect((await list(server)).map(({ node }) => node).sort()).toEqual(['h1', 'h1', 'h2', 'h2']);
    await h2.ask('endpoint.delete', { network: db.id, address: '10.43.0.11', id: gone.id });
    await ask(server, 'workload.remove', { name: 'bare', force: true });
    const status = { name: 'bare', id: bare.id, node: 'h1', generation: 2, phase: 'removing', message: 'gone' };
    await h1.ask('workload.report', { status: { ...status, networks: [] } as never });
    await counts([1, 1]);
    expect((await ask(server, 'node.inspect', { name: 'h2' })).containers).toBe(1);
  });

  test('a workload stands for its own container, by name and by id, and shows what is really published', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h1, attach } = await scene(cluster);
    const made = await ask(server, 'workload.run', {
      name: 'web',
      node: 'h1',
      spec: spec(['app'], { ports: [port(8080)] }),
    });
    expect(made.ports).toEqual(['8080->80/tcp']);
    await attach(h1, app, '10.42.0.9', { id: id('a'), name: 'web' }, { ports: [port(8081)] });
    await until('published', async () => (await inspect(server, 'web')).ports[0] === '8081->80/tcp');
    expect(await listed(server, 1)).toMatchObject([{ name: 'web', managed: true }]);
    expect((await inspect(server, id('a').slice(0, 12))).managed).toBe(true);
    const status = { name: 'web', id: made.id, node: 'h1', generation: 1, phase: 'running' as const, message: '' };
    await h1.ask('workload.report', { status: { ...status, containerId: id('a'), networks: [] } });
    await h1.ask('endpoint.put', {
      endpoint: { ...h1.endpoint(app, '10.42.0.9'), container: { id: id('a'), name: 'renamed' } },
    });
    await until('known by its id', async () => (await inspect(server, 'web')).ports[0] === '8080->80/tcp');
    expect(await listed(server, 1)).toMatchObject([{ name: 'web', managed: true }]);
  });

  test('on a node that is down is unknown, and looked at in the store alone', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h2, attach } = await scene(cluster);
    await attach(h2, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await listed(server, 1);
    await h2.client[Symbol.asyncDispose]();
    cluster.clock.step(16_000);
    await until('down', async () => (await inspect(server, 'web')).status === 'unknown');
    expect(await inspect(server, 'web')).toMatchObject({ networks: [{ network: 'app', address: '10.42.0.9' }] });
    expect(await refusal(ask(server, 'workload.stop', { name: 'web' }))).toBe(
      'unavailable: container web cannot be reached: its node h2 is down',
    );
  });
});

describe('verbs', () => {
  test('go to its node, by name, id, and with its node before it', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h2, engine, attach } = await scene(cluster);
    await attach(h2, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await listed(server, 1);
    for (const name of ['web', id('a'), id('a').slice(0, 12), 'h2/web', `h2/${id('a').slice(0, 12)}`]) {
      expect(await inspect(server, name)).toMatchObject({
        node: 'h2',
        status: 'running',
        startedAt: 5,
        managed: false,
      });
    }
    expect(new Set(engine.asked.map(([, params]) => JSON.stringify(params)))).toEqual(new Set(['{"container":"web"}']));
    engine.state = 'exited';
    expect(await ask(server, 'workload.stop', { name: 'web', graceSeconds: 3 })).toMatchObject({ status: 'exited' });
    await ask(server, 'workload.start', { name: 'h2/gone' });
    await ask(server, 'workload.remove', { name: 'web', force: true });
    expect(engine.asked.slice(-3)).toEqual([
      ['container.stop', { container: 'web', graceSeconds: 3 }],
      ['container.start', { container: 'gone' }],
      ['container.remove', { container: 'web', force: true }],
    ]);
    engine.refuses = new Failure('conflict', 'container web is running: stop it first or use -f');
    expect(await refusal(ask(server, 'workload.remove', { name: 'web', force: false }))).toMatch(/^conflict: .* -f$/);
    await server.open('workload.logs', { name: id('a'), follow: false, timestamps: false });
    expect(engine.opened).toEqual([['workload.logs', { name: 'web', follow: false, timestamps: false }]]);
    expect(await refusal(inspect(server, 'h9/web'))).toMatch(/^not-found: there is no node "h9"/);
  });

  test('of a name that several have are refused until one says which; a workload comes first', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h1, h2, engine, attach } = await scene(cluster);
    await attach(h1, app, '10.42.0.8', { id: id('a'), name: 'web' });
    await attach(h2, app, '10.42.0.9', { id: id('b'), name: 'web' });
    await listed(server, 2);
    expect(await refusal(inspect(server, 'web'))).toBe(
      'conflict: containers on h1 and h2 are called "web": say which is meant, like h1/web',
    );
    expect(await inspect(server, 'h2/web')).toMatchObject({ node: 'h2' });
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    const asked = engine.asked.length;
    expect(await inspect(server, 'web')).toMatchObject({ node: 'h1', managed: true });
    expect(await inspect(server, 'h1/web')).toMatchObject({ managed: true });
    expect(engine.asked).toHaveLength(asked);
    expect(await inspect(server, 'h2/web')).toMatchObject({ node: 'h2', managed: false });
  });

  test('are not meant by who names a workload by its id, be that gone', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h1, h2, engine, attach } = await scene(cluster);
    await attach(h2, app, '10.42.0.9', { id: id('b'), name: 'web' });
    await listed(server, 1);
    const made = await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    const it = { name: 'web', id: made.id };
    expect(await ask(server, 'workload.remove', { ...it, force: true })).toEqual({ removing: it });
    await h1.ask('workload.report', {
      status: {
        name: 'web',
        id: made.id,
        node: 'h1',
        generation: 2,
        phase: 'removing',
        message: 'gone',
        networks: [],
      } as never,
    });
    for (const name of ['web', 'h2/web']) {
      const which = { name, id: made.id };
      const wait = ask(server, 'workload.wait', { ...which, since: 0, waitMs: 30_000 }, { deadlineMs: 40_000 });
      expect(await wait).toMatchObject({ gone: true });
      expect(await refusal(ask(server, 'workload.remove', { ...which, force: true }))).toMatch(/^not-found/);
      expect(await refusal(ask(server, 'workload.stop', which))).toMatch(/^not-found/);
    }
    const later = await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    expect(await ask(server, 'workload.wait', { ...it, since: 0, waitMs: 0 })).toMatchObject({ gone: true });
    expect(await refusal(ask(server, 'workload.remove', { ...it, force: true }))).toMatch(/^not-found/);
    expect(await inspect(server, 'web')).toMatchObject({ id: later.id, status: 'pending' });
    expect(engine.asked).toEqual([]);
    expect(await ask(server, 'workload.remove', { name: 'h2/web', force: true })).toEqual({});
  });

  test('waiting ends when it is gone', async () => {
    await using cluster = await Cluster.create();
    const { server, app, h2, engine, attach } = await scene(cluster);
    const { id: endpoint } = await attach(h2, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await listed(server, 1);
    const first = await ask(server, 'workload.wait', { name: 'web', since: 0, waitMs: 5000 });
    expect(first).toMatchObject({ gone: false, container: { name: 'web' } });
    expect(await ask(server, 'workload.wait', { name: 'web', since: first.since, waitMs: 20 })).toMatchObject({
      since: first.since,
    });
    const next = ask(server, 'workload.wait', { name: 'web', since: first.since, waitMs: 5000 });
    await h2.ask('endpoint.delete', { network: app.id, address: '10.42.0.9', id: endpoint });
    expect(await next).toMatchObject({ gone: true, container: null });
    expect(await ask(server, 'workload.wait', { name: 'web', since: 0, waitMs: 0 })).toMatchObject({ gone: true });
    // Nor does whoever names its node wait for what is not there.
    engine.refuses = new Failure('not-found', 'there is no container web on node h2');
    const began = Date.now();
    const asked = ask(server, 'workload.wait', { name: 'h2/web', since: 0, waitMs: 5000 });
    expect(await refusal(asked)).toMatch(/^not-found: there is no container web on node h2/);
    expect(Date.now() - began).toBeLessThan(4000);
  });
});

describe('connecting', () => {
  const workload = async (server: Server, name: string) => {
    const { items } = await ask(server, 'feed.snapshot', { topic: 'node/h1' });
    const value = items.find(({ key }) => key === `workload/${name}`)?.value ?? {};
    return (value as { workload: WorkloadRecord }).workload;
  };
  const connect = (server: Server, container: string, more = {}) =>
    ask(server, 'network.connect', { network: 'db', container, ...more });

  test('of a plain container is its node’s alone', async () => {
    await using cluster = await Cluster.create();
    const { server, app, db, h2, engine, attach } = await scene(cluster);
    await attach(h2, app, '10.42.0.9', { id: id('a'), name: 'web' });
    await attach(h2, db, '10.43.0.7', { id: id('b'), name: 'store' });
    await listed(server, 2);
    await connect(server, 'web', { address: '10.43.0.9', aliases: ['api'] });
    const asked = { container: 'web', network: db.id, address: '10.43.0.9', aliases: ['api'] };
    expect(engine.asked).toEqual([['container.connect', asked]]);
    engine.refuses = new Failure('conflict', 'container store is on network db already');
    expect(await refusal(connect(server, 'store'))).toBe('conflict: container store is on network db already');
    engine.refuses = undefined;
    expect(await refusal(connect(server, 'web', { address: '10.43.0.7' }))).toMatch(
      /^conflict: address 10\.43\.0\.7 of network db is in use by container store on node h2/,
    );
    expect(await refusal(ask(server, 'network.connect', { network: 'nope', container: 'web' }))).toMatch(
      /^not-found: .*network "nope"/,
    );
    expect(await refusal(connect(server, 'nobody'))).toMatch(/^not-found: .*container "nobody"/);
    expect(await refusal(connect(server, 'web', { aliases: ['a b'] }))).toMatch(/^invalid/);
    await ask(server, 'network.disconnect', { network: 'app', container: 'web', force: true });
    expect(engine.asked.at(-1)).toEqual(['container.disconnect', { container: 'web', network: app.id, force: true }]);
  });

  test('of a workload is in its record, at no new generation; what its node refuses is not', async () => {
    await using cluster = await Cluster.create();
    const { server, app, db, engine } = await scene(cluster);
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    engine.refuses = new Failure('conflict', 'address 10.43.0.9 of network db is in use on this node');
    expect(await refusal(connect(server, 'web', { address: '10.43.0.9' }))).toMatch(/^conflict: address/);
    expect((await workload(server, 'web')).spec.networks).toHaveLength(1);
    // Not made yet: the record is all there is.
    engine.refuses = new Failure('not-found', 'container web has not been created yet: see trama ps');
    await connect(server, 'web', { address: '10.43.0.9', aliases: ['api'] });
    expect(await workload(server, 'web')).toMatchObject({
      generation: 1,
      spec: {
        networks: [
          { network: 'app', aliases: [] },
          { network: 'db', address: '10.43.0.9', aliases: ['api'] },
        ],
      },
    });
    expect(engine.asked.at(-1)?.[1]).toMatchObject({ container: 'web', network: db.id });
    expect(await refusal(connect(server, 'web'))).toBe('conflict: container web is on network db already');
    engine.refuses = undefined;
    await ask(server, 'network.disconnect', { network: 'app', container: 'web' });
    expect((await workload(server, 'web')).spec.networks).toMatchObject([{ network: 'db' }]);
    expect(engine.asked.at(-1)).toEqual(['container.disconnect', { container: 'web', network: app.id, force: false }]);
    engine.refuses = new Failure('not-found', 'container web is not on network app');
    expect(await refusal(ask(server, 'network.disconnect', { network: 'app', container: 'web' }))).toMatch(
      /^not-found/,
    );
  });

  test('is refused for one without networks of its own, and one whose node is down', async () => {
    await using cluster = await Cluster.create();
    const { server, h1 } = await scene(cluster);
    await ask(server, 'workload.run', { name: 'bare', node: 'h1', spec: { ...spec(), networkMode: 'host' } });
    expect(await refusal(connect(server, 'bare'))).toMatch(/^conflict: container bare has no network of its own/);
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    await h1.client[Symbol.asyncDispose]();
    cluster.clock.step(16_000);
    await until('down', async () => /is down/.test(await refusal(connect(server, 'web'))));
    expect((await workload(server, 'web')).spec.networks).toHaveLength(1);
  });
});
