import { describe, expect, test } from 'vitest';
import { Cluster, Mirror, type Node, refusal, spec, until } from '../../test/server/cluster.ts';
import type { FeedMessage } from '../bus/bus.ts';
import { assignableAddresses, parseSubnet } from '../domain/domain.ts';
import { silentLog, systemClock } from '../platform/platform.ts';
import { ask, clusterTopic, networkTopic, nodeTopic } from '../protocol/protocol.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { Feed } from './feed.ts';
import { Follow } from './follow.ts';
import { blockKey, endpointKey } from './keys.ts';

async function listening(cluster: Cluster) {
  const server = await cluster.server();
  const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const { cidr } = await h1.ask('block.lease', { network: network.id });
  const addresses = assignableAddresses(parseSubnet(network.subnet), cidr);
  return { server, network, h1, addresses };
}

async function settled(node: Node, revision: number): Promise<void> {
  await until(`revision ${revision} heard`, () => (node.feed.at(-1)?.revision ?? 0) >= revision);
}

/** A network's blocks are beside them. */
const endpointsIn = ({ items }: Mirror): number =>
  [...items.keys()].filter((key) => key.startsWith('endpoint/')).length;

describe('the feed', () => {
  test('chains deltas per topic, and a mirror that follows them equals a fresh snapshot', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1, addresses } = await listening(cluster);
    const topics = [clusterTopic, networkTopic(network.id), nodeTopic('h1')];
    const mirrors = topics.map((topic) => new Mirror(topic));
    for (const topic of topics) h1.client.subscribe(topic);
    for (const mirror of mirrors) await mirror.snapshot(h1.client);
    for (const address of addresses.slice(0, 5))
      await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await ask(server, 'network.create', { name: 'other' });
    await ask(server, 'network.remove', { name: 'other' });
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const [address = ''] = addresses;
    await h1.ask('endpoint.delete', { network: network.id, address, id: `endpoint-${address}` });
    await settled(h1, await cluster.store.revision());
    const previous = new Map<string, number>();
    for (const message of h1.feed) {
      expect(message.previous).toBeLessThan(message.revision);
      const before = previous.get(message.topic);
      if (before !== undefined) expect(message.previous).toBe(before);
      previous.set(message.topic, message.revision);
      for (const mirror of mirrors) expect(mirror.apply(message)).toBe(true);
    }
    for (const mirror of mirrors) {
      const fresh = new Mirror(mirror.topic);
      await fresh.snapshot(h1.client);
      expect(mirror.items).toEqual(fresh.items);
      expect(mirror.items.size).toBeGreaterThan(0);
    }
  });

  test('carries what agents need and nothing else of a node', async () => {
    await using cluster = await Cluster.create();
    const { network, h1 } = await listening(cluster);
    const { items } = await h1.ask('feed.snapshot', { topic: clusterTopic });
    expect(items.map(({ key }) => key).sort()).toEqual([
      `network/${network.id}`,
      'node/h1',
      expect.stringMatching(/^server\/10\.255\.0\.1:/),
    ]);
    const node = items.find(({ key }) => key === 'node/h1')?.value as { node: object };
    expect(Object.keys(node.node)).not.toContain('engine');
    const own = await h1.ask('feed.snapshot', { topic: nodeTopic('h1') });
    expect(own.items.map(({ key }) => key.split('/')[0])).toEqual(['block']);
    await cluster.node(await cluster.server(), 'h2', '10.0.0.2');
    expect(await refusal(h1.ask('feed.snapshot', { topic: nodeTopic('h2') }))).toBe(
      'denied: topic node/h2 is for that node only',
    );
    expect(await refusal(h1.ask('feed.snapshot', { topic: 'weather' }))).toBe('invalid: there is no topic "weather"');
  });

  test('a lost delta is a gap at the next, and without a next the heartbeat tells', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, addresses } = await listening(cluster);
    const topic = networkTopic(network.id);
    const mirror = new Mirror(topic);
    await mirror.snapshot(h1.client);
    h1.client.subscribe(topic);
    const beat = () => h1.ask('node.heartbeat', { topics: { [topic]: mirror.revision } });
    expect(await beat()).toMatchObject({ stale: [] });
    for (const address of addresses.slice(0, 2))
      await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await until('both', () => h1.feed.filter((message) => message.topic === topic).length === 2);
    const last = h1.feed.at(-1) as FeedMessage;
    expect(mirror.apply(last)).toBe(false);
    // Still on its way, perhaps; a second later it is lost.
    expect(await beat()).toMatchObject({ stale: [] });
    cluster.clock.step(1500);
    expect(await beat()).toMatchObject({ stale: [topic] });
    await mirror.snapshot(h1.client);
    expect(await beat()).toMatchObject({ stale: [] });
    expect(endpointsIn(mirror)).toBe(2);
  });

  test('what somebody has missed is told alone, as it was told to the others', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, addresses } = await listening(cluster);
    const topic = networkTopic(network.id);
    h1.client.subscribe(topic);
    const mirror = new Mirror(topic);
    await mirror.snapshot(h1.client);
    for (const address of addresses.slice(0, 3))
      await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await settled(h1, await cluster.store.revision());
    // Over an etcd what was before the snapshot may be told after it.
    const told = h1.feed.filter((each) => each.topic === topic && each.revision > mirror.revision);
    const since = told[0]?.revision ?? 0;
    const { deltas } = await h1.ask('feed.missed', { topic, since });
    expect(deltas?.map((each) => ({ topic, ...each }))).toEqual(told.slice(1));
    expect(deltas).toHaveLength(2);
    const all = await h1.ask('feed.missed', { topic, since: mirror.revision });
    for (const each of all.deltas ?? []) expect(mirror.apply({ topic, ...each })).toBe(true);
    expect(endpointsIn(mirror)).toBe(3);
    expect(await h1.ask('feed.missed', { topic, since: mirror.revision })).toEqual({ deltas: [] });
    await cluster.node(await cluster.server(), 'h2', '10.0.0.2');
    expect(await refusal(h1.ask('feed.missed', { topic: nodeTopic('h2'), since: 1 }))).toBe(
      'denied: topic node/h2 is for that node only',
    );
  });

  test('two servers publish the same revisions: a mirror of both hears nothing twice', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, addresses } = await listening(cluster);
    const second = await cluster.server();
    const heard: FeedMessage[] = [];
    const client = await cluster.connect(second, h1.keys, undefined, (message) => heard.push(message));
    const topic = networkTopic(network.id);
    for (const each of [h1.client, client]) each.subscribe(topic);
    const mirror = new Mirror(topic);
    await mirror.snapshot(client);
    for (const address of addresses.slice(0, 3))
      await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await until('all heard', () => heard.length === 3 && h1.feed.filter((each) => each.topic === topic).length === 3);
    const theirs = h1.feed.filter((each) => each.topic === topic);
    expect(heard.map(({ revision, data }) => [revision, data])).toEqual(
      theirs.map(({ revision, data }) => [revision, data]),
    );
    for (const message of [...heard, ...theirs]) expect(mirror.apply(message)).toBe(true);
    expect(endpointsIn(mirror)).toBe(3);
  });

  test('a snapshot during writes never claims a revision that it does not hold', async () => {
    await using cluster = await Cluster.create();
    const { server, network, h1 } = await listening(cluster);
    const mirror = new Mirror(clusterTopic);
    h1.client.subscribe(clusterTopic);
    const writing = (async () => {
      for (let i = 0; i < 30; i++) await ask(server, 'network.create', { name: `n${i}` });
    })();
    for (let i = 0; i < 30; i++) {
      await mirror.snapshot(h1.client);
      for (const message of h1.feed) expect(mirror.apply(message)).toBe(true);
    }
    await writing;
    const items = () => [...mirror.items.keys()].filter((key) => !key.startsWith('server/'));
    await until('all is heard', () => {
      for (const message of h1.feed) mirror.apply(message);
      return items().length >= 32;
    });
    expect(items()).toHaveLength(32);
    expect(mirror.items.has(`network/${network.id}`)).toBe(true);
  });
});

describe('a server that starts', () => {
  async function late(cluster: Cluster) {
    const { server, network, h1, addresses } = await listening(cluster);
    const topic = networkTopic(network.id);
    const mirror = new Mirror(topic);
    const [first = '', second = ''] = addresses;
    const come = (address: string) => h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await come(first);
    await mirror.snapshot(h1.client);
    // Something else, so that the newest revision is another.
    await ask(server, 'network.create', { name: 'other' });
    const start = async () => {
      const heard: FeedMessage[] = [];
      const client = await cluster.connect(await cluster.server(), h1.keys, undefined, (message) =>
        heard.push(message),
      );
      client.subscribe(topic);
      const beat = () => ask(client, 'node.heartbeat', { topics: { [topic]: mirror.revision } });
      const missed = async () => (await ask(client, 'feed.missed', { topic, since: mirror.revision })).deltas;
      return { heard, beat, missed };
    };
    return { mirror, start, come: () => come(second) };
  }

  test('knows what was told shortly before: who has that is not behind, and what comes next fits', async () => {
    await using cluster = await Cluster.create();
    const { mirror, start, come } = await late(cluster);
    const { heard, beat } = await start();
    expect(await beat()).toMatchObject({ stale: [] });
    await come();
    await until('it is told', () => heard.length > 0);
    expect(mirror.apply(heard[0] as FeedMessage)).toBe(true);
    expect(endpointsIn(mirror)).toBe(2);
  });

  test('knows who missed something of that', async () => {
    await using cluster = await Cluster.create();
    const { start, come, mirror } = await late(cluster);
    await come();
    const { beat, missed } = await start();
    await until('it has heard of it', async () => (await beat()).stale.length === 1);
    // And tells it.
    const [delta, ...others] = (await missed()) ?? [];
    expect(others).toEqual([]);
    expect(delta && mirror.apply({ topic: mirror.topic, ...delta })).toBe(true);
    expect(endpointsIn(mirror)).toBe(2);
  });

  test('takes whom it cannot judge for behind when the store has forgotten that', async () => {
    await using cluster = await Cluster.create();
    const { start, come, mirror } = await late(cluster);
    await cluster.store.compact(await cluster.store.revision());
    const { heard, beat, missed } = await start();
    await until('it has found that out', async () => (await beat()).stale.length === 1);
    expect(await missed()).toBeUndefined();
    await come();
    await until('it is told', () => heard.length > 0);
    expect(mirror.apply(heard[0] as FeedMessage)).toBe(false);
  });

  test('what lacks nothing is told as of which revision that is so; what lacks something is not', async () => {
    await using cluster = await Cluster.create();
    const { network, h1, addresses } = await listening(cluster);
    const topic = networkTopic(network.id);
    const { revision } = await h1.ask('feed.snapshot', { topic });
    const beat = () => h1.ask('node.heartbeat', { topics: { [topic]: revision } });
    const newest = await cluster.store.revision();
    await until('nothing is lacking', async () => ((await beat()).current ?? 0) >= newest);
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, addresses[0] ?? '') });
    await until('something is', async () => (await beat()).current === undefined);
  });
});

test('a snapshot is looked at once as long as nothing of its topic changes', async () => {
  await using store = createMemoryStore({ clock: systemClock });
  let looks = 0;
  const counted = new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (property === 'range') looks += 1;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const put = (network: string, i: number) =>
    store.transact(
      [],
      [
        {
          op: 'put',
          key: endpointKey(network, `10.0.0.${i}`),
          value: JSON.stringify({ id: `e${i}`, network, node: 'h', address: `10.0.0.${i}` }),
        },
      ],
    );
  const feed = new Feed({ store: counted, clock: systemClock, publish: () => {} });
  await using follow = await Follow.load({ store, clock: systemClock, log: silentLog }, [feed]);
  follow.begin();
  await follow.reached((await put('n', 1)).revision);
  await feed.snapshot('network/n');
  const looked = looks;
  const elsewhere = await put('m', 1);
  await follow.reached(elsewhere.revision);
  expect(await feed.snapshot('network/n')).toMatchObject({ revision: elsewhere.revision, items: [{}] });
  expect(looks).toBe(looked);
  // Also before the feed has seen it.
  await put('n', 2);
  expect((await feed.snapshot('network/n')).items).toHaveLength(2);
  await follow.reached((await put('n', 3)).revision);
  expect((await feed.snapshot('network/n')).items).toHaveLength(3);
});

test('of many changes of a topic at once each mirror hears in a few messages, and has all of them', async () => {
  await using store = createMemoryStore({ clock: systemClock });
  const published: FeedMessage[] = [];
  const feed = new Feed({ store, clock: systemClock, publish: (message) => published.push(message) });
  await using follow = await Follow.load({ store, clock: systemClock, log: silentLog }, [feed]);
  follow.begin();
  const mirror = new Mirror('network/n');
  mirror.revision = (await feed.snapshot('network/n')).revision;
  let revision = 0;
  for (let i = 0; i < 200; i += 1) {
    const value = JSON.stringify({ id: `e${i}`, network: 'n', node: 'h', address: `10.0.0.${i}` });
    ({ revision } = await store.transact([], [{ op: 'put', key: endpointKey('n', `10.0.0.${i}`), value }]));
  }
  await follow.reached(revision);
  await until('all is told', () => published.at(-1)?.revision === revision);
  expect(published.length).toBeLessThan(50);
  for (const message of published) expect(mirror.apply(message)).toBe(true);
  expect(endpointsIn(mirror)).toBe(200);
  // Who missed the first of it is told in the same pieces as ever.
  expect(feed.missed('network/n', published[0]?.revision ?? 0)).toHaveLength(199);
});

describe('when the store forgets', () => {
  const record = (i: number) => JSON.stringify({ id: `e${i}`, network: 'n', node: 'h', address: `10.0.0.${i}` });
  const write = (store: Store, i: number) =>
    store.transact([], [{ op: 'put', key: endpointKey('n', `10.0.0.${i}`), value: record(i) }]);

  test('a follower that fell behind begins anew, and mirrors of before are stale', async () => {
    await using store = createMemoryStore({ clock: systemClock });
    const published: FeedMessage[] = [];
    const feed = new Feed({ store, clock: systemClock, publish: (message) => published.push(message) });
    await write(store, 1);
    const forgotten = Promise.withResolvers<void>();
    let watches = 0;
    const forgetful = new Proxy(store, {
      get(target, property) {
        const value = Reflect.get(target, property);
        if (property !== 'watch') return typeof value === 'function' ? value.bind(target) : value;
        return async function* (...args: Parameters<Store['watch']>) {
          watches += 1;
          // The first is about the past, which can be done without.
          if (watches === 2) await forgotten.promise;
          if (watches <= 2) yield { kind: 'compacted', compactedTo: 2 };
          else yield* target.watch(...args);
        };
      },
    });
    await using follow = await Follow.load({ store: forgetful, clock: systemClock, log: silentLog }, [feed]);
    follow.begin();
    const before = await store.revision();
    await write(store, 2);
    expect(feed.compare({ 'network/n': before }).stale).toEqual([]);
    forgotten.resolve();
    await until('reloaded', () => feed.compare({ 'network/n': before }).stale.length === 1);
    const { revision } = await write(store, 3);
    await follow.reached(revision);
    await until('published', () => published.length > 0);
    expect(published[0]?.previous).toBeGreaterThan(before);
  });

  test('a deletion of which nobody knows what it was makes every mirror stale', async () => {
    await using store = createMemoryStore({ clock: systemClock });
    const published: FeedMessage[] = [];
    const feed = new Feed({ store, clock: systemClock, publish: (message) => published.push(message) });
    feed.begin(5);
    expect(feed.compare({ 'node/h1': 5 }).stale).toEqual([]);
    feed.events(6, [{ type: 'delete', key: blockKey('n', '10.0.0.0/26'), revision: 6 }]);
    expect(feed.compare({ 'node/h1': 5 }).stale).toEqual(['node/h1']);
    expect(published).toEqual([]);
    feed.events(7, [{ type: 'delete', key: '/trama/macs/n/x', revision: 7 }]);
    expect(feed.compare({ 'node/h1': 6 }).stale).toEqual([]);
  });
});
