import { expect, test } from 'vitest';
import { Cluster, refusal, spec } from '../../test/server/cluster.ts';
import { ask } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

const moving = spec([], { onNodeLoss: 'reschedule' });
const nodeOf = async (server: Server, name: string) => (await ask(server, 'workload.inspect', { name })).node;

test('of a node removed by force, what asks for it moves to another node; the rest goes', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const h2 = await cluster.node(server, 'h2', '10.0.0.2');
  await h1.ask('node.heartbeat', { topics: {} });
  await h2.ask('node.heartbeat', { topics: {} });
  await ask(server, 'workload.run', { name: 'stays', node: 'h1', spec: spec() });
  await ask(server, 'workload.run', { name: 'moves', node: 'h1', spec: moving });
  expect(await refusal(ask(server, 'node.remove', { name: 'h1', force: false }))).toMatch(
    /^conflict: .*moves and stays/,
  );
  await ask(server, 'node.remove', { name: 'h1', force: true });
  expect((await ask(server, 'workload.list', {})).map(({ name, node }) => [name, node])).toEqual([['moves', 'h2']]);
  // There is no other that could take it.
  await ask(server, 'node.remove', { name: 'h2', force: true });
  expect(await ask(server, 'workload.list', {})).toEqual([]);
});

test('many containers move to as many nodes', { timeout: 30_000 }, async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const numbers = Array.from({ length: 64 }, (_, i) => i + 1);
  const nodes = await Promise.all(numbers.map((i) => cluster.node(server, `h${i}`, `10.0.0.${i}`)));
  await Promise.all(nodes.map((node) => node.ask('node.heartbeat', { topics: {} })));
  for (const i of numbers.slice(1)) await ask(server, 'workload.run', { name: `c${i}`, node: 'h1', spec: moving });
  await ask(server, 'node.remove', { name: 'h1', force: true });
  const now = await Promise.all(numbers.slice(1).map((i) => nodeOf(server, `c${i}`)));
  expect(new Set(now).size).toBe(63);
});

test('containers with much to say move as well, a few at a time', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  for (const i of [1, 2])
    await (await cluster.node(server, `h${i}`, `10.0.0.${i}`)).ask('node.heartbeat', { topics: {} });
  const large = { ...moving, env: [`DATA=${'x'.repeat(300_000)}`] };
  const names = Array.from({ length: 5 }, (_, i) => `large-${i}`);
  for (const name of names) await ask(server, 'workload.run', { name, node: 'h1', spec: large });
  await ask(server, 'node.remove', { name: 'h1', force: true });
  expect(await Promise.all(names.map((name) => nodeOf(server, name)))).toEqual(names.map(() => 'h2'));
});
