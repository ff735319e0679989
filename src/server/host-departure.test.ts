import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, type Node, refusal } from '../../test/server/cluster.ts';
import { Failure } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

let cluster: Cluster;
let server: Server;
beforeEach(async () => {
  cluster = await Cluster.create();
  server = await cluster.server();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const statusOf = async (name: string) => (await ask(server, 'node.inspect', { name })).status;
const leave = (name: string) => ask(server, 'node.leave', { name, force: false });

/** @param act what the host does when it is asked to leave */
const host = (act: (node: () => Node) => Promise<unknown>): Promise<Node> => {
  const made: Promise<Node> = cluster.node(server, 'h1', '10.99.0.1', {
    handler: {
      call: async (method, params) => {
        expect([method, params]).toEqual(['agent.leave', { force: false, dryRun: false }]);
        const node = await made;
        return act(() => node);
      },
      open: () => Promise.reject(new Error('not asked')),
    },
  });
  return made;
};

test('a host is drained, then leaves by itself; its answer is lost with its session and not missed', async () => {
  let status = '';
  await host(async (node) => {
    status = await statusOf('h1');
    await node().ask('node.remove', { name: 'h1', force: true });
    return { commands: [] };
  });
  expect(await leave('h1')).toEqual({});
  expect(status).toBe('draining');
  expect(await ask(server, 'node.list', {})).toEqual([]);
});

test('a host that cannot leave stays as it was', async () => {
  await host(async () => {
    throw new Failure('conflict', 'containers that Trama did not start are here (db)');
  });
  expect(await refusal(leave('h1'))).toBe('conflict: containers that Trama did not start are here (db)');
  expect(await statusOf('h1')).toBe('ready');
});

test('a host that goes away half-way is still a node, and takes containers again', async () => {
  await host(async (node) => {
    await node().client[Symbol.asyncDispose]();
    return {};
  });
  expect(await refusal(leave('h1'))).toMatch(/^unavailable/);
  expect(await statusOf('h1')).not.toBe('draining');
});

test('of a host that is not connected it is said what can be done', async () => {
  const node = await host(async () => ({}));
  await node.client[Symbol.asyncDispose]();
  expect(await refusal(leave('h1'))).toMatch(/^unavailable: node "h1" is not connected.*trama node rm$/);
  expect(await refusal(leave('h9'))).toMatch(/^not-found/);
});
