import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, type Node, spec, until } from '../../test/server/cluster.ts';
import { type ByteStream, type ClusterChange, streamWindow } from '../protocol/protocol.ts';
import type { Server } from './server.ts';

let cluster: Cluster;
let server: Server;
let h1: Node;
beforeEach(async () => {
  cluster = await Cluster.create();
  server = await cluster.server();
  h1 = await cluster.node(server, 'h1', '10.99.0.1');
});
afterEach(() => cluster[Symbol.asyncDispose]());

/** Hears all there is to hear. */
function hear(stream: ByteStream): ClusterChange[] {
  const heard: ClusterChange[] = [];
  void (async () => {
    for await (const { data } of stream) {
      for (const line of Buffer.from(data).toString().trim().split('\n')) heard.push(JSON.parse(line));
    }
  })().catch(() => {});
  return heard;
}

const topics = (heard: readonly ClusterChange[]) => [...new Set(heard.flatMap(({ changed }) => changed))].sort();

test('the first thing that is heard names everything; then what changes, and nothing while nothing does', async () => {
  const heard = hear(await server.open('cluster.watch', {}));
  await until('the first', () => heard.length > 0);
  expect(heard[0]).toEqual({ cluster: server.cluster, changed: ['nodes', 'networks', 'containers'] });
  heard.length = 0;
  await server.call('network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await until('the network', () => heard.length > 0);
  expect(topics(heard)).toEqual(['networks']);
  heard.length = 0;
  await server.call('workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
  await until('the container', () => topics(heard).includes('containers'));
  heard.length = 0;
  await h1.ask('node.event', { kind: 'repair', message: 'put back a route', time: 1 });
  await until('the event', () => heard.length > 0);
  expect(topics(heard)).toEqual(['nodes']);
});

test('a node hears through its own session; a node that is lost is heard of', async () => {
  const heard = hear(await h1.client.open('cluster.watch', {}));
  await until('the first', () => heard.length > 0);
  heard.length = 0;
  cluster.clock.step(15_000);
  await until('its silence', () => topics(heard).includes('nodes'));
});

test('who reads nothing costs nothing, and then hears of all that has changed', async () => {
  const stream = await server.open('cluster.watch', {});
  for (let i = 0; i < 2000; i++) await h1.ask('node.event', { kind: 'info', message: `${i}`, time: i });
  const heard = hear(stream);
  await server.call('network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await until('the network', () => topics(heard).includes('networks') && heard.length > 1);
  expect(JSON.stringify(heard).length).toBeLessThan(streamWindow / 4);
});

test('a server that stops ends what watches it', async () => {
  const stream = await server.open('cluster.watch', {});
  await server[Symbol.asyncDispose]();
  await expect(stream.result).resolves.toEqual({});
});
