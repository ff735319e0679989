import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, type Node, until } from '../../test/server/cluster.ts';
import { type ByteStream, type ClusterEvent, streamWindow } from '../protocol/protocol.ts';
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

async function read(stream: ByteStream, into: ClusterEvent[] = []): Promise<ClusterEvent[]> {
  let rest = '';
  for await (const { data } of stream) {
    const lines = (rest + Buffer.from(data).toString()).split('\n');
    rest = lines.pop() ?? '';
    into.push(...lines.map((line) => JSON.parse(line) as ClusterEvent));
  }
  return into;
}

/** Hears all there is to hear. */
function hear(stream: ByteStream): ClusterEvent[] {
  const heard: ClusterEvent[] = [];
  read(stream, heard).catch(() => {});
  return heard;
}

const words = (events: readonly ClusterEvent[]) => events.map(({ type, action, name }) => `${type} ${action} ${name}`);

const started = (n: number, more: Partial<ClusterEvent> = {}) => ({
  ...{ id: `start/${n}`, time: cluster.clock.now(), type: 'container', action: 'start', name: `c${n}`, message: '' },
  attributes: { image: 'nginx' },
  ...more,
});

test('what happens is told as it happens: networks, nodes, containers, repairs', async () => {
  const heard = hear(await server.open('cluster.events', { follow: true }));
  await server.call('network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await cluster.node(server, 'h2', '10.99.0.2');
  await server.call('node.drain', { name: 'h1', drained: true });
  await h1.ask('node.happened', { events: [started(1)] });
  await h1.ask('node.event', { kind: 'repair', message: 'put back a rule', time: 5 });
  await server.call('network.remove', { name: 'app' });
  await until('all of it', () => heard.length >= 6);
  // What the store tells and what nodes tell come by ways of their own; each in its order.
  const of = (...types: string[]) => heard.filter(({ type }) => types.includes(type));
  expect(words(of('network', 'node'))).toEqual([
    'network create app',
    'node join h2',
    'node drain h1',
    'network remove app',
  ]);
  expect(words(of('container', 'repair'))).toEqual(['container start c1', 'repair repair h1']);
  expect(of('container')[0]).toMatchObject({ node: 'h1', attributes: { image: 'nginx' } });
  expect(of('repair')[0]).toMatchObject({ node: 'h1', message: 'put back a rule' });
});

test('a node that becomes silent, is down and comes back is told of, with why', async () => {
  const heard = hear(await server.open('cluster.events', { follow: true }));
  cluster.clock.step(14_950);
  await until('suspect', () => words(heard).includes('node suspect h1'));
  cluster.clock.step(200);
  await until('down', () => words(heard).includes('node down h1'));
  expect(heard.find(({ action }) => action === 'down')?.message).not.toBe('');
  await h1.ask('node.heartbeat', { topics: {} });
  await until('back', () => words(heard).includes('node ready h1'));
});

test('one event has one id at every server, and a node that tells it twice is heard once', async () => {
  const other = await cluster.server();
  const [here, there] = await Promise.all(
    [server, other].map(async (each) => hear(await each.open('cluster.events', { follow: true }))),
  );
  await server.call('network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await h1.ask('node.happened', { events: [started(1), started(1)] });
  await h1.ask('node.happened', { events: [started(1)] });
  await until('both', () => here?.length === 2 && there?.length === 1);
  const created = (heard: ClusterEvent[] = []) => heard.find(({ type }) => type === 'network')?.id;
  expect(created(there)).toBeTypeOf('string');
  expect(created(here)).toBe(created(there));
});

test('what was before is told to whoever asks for it, of a part of time, and that is the end', async () => {
  const now = cluster.clock.now();
  await h1.ask('node.happened', { events: [1, 2, 3].map((n) => started(n, { time: now - 1000 * (10 - n) })) });
  const asked = { since: now - 8500, until: now - 7500, follow: false };
  expect(words(await read(await server.open('cluster.events', asked)))).toEqual(['container start c2']);
  expect(await read(await server.open('cluster.events', { follow: false }))).toEqual([]);
});

test('a time that is over ends it, also while nothing happens', async () => {
  const stream = await server.open('cluster.events', { follow: true, until: cluster.clock.now() + 60 });
  expect(await read(stream)).toEqual([]);
});

test('a slow reader is told how much it has missed; no more is kept than so many', async () => {
  const stream = await server.open('cluster.events', { follow: true });
  const long = 'x'.repeat(500);
  for (let n = 0; n < 6000; n += 100) {
    const events = Array.from({ length: 100 }, (_, at) => started(n + at, { message: long }));
    await h1.ask('node.happened', { events });
  }
  const heard = hear(stream);
  await until('the newest', () => heard.at(-1)?.name === 'c5999');
  const missed = heard.find(({ action }) => action === 'missed');
  expect(missed?.message).toMatch(/^\d+ events came faster/);
  expect(heard.length).toBeLessThan(2500 + (2 * streamWindow) / 500);
  expect(heard.length - 1 + Number.parseInt(missed?.message ?? '', 10)).toBe(6000);
});

test('what a node tells is cut to what is fit to be kept, and is its own', async () => {
  const heard = hear(await server.open('cluster.events', { follow: true }));
  const attributes = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, 'v'.repeat(1000)]));
  await h1.ask('node.happened', { events: [started(1, { message: 'm'.repeat(10_000), attributes, node: 'h2' })] });
  await until('it', () => heard.length === 1);
  expect(heard[0]?.node).toBe('h1');
  expect(heard[0]?.message).toHaveLength(500);
  expect(Object.values(heard[0]?.attributes ?? {}).map((value) => value.length)).toEqual(Array(12).fill(200));
  await expect(server.call('node.happened', { events: [] })).rejects.toMatchObject({ code: 'denied' });
});
