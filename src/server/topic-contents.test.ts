import { describe, expect, test } from 'vitest';
import { decodeJson, encodeJson } from '../bus/session/wire.ts';
import { systemClock } from '../platform/platform.ts';
import { clusterTopic, networkTopic, nodeTopic } from '../protocol/protocol.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { blockKey, endpointKey } from './keys.ts';
import { TopicContents } from './topic-contents.ts';

const endpoint = (at: number) => ({
  id: `e${at}`,
  network: 'n',
  node: 'h1',
  kind: 'container',
  address: `10.0.0.${at}`,
});

async function scene() {
  const store = createMemoryStore({ clock: systemClock });
  let looks = 0;
  const range: Store['range'] = async (...args) => {
    looks += 1;
    return store.range(...args);
  };
  const come = (at: number) =>
    store.transact([], [{ op: 'put', key: endpointKey('n', `10.0.0.${at}`), value: JSON.stringify(endpoint(at)) }]);
  for (const node of ['h1', 'h2']) {
    const block = { network: 'n', cidr: node === 'h1' ? '10.0.0.0/26' : '10.0.0.64/26', node };
    await store.transact([], [{ op: 'put', key: blockKey('n', block.cidr), value: JSON.stringify(block) }]);
  }
  await come(1);
  const life = { epoch: 7, settled: true };
  /** As a feed that has seen everything up to `seen`, and that network n changed at `changed`. */
  const feed = { seen: 0, changed: 0 };
  const sleeping: (() => void)[] = [];
  const clock = { now: () => 0, sleep: () => new Promise<void>((wake) => sleeping.push(wake)) };
  const pass = async () => {
    for (const wake of sleeping.splice(0)) wake();
    await Promise.resolve();
  };
  const contents = new TopicContents({
    store: { range, revision: () => store.revision() },
    clock,
    life: () => ({ ...life }),
    changedAt: (topic, upTo) => (feed.seen < upTo ? undefined : topic === networkTopic('n') ? feed.changed : 0),
  });
  return { store, contents, come, feed, life, pass, looks: () => looks };
}

const keys = ({ items }: { items: readonly { key: string }[] }) => items.map(({ key }) => key);

test('many who ask at once are answered out of two looks: one that had begun, and one for all the others', async () => {
  const { contents, looks } = await scene();
  const asked = await Promise.all(Array.from({ length: 50 }, () => contents.of(networkTopic('n'))));
  for (const one of asked) expect(keys(one)).toEqual(['block/10.0.0.0/26', 'block/10.0.0.64/26', 'endpoint/10.0.0.1']);
  // Those of one look are one value, which is written once.
  expect(new Set(asked).size).toBeLessThanOrEqual(2);
  expect(asked[0]).toMatchObject({ topic: networkTopic('n'), epoch: 7, settled: true });
  // Each is a look at blocks and one at endpoints.
  expect(looks()).toBeLessThanOrEqual(4);
});

test('nodes are answered out of the same look, each with what is its own', async () => {
  const { contents, looks } = await scene();
  const [first, second, nobody] = await Promise.all(['h1', 'h2', 'h3'].map((node) => contents.of(nodeTopic(node))));
  expect(first && keys(first)).toEqual(['block/n/10.0.0.0/26']);
  expect(second && keys(second)).toEqual(['block/n/10.0.0.64/26']);
  expect(nobody?.items).toEqual([]);
  expect(looks()).toBeLessThanOrEqual(6);
});

test('whoever asks later hears what has happened by then', async () => {
  const { contents, come } = await scene();
  const early = contents.of(networkTopic('n'));
  const { revision } = await come(2);
  const late = await contents.of(networkTopic('n'));
  expect(keys(late)).toContain('endpoint/10.0.0.2');
  expect(late.revision).toBeGreaterThanOrEqual(revision);
  expect((await early).revision).toBeLessThanOrEqual(late.revision);
});

test('what is sent is what it says, as of whichever revision', async () => {
  const { contents, store, feed } = await scene();
  const sent = (value: unknown) => decodeJson(encodeJson(value));
  const first = await contents.of(networkTopic('n'));
  expect(sent(first)).toEqual({ ...first });
  expect(first.items).toHaveLength(3);
  feed.seen = feed.changed = await store.revision();
  for (const at of [1, 2]) {
    const { revision } = await store.transact([], [{ op: 'put', key: blockKey('m', `10.9.${at}.0/26`), value: '{}' }]);
    feed.seen = revision;
    const later = await contents.of(networkTopic('n'));
    expect(sent(later)).toEqual({ ...first, revision });
  }
  expect(sent(await contents.of(nodeTopic('nobody')))).toMatchObject({ topic: nodeTopic('nobody'), items: [] });
});

describe('who asks some time later', () => {
  test('is answered out of the same look, as of now, as long as nothing of the topic has changed', async () => {
    const { contents, store, come, feed, looks } = await scene();
    const first = await contents.of(networkTopic('n'));
    const looked = looks();
    feed.seen = feed.changed = await store.revision();
    expect(await contents.of(networkTopic('n'))).toBe(first);
    // Something elsewhere.
    const { revision } = await store.transact([], [{ op: 'put', key: blockKey('m', '10.9.0.0/26'), value: '{}' }]);
    feed.seen = revision;
    expect(await contents.of(networkTopic('n'))).toEqual({ ...first, revision });
    expect(looks()).toBe(looked);
    feed.changed = feed.seen = (await come(2)).revision;
    expect(keys(await contents.of(networkTopic('n')))).toContain('endpoint/10.0.0.2');
  });

  test('hears what the feed has not seen yet', async () => {
    const { contents, store, come, feed } = await scene();
    feed.seen = feed.changed = await store.revision();
    await contents.of(networkTopic('n'));
    await come(2);
    expect(keys(await contents.of(networkTopic('n')))).toContain('endpoint/10.0.0.2');
  });

  test('hears of another life of the cluster', async () => {
    const { contents, store, feed, life } = await scene();
    feed.seen = feed.changed = await store.revision();
    await contents.of(networkTopic('n'));
    life.epoch = 8;
    expect(await contents.of(networkTopic('n'))).toMatchObject({ epoch: 8 });
  });

  test('makes a new look when that one is old: it is not kept for long', async () => {
    const { contents, store, feed, looks, pass } = await scene();
    feed.seen = feed.changed = await store.revision();
    await contents.of(networkTopic('n'));
    const looked = looks();
    await pass();
    await contents.of(networkTopic('n'));
    expect(looks()).toBeGreaterThan(looked);
  });
});

test('what fails for one look is not kept for the next', async () => {
  const { contents, store } = await scene();
  await store[Symbol.asyncDispose]();
  await expect(contents.of(clusterTopic)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(contents.of(clusterTopic)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(contents.of('weather')).rejects.toMatchObject({ code: 'invalid' });
});
