/** Networks that stay on each host, the built-in one, containers that join others, and where all of that runs. */
import { describe, expect, test } from 'vitest';
import { Cluster, refusal, spec } from '../../test/server/cluster.ts';
import type { RequestHandler } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { ask, type Params, streamPair } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

type Spec = Params<'workload.run'>['spec'];

const run = (server: Server, more: Partial<Spec>, params: Partial<Params<'workload.run'>> = {}) =>
  ask(server, 'workload.run', { ...params, spec: spec([], more) });

/** Agents that remember what they were asked. */
async function scene(cluster: Cluster, answer: () => unknown = () => ({})) {
  const server = await cluster.server();
  const asked: [node: string, method: string, params: unknown][] = [];
  const handler = (node: string): RequestHandler => ({
    call: async (method, params) => {
      asked.push([node, method, params]);
      return answer();
    },
    open: async (method, params) => {
      asked.push([node, method, params]);
      const [near, far] = streamPair();
      far.end({ exitCode: 0 });
      return near;
    },
  });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1', { handler: handler('h1') });
  const h2 = await cluster.node(server, 'h2', '10.0.0.2', { handler: handler('h2'), facts: { underlayMtu: 1400 } });
  return { server, asked, h1, h2 };
}

describe('the built-in network', () => {
  test('is made for the first container that names none, once', async () => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    expect(await ask(server, 'network.list', {})).toEqual([]);
    await Promise.all([
      run(server, {}),
      run(server, {}),
      run(server, { networks: [{ network: 'bridge', aliases: [] }] }),
    ]);
    const made = await ask(server, 'network.list', {});
    expect(made).toMatchObject([{ name: 'bridge', driver: 'bridge', subnet: '10.64.0.0/16', mtu: 1400 }]);
    expect(await refusal(ask(server, 'network.remove', { name: 'bridge' }))).toContain('network bridge is in use by');
  });

  test('is removed like any other, and comes back when it is used', async () => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    const { name } = await run(server, {}, { node: 'h1' });
    const [before] = await ask(server, 'network.list', {});
    await ask(server, 'workload.remove', { name, force: true });
    cluster.clock.step(16_000);
    await ask(server, 'node.remove', { name: 'h1', force: true });
    await ask(server, 'network.remove', { name: 'bridge' });
    expect(await ask(server, 'network.list', {})).toEqual([]);
    const h3 = await cluster.node(server, 'h3', '10.0.0.3');
    await run(server, {}, { node: h3.name });
    const [after] = await ask(server, 'network.list', {});
    expect(after?.name).toBe('bridge');
    expect(after?.id).not.toBe(before?.id);
  });

  test.each(['bridge', 'trama-bridge', 'host', 'none'])('nobody makes a network called %s', async (name) => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    expect(await refusal(ask(server, 'network.create', { name }))).toMatch(/^invalid: /);
  });

  test('is not made for who has no network of its own', async () => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    await run(server, { networkMode: 'host' });
    await run(server, { networkMode: 'none' });
    expect(await ask(server, 'network.list', {})).toEqual([]);
  });
});

test('a network of driver bridge has the whole MTU of the narrowest host, and nothing of VXLAN', async () => {
  await using cluster = await Cluster.create();
  const { server } = await scene(cluster);
  const local = { name: 'local', driver: 'bridge' };
  expect(await ask(server, 'network.create', local)).toMatchObject({ driver: 'bridge', mtu: 1400 });
  const other = { ...local, name: 'other' };
  expect(await refusal(ask(server, 'network.create', { ...other, vni: 7 }))).toMatch(/^invalid: .*leave out --vni/);
  expect(await refusal(ask(server, 'network.create', { ...other, discovery: 'multicast' }))).toMatch(/--discovery/);
  expect(await refusal(ask(server, 'network.create', { ...other, mtu: 1401 }))).toMatch(/choose at most 1400/);
});

describe('a container that joins another', () => {
  test('runs where that one is', async () => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    await run(server, {}, { name: 'web', node: 'h2' });
    for (let i = 0; i < 3; i++) {
      expect((await run(server, { networkMode: { container: 'web' } })).node).toBe('h2');
      expect((await run(server, { pid: { container: 'web' } })).node).toBe('h2');
    }
    await run(server, {}, { name: 'db', node: 'h1' });
    const said = await refusal(run(server, { networkMode: { container: 'web' } }, { node: 'h1' }));
    expect(said).toBe('invalid: container web is on node h2, and who joins it is there too, not on node h1');
    const apart = await refusal(run(server, { networkMode: { container: 'web' }, pid: { container: 'db' } }));
    expect(apart).toMatch(/^invalid: container db is on node h1.*not on node h2/);
  });

  test('that somebody started with docker is where its endpoint is, or where it is said to be', async () => {
    await using cluster = await Cluster.create();
    const { server, h1, h2 } = await scene(cluster);
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    for (const [node, address] of [
      [h2, '10.42.0.9'],
      [h1, '10.42.0.8'],
    ] as const) {
      await node.ask('address.reserve', { network: network.id, address });
      await node.ask('endpoint.put', {
        endpoint: { ...node.endpoint(network, address), container: { id: 'c'.repeat(64), name: `on-${node.name}` } },
      });
    }
    expect((await run(server, { networkMode: { container: 'on-h2' } })).node).toBe('h2');
    const several = await refusal(run(server, { networkMode: { container: 'c'.repeat(12) } }));
    expect(several).toMatch(/^conflict: containers on the nodes .* say which is meant with --node/);
    expect(await refusal(run(server, { networkMode: { container: 'nobody' } }))).toMatch(/^not-found: .*--node/);
    expect((await run(server, { networkMode: { container: 'nobody' } }, { node: 'h1' })).node).toBe('h1');
  });

  test.each<[Partial<Spec>, RegExp]>([
    [{ networkMode: 'host', ports: [{ hostPort: 80, containerPort: 80, protocol: 'tcp' }] }, /leave out -p/],
    [{ networkMode: 'none', networks: [{ network: 'app', aliases: [] }] }, /on no other network/],
    [{ networkMode: { container: 'web' }, hostname: 'w' }, /leave out --hostname/],
    [{ networkMode: { container: '../x' } }, /cannot be a container's name/],
    [{ pid: { container: '' } }, /cannot be a container's name/],
  ])('%j is refused', async (more, sentence) => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster);
    expect(await refusal(run(server, more))).toMatch(sentence);
    expect(await ask(server, 'workload.list', {})).toEqual([]);
  });
});

describe("a registry's login", () => {
  test('is told to the node before the workload, and is in no record', async () => {
    await using cluster = await Cluster.create();
    const { server, asked } = await scene(cluster);
    const { id } = await run(server, {}, { node: 'h2', registryAuth: 'c2VjcmV0' });
    expect(asked).toEqual([['h2', 'image.login', { workload: id, registryAuth: 'c2VjcmV0' }]]);
    const { items } = await ask(server, 'feed.snapshot', { topic: 'node/h2' });
    expect(JSON.stringify(items)).toContain(id);
    expect(JSON.stringify(items)).not.toContain('c2VjcmV0');
  });

  test('that cannot be told lets nothing run', async () => {
    await using cluster = await Cluster.create();
    const { server } = await scene(cluster, () => {
      throw new Failure('unavailable', 'the agent is stopping');
    });
    const said = await refusal(run(server, {}, { node: 'h2', registryAuth: 'c2VjcmV0' }));
    expect(said).toMatch(/^unavailable: the registry's login cannot be given to node h2: the agent is stopping/);
    expect(await ask(server, 'workload.list', {})).toEqual([]);
  });
});

test('tools are opened where the container is', async () => {
  await using cluster = await Cluster.create();
  const { server, asked } = await scene(cluster);
  await run(server, {}, { name: 'web', node: 'h2' });
  const tools = { command: [], tty: false, stdin: false, env: [] };
  const stream = await server.open('workload.debug', { ...tools, name: 'web' });
  expect(await stream.result).toEqual({ exitCode: 0 });
  await server.open('workload.debug', { ...tools, name: 'h1/plain' });
  expect(asked.map(([node, method]) => `${node} ${method}`)).toEqual(['h2 workload.debug', 'h1 workload.debug']);
  expect(await refusal(server.open('workload.debug', { ...tools, name: 'plain' }))).toMatch(
    /^not-found: there is no container/,
  );
});
