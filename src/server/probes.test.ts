import { expect, test } from 'vitest';
import { Cluster, refusal } from '../../test/server/cluster.ts';
import { ask } from '../protocol/protocol.ts';

test('a server tells its clock', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  cluster.clock.step(3_600_000);
  const before = cluster.clock.now();
  const { now } = await ask(server, 'cluster.clock', {});
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(cluster.clock.now());
});

test('another node is asked what it hears, and its answer is passed on', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const asked: unknown[] = [];
  const handler = {
    call: async (method: string, params: unknown) => {
      if (method === 'agent.probe') asked.push(params);
      return method === 'agent.probe' ? { heard: true, answered: false } : {};
    },
    open: () => Promise.reject(new Error('nothing to open')),
  };
  await cluster.node(server, 'h2', '10.0.0.2', { handler });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const { id: network } = await ask(server, 'network.create', { name: 'app' });
  const way = { network, address: '10.42.0.3', id: 7 };
  expect(await h1.ask('node.probe', { ...way, node: 'h2' })).toEqual({ heard: true, answered: false });
  expect(asked).toEqual([way]);
  expect(await refusal(h1.ask('node.probe', { ...way, node: 'h3' }))).toMatch(/^not-found: there is no node "h3"/);
  expect(await refusal(h1.ask('node.probe', { ...way, node: 'h2', network: 'no' }))).toMatch(/^not-found: /);
});

test('a node that cannot answer is named', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const failing = { call: () => Promise.reject(new Error('no ping')), open: () => Promise.reject(new Error('none')) };
  await cluster.node(server, 'h2', '10.0.0.2', { handler: failing });
  const { id: network } = await ask(server, 'network.create', { name: 'app' });
  const way = { network, address: '10.42.0.3', id: 7, node: 'h2' };
  expect(await refusal(ask(server, 'node.probe', way))).toMatch(/node h2 did not try: /);
});
