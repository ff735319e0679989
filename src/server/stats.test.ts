import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, spec } from '../../test/server/cluster.ts';
import { Failure } from '../domain/domain.ts';
import { ask, type ContainerStats } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

let cluster: Cluster;
let server: Server;
beforeEach(async () => {
  cluster = await Cluster.create();
  server = await cluster.server();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const used = (container: string): ContainerStats => ({
  ...{ container, time: 1, cpu: 0.5, memory: { used: 1, limit: 2 }, network: { received: 3, sent: 4 } },
  ...{ block: { read: 5, written: 6 }, pids: 7 },
});

/** A node whose containers run, except those that it is told have not begun to. */
async function node(
  name: string,
  address: string,
  containers: readonly string[],
  answer: (asked: string[]) => unknown,
) {
  const asked: string[][] = [];
  const handler = {
    call: async (method: string, params: unknown) => {
      expect(method).toBe('container.stats');
      const { containers } = params as { containers: string[] };
      asked.push(containers);
      return answer(containers);
    },
    open: () => Promise.reject(new Failure('not-found', 'no streams')),
  };
  const made = await cluster.node(server, name, address, { handler });
  for (const each of containers) {
    const { id } = await ask(server, 'workload.run', { name: each, node: name, spec: spec([], { image: 'i' }) });
    const status = { name: each, id, node: name, generation: 1, phase: 'running' as const, message: '', networks: [] };
    if (!each.startsWith('new'))
      await made.ask('workload.report', { status: { ...status, containerId: `${each}-id` } });
  }
  return asked;
}

test('all that run are asked of their nodes, one question each', async () => {
  const h1 = await node('h1', '10.99.0.1', ['ca', 'cb', 'new'], (ids) => ids.map(used));
  const h2 = await node('h2', '10.99.0.2', ['cc'], (ids) => ids.map(used));
  const stats = await ask(server, 'workload.stats', {});
  expect(stats.map(({ name, node, cpu }) => ({ name, node, cpu }))).toEqual([
    { name: 'ca', node: 'h1', cpu: 0.5 },
    { name: 'cb', node: 'h1', cpu: 0.5 },
    { name: 'cc', node: 'h2', cpu: 0.5 },
  ]);
  expect([h1, h2]).toEqual([[['ca-id', 'cb-id']], [['cc-id']]]);
});

test('a node that does not answer holds up nobody, and it is said why there is nothing', async () => {
  await node('h1', '10.99.0.1', ['ca'], () => {
    throw new Failure('unavailable', 'Docker is not running on this host');
  });
  await node('h2', '10.99.0.2', ['cc', 'cd'], (ids) => ids.filter((id) => id !== 'cd-id').map(used));
  const stats = await ask(server, 'workload.stats', {});
  expect(stats.map(({ name, missing }) => [name, missing])).toEqual([
    ['ca', 'Docker is not running on this host'],
    ['cc', undefined],
    ['cd', 'it does not run any more'],
  ]);
});

test('those that are named are told of, also when they do not run; who is nobody is refused', async () => {
  const h1 = await node('h1', '10.99.0.1', ['ca', 'cb', 'new'], (ids) => ids.map(used));
  const stats = await ask(server, 'workload.stats', { names: ['new', 'h1/cb'] });
  expect(stats.map(({ name, missing }) => [name, missing])).toEqual([
    ['new', 'it does not run: pending'],
    ['cb', undefined],
  ]);
  expect(h1).toEqual([['cb-id']]);
  await expect(ask(server, 'workload.stats', { names: ['nobody'] })).rejects.toMatchObject({ code: 'not-found' });
});
