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
    expect(items.map(({ key }) => key).sort()).toEqual([`network/${network.id}`, 'node/h1']);
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
    expect(await beat()).toEqual({ stale: [] });
    for (const address of addresses.slice(0, 2))
      await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, address) });
    await until('both', () => h1.feed.filter((message) => message.topic === topic).length === 2);
    const last = h1.feed.at(-1) as FeedMessage;
    expect(mirror.apply(last)).toBe(false);
    // Still on its way, perhaps; a second later it is lost.
    expect(await beat()).toEqual({ stale: [] });
    cluster.clock.step(1500);
    expect(await beat()).toEqual({ stale: [topic] });
    await mirror.snapshot(h1.client);
    expect(await beat()).toEqual({ stale: [] });
    expect(mirror.items.size).toBe(2);
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
    expect(mirror.items.size).toBe(3);
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
    await settled(h1, (await h1.ask('feed.snapshot', { topic: clusterTopic })).revision - 1);
    for (const message of h1.feed) mirror.apply(message);
    expect(mirror.items.size).toBe(32);
    expect(mirror.items.has(`network/${network.id}`)).toBe(true);
  });
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
    let failures = 1;
    const forgetful = new Proxy(store, {
      get(target, property) {
        const value = Reflect.get(target, property);
        if (property !== 'watch') return typeof value === 'function' ? value.bind(target) : value;
        return async function* (...args: Parameters<Store['watch']>) {
          if (failures-- > 0) {
            await forgotten.promise;
            yield { kind: 'compacted', compactedTo: 2 };
          } else yield* target.watch(...args);
        };
      },
    });
    await using follow = await Follow.start({ store: forgetful, clock: systemClock, log: silentLog }, [feed]);
    const before = await store.revision();
    await write(store, 2);
    expect(feed.stale({ 'network/n': before })).toEqual([]);
    forgotten.resolve();
    await until('reloaded', () => feed.stale({ 'network/n': before }).length === 1);
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
    expect(feed.stale({ 'node/h1': 5 })).toEqual([]);
    feed.events(6, [{ type: 'delete', key: blockKey('n', '10.0.0.0/26'), revision: 6 }]);
    expect(feed.stale({ 'node/h1': 5 })).toEqual(['node/h1']);
    expect(published).toEqual([]);
    feed.events(7, [{ type: 'delete', key: '/trama/macs/n/x', revision: 7 }]);
    expect(feed.stale({ 'node/h1': 6 })).toEqual([]);
  });
});
