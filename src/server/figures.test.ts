import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { families, total } from '../../test/exposition.ts';
import { Cluster, spec, until } from '../../test/server/cluster.ts';
import { Failure } from '../domain/domain.ts';
import { Metrics, silentLog } from '../platform/platform.ts';
import { ask } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';
import type { Server } from './server.ts';

let cluster: Cluster;
let metrics: Metrics;
let server: Server;
/** What the store's methods do before what they do. */
let before: (method: string) => Promise<void>;
let ranges: number;

beforeEach(async () => {
  before = async () => {};
  ranges = 0;
  cluster = await Cluster.create('memory', watched);
  metrics = new Metrics();
  server = await cluster.server(cluster.store, silentLog, { metrics });
});
afterEach(() => cluster[Symbol.asyncDispose]());

const watched = (store: Store): Store =>
  new Proxy(store, {
    get: (target, property) => {
      const value = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (property !== 'range' && property !== 'revision') return value.bind(target);
      return async (...args: unknown[]) => {
        if (property === 'range') ranges += 1;
        await before(property);
        return value.apply(target, args);
      };
    },
  });

const asked = () => metrics.text(silentLog);
/** Figures follow the store by its watch. */
async function figure(name: string, labels: Record<string, string>, expected: number): Promise<void> {
  await until(
    `${name} ${JSON.stringify(labels)} is ${expected}`,
    async () => total(await asked(), name, labels) === expected,
  );
}

describe('figures', () => {
  test('nodes, networks, containers and addresses, as they come and go', async () => {
    await figure('trama_nodes', { status: 'ready' }, 0);
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    await cluster.node(server, 'h2', '10.0.0.2');
    const app = await node.ask('network.create', { name: 'app', subnet: '10.42.0.0/24' });
    await node.ask('workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    await ask(server, 'node.drain', { name: 'h2', drained: true });
    const { cidr } = await node.ask('block.lease', { network: app.id });
    const address = cidr.replace(/\/.*/, '');
    await node.ask('endpoint.put', { endpoint: node.endpoint(app, address) });
    await figure('trama_addresses', { network: 'app', state: 'used' }, 1);
    const text = await asked();
    expect(total(text, 'trama_nodes', { status: 'ready' })).toBe(1);
    expect(total(text, 'trama_nodes', { status: 'draining' })).toBe(1);
    expect(total(text, 'trama_nodes', { status: 'down' })).toBe(0);
    expect(total(text, 'trama_connected_nodes')).toBe(2);
    expect(total(text, 'trama_networks')).toBe(1);
    expect(total(text, 'trama_workloads')).toBe(1);
    expect(total(text, 'trama_endpoints', { network: 'app' })).toBe(1);
    expect(total(text, 'trama_addresses', { network: 'app', state: 'free' })).toBe(252);
    expect(total(text, 'trama_address_blocks', { network: 'app', state: 'leased' })).toBe(1);
    expect(total(text, 'trama_address_blocks', { network: 'app', state: 'free' })).toBe(13);
    await node.ask('endpoint.put', { endpoint: node.endpoint(app, address) });
    await node.ask('endpoint.delete', { network: app.id, address, id: `endpoint-${address}` });
    await node.ask('block.release', { network: app.id, cidr });
    await ask(server, 'node.remove', { name: 'h2', force: true });
    await figure('trama_addresses', { network: 'app', state: 'used' }, 0);
    await figure('trama_address_blocks', { network: 'app', state: 'leased' }, 0);
    await figure('trama_nodes', {}, 1);
  });

  test('are the same when counted later: what came before is in, and nothing twice', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    const app = await node.ask('network.create', { name: 'app', subnet: '10.42.0.0/16' });
    const { cidr } = await node.ask('block.lease', { network: app.id });
    const at = (last: number) => cidr.replace(/\d+\/.*/, String(last + Number(/(\d+)\//.exec(cidr)?.[1])));
    await node.ask('endpoint.put', { endpoint: node.endpoint(app, at(2)) });
    // While it is being counted, more come.
    let further: Promise<unknown> | undefined;
    before = async (method) => {
      if (method === 'range') further ??= node.ask('endpoint.put', { endpoint: node.endpoint(app, at(3)) });
      if (further !== undefined) await Promise.race([further, new Promise((resolve) => setTimeout(resolve, 50))]);
    };
    await asked();
    before = async () => {};
    await further;
    await figure('trama_endpoints', { network: 'app' }, 2);
    await node.ask('endpoint.delete', { network: app.id, address: at(2), id: `endpoint-${at(2)}` });
    await figure('trama_endpoints', { network: 'app' }, 1);
  });

  test('cost no reading of the store once they were counted, nor before anybody asks', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    await node.ask('network.create', { name: 'app' });
    const first = ranges;
    await asked();
    expect(ranges - first).toBe(5);
    await asked();
    await asked();
    expect(ranges - first).toBe(5);
  });

  test('requests, by method and outcome; what no server knows is one series', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    await node.ask('network.inspect', { name: 'none' }).catch(() => {});
    for (const method of ['x', 'y', 'constructor']) await node.client.call(method, {}).catch(() => {});
    const text = await asked();
    expect(total(text, 'trama_requests_total', { method: 'node.register', outcome: 'ok' })).toBe(1);
    expect(total(text, 'trama_requests_total', { method: 'network.inspect', outcome: 'not-found' })).toBe(1);
    expect(total(text, 'trama_requests_total', { method: 'unknown', outcome: 'not-found' })).toBe(3);
    expect(total(text, 'trama_request_duration_seconds_count', { method: 'node.join' })).toBe(1);
    const known = new Set(
      families(text)
        .get('trama_requests_total')
        ?.samples.map(({ labels }) => labels.method),
    );
    expect(known.has('x')).toBe(false);
  });

  test('the feed: how far it has been told, and how much', async () => {
    const told = async (name: string) => total(await asked(), name);
    await until('what was before has been told', async () => (await told('trama_feed_lag_revisions')) === 0);
    const [revision, messages] = [await told('trama_feed_revision'), await told('trama_feed_messages_total')];
    await ask(server, 'network.create', { name: 'app' });
    await until('the feed has told', async () => (await told('trama_feed_messages_total')) === messages + 1);
    expect(await told('trama_feed_revision')).toBeGreaterThan(revision);
    expect(await told('trama_feed_lag_revisions')).toBe(0);
    await ask(server, 'feed.snapshot', { topic: 'cluster' });
    expect(await told('trama_feed_snapshots_total')).toBe(1);
  });
});

describe('readiness', () => {
  test('with its store', async () => {
    expect(await server.readiness()).toEqual({ ready: true });
  });

  test('not while the store fails, and again after that', async () => {
    before = () => Promise.reject(new Failure('unavailable', 'no member answers'));
    const why = 'the store does not answer: no member answers';
    expect(await server.readiness()).toEqual({ ready: false, why });
    before = async () => {};
    expect(await server.readiness()).toEqual({ ready: true });
  });

  test('not while the store says nothing', async () => {
    before = () => new Promise(() => {});
    expect(await server.readiness()).toMatchObject({ ready: false, why: expect.stringContaining('within 2 s') });
  });

  test('not once it stops', async () => {
    await server[Symbol.asyncDispose]();
    expect(await server.readiness()).toMatchObject({ ready: false });
  });
});
