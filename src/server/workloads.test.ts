import { describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, spec, until } from '../../test/server/cluster.ts';
import type { WorkloadPhase } from '../domain/domain.ts';
import { ask, type ContainerView, type Params } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

async function three(cluster: Cluster) {
  const server = await cluster.server();
  const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const h2 = await cluster.node(server, 'h2', '10.0.0.2');
  return { server, network, h1, h2 };
}

function report(
  node: Node,
  container: ContainerView,
  phase: WorkloadPhase,
  generation: number,
  more: { message?: string; exitCode?: number; containerId?: string } = {},
) {
  const { name, id } = container;
  const status = { name, id, node: node.name, generation, phase, message: '', networks: [], ...more };
  return node.ask('workload.report', { status });
}

const run = (server: Server, params: Partial<Params<'workload.run'>> = {}) =>
  ask(server, 'workload.run', { spec: spec(), ...params });

async function down(cluster: Cluster, server: Server, node: Node): Promise<void> {
  await node.client[Symbol.asyncDispose]();
  cluster.clock.step(16_000);
  await until('down', async () => (await ask(server, 'node.inspect', { name: node.name })).status === 'down');
}

describe('running', () => {
  test('without a node: where the fewest are; without a name: one is invented', async () => {
    await using cluster = await Cluster.create();
    const { server } = await three(cluster);
    const made = await Promise.all([run(server), run(server)]);
    made.push(await run(server), await run(server));
    const all = await ask(server, 'workload.list', {});
    expect(all).toHaveLength(4);
    expect(new Set(made.map(({ name }) => name)).size).toBe(4);
    expect(made[0]).toMatchObject({ image: 'busybox', status: 'pending', exitCode: null, networks: [] });
    await run(server, { node: 'h1', name: 'xx' });
    const before = all.filter(({ node }) => node === 'h1').length;
    expect((await run(server)).node).toBe(before + 1 > 4 - before ? 'h2' : 'h1');
  });

  test('with everything: networks by name, ports as docker writes them', async () => {
    await using cluster = await Cluster.create();
    const { server, network } = await three(cluster);
    const asked = spec([], {
      networks: [{ network: network.id, address: '10.42.0.9', aliases: ['db'] }],
      ports: [
        { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
        { hostAddress: '10.0.0.1', hostPort: 53, containerPort: 53, protocol: 'udp' },
      ],
    });
    const { ports } = await run(server, { name: 'web', node: 'h2', spec: asked });
    expect(ports).toEqual(['8080->80/tcp', '10.0.0.1:53->53/udp']);
    const { items } = await ask(server, 'feed.snapshot', { topic: 'node/h2' });
    expect(items).toMatchObject([
      {
        key: 'workload/web',
        value: {
          workload: {
            name: 'web',
            node: 'h2',
            desired: 'running',
            generation: 1,
            spec: { networks: [{ network: 'app', address: '10.42.0.9', aliases: ['db'] }] },
          },
        },
      },
    ]);
  });

  const rejections: [Partial<Params<'workload.run'>>, string][] = [
    [{ name: 'a b' }, 'invalid: "a b" cannot be a container\'s name'],
    [{ name: 'web' }, 'conflict: there is a container "web" already, on node h1: remove it first with `trama rm web`'],
    [{ node: 'h9' }, 'not-found: there is no node "h9"'],
    [{ spec: spec(['nope']) }, 'not-found: there is no network "nope"'],
    [{ spec: spec(['app', 'app']) }, 'invalid: network app is named twice'],
    [{ spec: spec([], { autoRemove: true, restart: 'always' }) }, 'invalid: a container that goes at its end is not'],
    [{ spec: spec([], { image: 'a b' }) }, 'invalid: "a b" is not an image'],
    [{ spec: spec([], { env: ['=x'] }) }, 'invalid: "=x" is not an environment variable'],
    [{ spec: spec([], { hostname: '-x' }) }, 'invalid: "-x" is not a host name'],
    [{ spec: spec([], { labels: { 'trama.node': 'x' } }) }, 'invalid: label "trama.node" cannot be set'],
    [{ spec: withPort(80, 0) }, 'invalid: "0" is not a port'],
    [{ spec: withPort(8080, 70_000) }, 'invalid: "70000" is not a port'],
    [{ spec: withPort(80, 80, 80) }, 'invalid: host port 80/tcp is published twice'],
    [{ spec: at('10.43.0.5') }, 'invalid: 10.43.0.5 is not in network app (10.42.0.0/16): choose an address inside it'],
    [{ spec: at('10.42.0.1') }, 'invalid: 10.42.0.1 is the nominal gateway of network app'],
    [
      { spec: at('10.42.0.7') },
      'conflict: address 10.42.0.7 of network app is in use by container on-10.42.0.7 on node h1',
    ],
  ];
  test.each(rejections)('%j is refused: %s', async (params, sentence) => {
    await using cluster = await Cluster.create();
    const { server, network, h1 } = await three(cluster);
    await run(server, { name: 'web', node: 'h1' });
    await h1.ask('address.reserve', { network: network.id, address: '10.42.0.7' });
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, '10.42.0.7') });
    expect((await refusal(run(server, params))).slice(0, sentence.length)).toBe(sentence);
  });

  test('on nodes that are drained or down is refused, and without a ready node', async () => {
    await using cluster = await Cluster.create();
    const { server, h1, h2 } = await three(cluster);
    await ask(server, 'node.drain', { name: 'h1', drained: true });
    expect(await refusal(run(server, { node: 'h1' }))).toBe(
      'conflict: node h1 is drained and takes no new containers: choose another node',
    );
    expect((await run(server)).node).toBe('h2');
    await down(cluster, server, h2);
    await ask(h1.client, 'node.heartbeat', { topics: {} });
    expect(await refusal(run(server, { node: 'h2' }))).toMatch(/^unavailable: node h2 is down/);
    expect(await refusal(run(server))).toBe(
      'unavailable: no node is ready to take a container: `trama node ls` shows why',
    );
  });

  test('one name at two servers at once: one container', async () => {
    await using cluster = await Cluster.create();
    const { server } = await three(cluster);
    const other = await cluster.server();
    await cluster.node(other, 'h3', '10.0.0.3');
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? run(server, { name: 'web' }) : run(other, { name: 'web' }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a container’s life', () => {
  test('run, report, stop, start, remove', async () => {
    await using cluster = await Cluster.create();
    const { server, h1, h2 } = await three(cluster);
    const web = await run(server, { name: 'web', node: 'h1' });
    await report(h1, web, 'running', 1, { containerId: 'abc' });
    expect(await ask(server, 'workload.inspect', { name: 'web' })).toMatchObject({
      status: 'running',
      containerId: 'abc',
    });
    expect(await refusal(report(h2, web, 'running', 1))).toMatch(/^denied: container web is on node h1/);
    expect(await refusal(ask(server, 'workload.remove', { name: 'web', force: false }))).toBe(
      'conflict: container web is running: stop it first or use -f',
    );
    await ask(server, 'workload.stop', { name: 'web', graceSeconds: 3 });
    const topic = async () => (await h1.ask('feed.snapshot', { topic: 'node/h1' })).items[0]?.value;
    expect(await topic()).toMatchObject({ workload: { desired: 'stopped', generation: 2, graceSeconds: 3 } });
    await report(h1, web, 'exited', 2, { exitCode: 143 });
    expect(await ask(server, 'workload.inspect', { name: 'web' })).toMatchObject({ status: 'exited', exitCode: 143 });
    // How it ended before says nothing of the start that is asked for now.
    expect((await ask(server, 'workload.start', { name: 'web' })).status).toBe('pending');
    expect(await topic()).toMatchObject({ workload: { desired: 'running', generation: 3 } });
    expect(await topic()).not.toHaveProperty('workload.graceSeconds');
    await report(h1, web, 'running', 3);
    await ask(server, 'workload.remove', { name: 'web', force: true });
    expect(await ask(server, 'workload.inspect', { name: 'web' })).toMatchObject({ status: 'removing' });
    expect(await refusal(ask(server, 'workload.start', { name: 'web' }))).toMatch(
      /^conflict: container web is being removed/,
    );
    await report(h1, web, 'removing', 4);
    await report(h1, web, 'removing', 4, { message: 'gone' });
    await report(h1, web, 'removing', 4, { message: 'gone' });
    expect(await refusal(ask(server, 'workload.inspect', { name: 'web' }))).toMatch(
      /^not-found: there is no container "web"/,
    );
    expect(await refusal(report(h1, web, 'running', 4))).toMatch(/^not-found: container "web" .* no longer part/);
    expect((await cluster.store.range({ start: '/trama/statuses/', end: '/trama/statuses0' })).entries).toEqual([]);
  });

  test('starting what runs and stopping what is stopped writes nothing; what ended by itself is started anew', async () => {
    await using cluster = await Cluster.create();
    const { server, h1 } = await three(cluster);
    const web = await run(server, { name: 'web', node: 'h1' });
    await report(h1, web, 'running', 1);
    const before = await cluster.store.revision();
    await ask(server, 'workload.start', { name: 'web' });
    await report(h1, web, 'running', 1);
    expect(await cluster.store.revision()).toBe(before);
    await report(h1, web, 'exited', 1, { exitCode: 1 });
    expect((await ask(server, 'workload.start', { name: 'web' })).status).toBe('pending');
  });

  test('on a node that is down it is unknown; removed with force it is forgotten at once', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1 } = await three(cluster);
    const web = await run(server, { name: 'web', node: 'h1', spec: spec(['app']) });
    const containerId = 'a'.repeat(64);
    await report(h1, web, 'running', 1, { containerId });
    await h1.ask('block.lease', { network: network.id });
    const endpoint = h1.endpoint(network, '10.42.0.5');
    await h1.ask('address.reserve', { network: network.id, address: endpoint.address });
    await h1.ask('endpoint.put', { endpoint: { ...endpoint, container: { id: containerId, name: 'web' } } });
    await down(cluster, server, h1);
    expect(await ask(server, 'workload.inspect', { name: 'web' })).toMatchObject({ status: 'unknown' });
    expect(await refusal(ask(server, 'workload.remove', { name: 'web', force: false }))).toMatch(/^conflict/);
    await ask(server, 'workload.remove', { name: 'web', force: true });
    expect(await ask(server, 'workload.list', {})).toEqual([]);
    expect((await ask(server, 'network.inspect', { name: 'app' })).containers).toEqual([]);
    await ask(server, 'network.remove', { name: 'app' });
    const back = await cluster.rejoin(server, 'h1', '10.0.0.1', h1.keys);
    expect((await back.ask('feed.snapshot', { topic: 'node/h1' })).items).toEqual([]);
    expect(await refusal(report(back, web, 'running', 1))).toMatch(/^not-found/);
  });
});

describe('waiting', () => {
  test('ends with the next change, at any server, and with the container', async () => {
    await using cluster = await Cluster.create();
    const { server, h1 } = await three(cluster);
    const other = await cluster.server();
    const web = await run(server, { name: 'web', node: 'h1' });
    const wait = (since: number, waitMs = 5000) => ask(other, 'workload.wait', { name: 'web', since, waitMs });
    const first = await wait(0);
    expect(first).toMatchObject({ gone: false, container: { name: 'web' } });
    const started = Date.now();
    const next = wait(first.since);
    await report(h1, web, 'running', 1);
    const second = await next;
    expect(second.since).toBeGreaterThan(first.since);
    expect(Date.now() - started).toBeLessThan(4500);
    const last = wait(second.since);
    await ask(server, 'workload.remove', { name: 'web', force: true });
    const third = await last;
    const gone = wait(third.since);
    await report(h1, web, 'removing', 2, { message: 'gone' });
    expect(await gone).toMatchObject({ gone: true, container: null });
  });

  test('ends when the node goes down or comes back, and not before', async () => {
    await using cluster = await Cluster.create();
    const { server, h1 } = await three(cluster);
    const web = await run(server, { name: 'web', node: 'h1' });
    await report(h1, web, 'running', 1);
    const wait = (since: number, waitMs = 5000) => ask(server, 'workload.wait', { name: 'web', since, waitMs });
    const first = await wait(0);
    // Silent for 15 s in a tenth of a second: nothing will happen then that could wake anybody.
    cluster.clock.step(14_900);
    const next = wait(first.since);
    await h1.client[Symbol.asyncDispose]();
    const second = await next;
    expect(second.container).toMatchObject({ status: 'unknown', message: expect.stringMatching(/h1 is down/) });
    expect(await wait(second.since, 30)).toMatchObject({ since: second.since });
    const last = wait(second.since);
    await cluster.rejoin(server, 'h1', '10.0.0.1', h1.keys);
    expect((await last).container?.status).toBe('running');
  });

  test('ends without a change when the time is over', async () => {
    await using cluster = await Cluster.create();
    const { server } = await three(cluster);
    await run(server, { name: 'web', node: 'h1' });
    const { since } = await ask(server, 'workload.wait', { name: 'web', since: 0, waitMs: 0 });
    expect(await ask(server, 'workload.wait', { name: 'web', since, waitMs: 30 })).toMatchObject({
      since,
      gone: false,
    });
  });
});

function withPort(hostPort: number, containerPort: number, again?: number) {
  const port = { hostPort, containerPort, protocol: 'tcp' as const };
  return spec([], { ports: again === undefined ? [port] : [port, { ...port, hostPort: again }] });
}

function at(address: string) {
  return spec([], { networks: [{ network: 'app', address, aliases: [] }] });
}
