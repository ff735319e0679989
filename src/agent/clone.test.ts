import { describe, expect, test } from 'vitest';
import type { FeedMessage } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { TopicSnapshot, TopicValue } from '../protocol/protocol.ts';
import { Clone } from './clone.ts';

const value = { kind: 'node', node: { name: 'x' } } as unknown as TopicValue;
const change = (key: string) => JSON.stringify([{ key, value }]);

type Delta = Omit<FeedMessage, 'topic'>;

const patienceMs = 2000;

/** A clone beside a server of whose answers the test decides. */
function scene(take: (key: string) => void = () => {}) {
  const asked: { topic: string; answer: (snapshot: TopicSnapshot) => void; fail: (error: Error) => void }[] = [];
  const seen: string[] = [];
  /** What the server can say of what was missed, asked one after the other; of what, and since when, it was asked. */
  const missed: (() => Promise<Delta[] | undefined>)[] = [];
  const lacked: [string, number][] = [];
  const late = Promise.withResolvers<void>();
  const clone = new Clone({
    snapshot: (topic) => new Promise((answer, fail) => asked.push({ topic, answer, fail })),
    missed: async (topic, since) => {
      lacked.push([topic, since]);
      return missed.shift()?.();
    },
    subscribe: () => {},
    unsubscribe: () => {},
    onChanges: (_, changes) => {
      for (const { key } of changes) take(key);
      seen.push(...changes.map((each) => each.key));
    },
    log: silentLog,
    // Of waits only the one for a topic lasts.
    clock: { now: () => 0, sleep: async (ms) => (ms === patienceMs ? late.promise : void (await tick())) },
  });
  const answer = async (snapshot: TopicSnapshot) => {
    asked.shift()?.answer(snapshot);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clone, asked, seen, answer, late, missed, lacked };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('the clone', () => {
  test('keeps messages that come while a snapshot is on its way', async () => {
    const { clone, seen, answer } = scene();
    clone.follow('t');
    clone.onMessage({ topic: 't', previous: 10, revision: 11, data: change('late') });
    await answer({ topic: 't', revision: 10, items: [{ key: 'first', value }] });
    expect(seen).toEqual(['first', 'late']);
    expect(clone.revisions()).toEqual({ t: 11 });
  });

  test('never goes back to what an abandoned store says, be it a delta, a snapshot, or before a restart', async () => {
    const { clone, seen, answer, asked } = scene();
    clone.follow('t');
    clone.restore({ topic: 't', revision: 1010, items: [{ key: 'known', value }] });
    await answer({ topic: 't', revision: 12, items: [{ key: 'old', value }] });
    expect(clone.isFresh('t')).toBe(false);
    await tick();
    await answer({ topic: 't', revision: 1020, items: [{ key: 'known', value }] });
    clone.onMessage({ topic: 't', previous: 10, revision: 14, data: change('older') });
    expect(asked).toEqual([]);
    expect(seen).toEqual(['known']);
    expect([...clone.items('t').keys()]).toEqual(['known']);
    expect(clone.heard()).toBe(1020);
  });

  test('holds as of a later revision once a server has compared, unless it has changed since', async () => {
    const { clone, asked, answer } = scene();
    for (const topic of ['quiet', 'busy', 'unknown']) clone.follow(topic);
    for (const topic of ['quiet', 'busy']) await answer({ topic, revision: 10, items: [] });
    const compared = clone.revisions();
    clone.onMessage({ topic: 'busy', previous: 10, revision: 15, data: change('a') });
    clone.confirm(compared, 20);
    expect(clone.revisions()).toEqual({ quiet: 20, busy: 15, unknown: -1 });
    // A server that has known of nothing since begins to tell from there.
    clone.onMessage({ topic: 'quiet', previous: 18, revision: 21, data: change('b') });
    expect(asked.map(({ topic }) => topic)).toEqual(['unknown']);
    expect(clone.revisions().quiet).toBe(21);
  });

  test('takes a snapshot on a gap, once for many messages', async () => {
    const { clone, asked, answer } = scene();
    clone.follow('t');
    await answer({ topic: 't', revision: 10, items: [] });
    clone.onMessage({ topic: 't', previous: 12, revision: 13, data: change('a') });
    clone.onMessage({ topic: 't', previous: 13, revision: 14, data: change('b') });
    await tick();
    expect(asked.length).toBe(1);
    await answer({ topic: 't', revision: 13, items: [{ key: 'a', value }] });
    expect([...clone.items('t').keys()]).toEqual(['a', 'b']);
  });

  test('asks for one snapshot at a time, also when what came with the last one shows the next gap', async () => {
    const { clone, asked, seen, answer } = scene();
    clone.follow('t');
    clone.onMessage({ topic: 't', previous: 20, revision: 21, data: change('a') });
    clone.onMessage({ topic: 't', previous: 21, revision: 22, data: change('b') });
    await answer({ topic: 't', revision: 10, items: [] });
    expect(asked).toHaveLength(1);
    clone.onMessage({ topic: 't', previous: 22, revision: 23, data: change('c') });
    await answer({ topic: 't', revision: 21, items: [{ key: 'a', value }] });
    await tick();
    expect(asked).toEqual([]);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(clone.revisions()).toEqual({ t: 23 });
  });

  describe('what was missed', () => {
    const delta = (revision: number, key: string): Delta => ({ previous: revision - 1, revision, data: change(key) });
    const at10 = async () => {
      const all = scene();
      all.clone.follow('t');
      await all.answer({ topic: 't', revision: 10, items: [] });
      return all;
    };

    test('is asked for alone, and then comes what has come meanwhile', async () => {
      const { clone, asked, seen, missed, lacked } = await at10();
      const told = Promise.withResolvers<Delta[]>();
      missed.push(() => told.promise);
      clone.onMessage({ topic: 't', ...delta(13, 'c') });
      clone.onMessage({ topic: 't', ...delta(14, 'd') });
      clone.lacking(['t']);
      expect(lacked).toEqual([['t', 10]]);
      told.resolve([delta(11, 'a'), delta(12, 'b'), delta(13, 'c')]);
      await tick();
      expect(seen).toEqual(['a', 'b', 'c', 'd']);
      expect(clone.revisions()).toEqual({ t: 14 });
      // As a heartbeat says it.
      missed.push(async () => [delta(15, 'e')]);
      clone.lacking(['t']);
      await tick();
      expect(clone.revisions()).toEqual({ t: 15 });
      expect(asked).toEqual([]);
    });

    test.each([
      ['cannot be told any more', async () => undefined],
      ['is told by a server of before', () => Promise.reject(new Error('no such method'))],
      ['does not fit', async () => [delta(12, 'b')]],
      ['is not known there yet', async () => []],
    ])('and %s is in a snapshot', async (_, tell) => {
      const { clone, asked, seen, answer, missed, lacked } = await at10();
      missed.push(tell);
      clone.onMessage({ topic: 't', ...delta(13, 'c') });
      await tick();
      expect([lacked.length, asked.length]).toEqual([1, 1]);
      await answer({ topic: 't', revision: 12, items: [{ key: 'ab', value }] });
      expect(seen).toEqual(['ab', 'c']);
    });

    test.each(['deadline', 'unavailable'] as const)('is asked for again, and not for everything: %s', async (code) => {
      const { clone, asked, seen, missed, lacked } = await at10();
      missed.push(
        () => Promise.reject(new Failure(code, 'not now')),
        async () => [delta(11, 'a'), delta(12, 'b')],
      );
      clone.onMessage({ topic: 't', ...delta(13, 'c') });
      await expect.poll(() => seen, { timeout: 5000 }).toEqual(['a', 'b', 'c']);
      expect(lacked).toEqual([
        ['t', 10],
        ['t', 10],
      ]);
      expect(asked).toEqual([]);
    });

    test('is not asked for where nothing is known, nor does it do where a snapshot is wanted', async () => {
      const { clone, asked, answer, missed, lacked } = await at10();
      clone.follow('new');
      await answer({ topic: 'new', revision: 3, items: [] });
      expect(lacked).toEqual([]);
      const told = Promise.withResolvers<Delta[]>();
      missed.push(() => told.promise);
      clone.lacking(['t']);
      clone.refresh(['t']);
      told.resolve([delta(11, 'a')]);
      await tick();
      expect(asked).toHaveLength(1);
      expect(clone.revisions().t).toBe(11);
    });
  });

  test('says when a topic is known: at once, when its snapshot is there, when it is given up, or after a while', async () => {
    const { clone, answer, late } = scene();
    const known: string[] = [];
    const until = (what: string, topic: string) =>
      void clone.untilFresh(topic, patienceMs).then(() => known.push(what));
    until('not followed', 't');
    clone.follow('t');
    clone.follow('u');
    until('told', 't');
    until('given up', 'u');
    await tick();
    expect(known).toEqual(['not followed']);
    await answer({ topic: 't', revision: 1, items: [] });
    until('known before', 't');
    await tick();
    expect(known).toEqual(['not followed', 'told', 'known before']);
    clone.unfollow('u');
    await tick();
    expect(known.at(-1)).toBe('given up');
    clone.follow('v');
    until('late', 'v');
    late.resolve();
    await tick();
    expect(known.at(-1)).toBe('late');
  });

  test('asks again when the server does not answer', async () => {
    const { clone, asked, answer } = scene();
    clone.follow('t');
    asked.shift()?.fail(new Error('nobody there'));
    await tick();
    await tick();
    await answer({ topic: 't', revision: 3, items: [] });
    expect(clone.isFresh('t')).toBe(true);
  });

  test('is asked for once where a heartbeat misses what is on its way, and once more for who comes after the asking', async () => {
    const { clone, asked, answer } = scene();
    clone.follow('t');
    clone.lacking(['t']);
    await answer({ topic: 't', revision: 3, items: [] });
    expect(asked).toEqual([]);
    clone.lacking(['t', 'unknown']);
    clone.refresh();
    const renewed = clone.renewed('t', patienceMs);
    await answer({ topic: 't', revision: 4, items: [] });
    await answer({ topic: 't', revision: 5, items: [] });
    await renewed;
    expect(asked).toEqual([]);
  });

  test('a connection that comes before it is asked for again has nothing asked twice', async () => {
    const { clone, asked, answer } = scene();
    clone.follow('t');
    asked.shift()?.fail(new Error('nobody there yet'));
    clone.refresh();
    const renewed = clone.renewed('t', patienceMs);
    await tick();
    await tick();
    await answer({ topic: 't', revision: 3, items: [] });
    await renewed;
    expect(asked).toEqual([]);
  });

  test('a memory from disk is used but does not count as fresh', async () => {
    const { clone, seen, answer } = scene();
    clone.follow('t');
    clone.restore({ topic: 't', revision: 8, items: [{ key: 'old', value }] });
    expect(seen).toEqual(['old']);
    expect(clone.isFresh('t')).toBe(false);
    expect(clone.revisions()).toEqual({ t: -1 });
    await answer({ topic: 't', revision: 9, items: [] });
    expect(clone.isFresh('t')).toBe(true);
    expect(clone.items('t').size).toBe(0);
  });

  test('a delta costs its own changes, whatever the topic holds', async () => {
    const cost = async (size: number) => {
      const { clone, answer, seen } = scene();
      clone.follow('t');
      await answer({
        topic: 't',
        revision: 1,
        items: Array.from({ length: size }, (_, i) => ({ key: `k${i}`, value })),
      });
      const before = seen.length;
      clone.onMessage({ topic: 't', previous: 1, revision: 2, data: change('new') });
      return seen.length - before;
    };
    expect(await cost(10_000)).toBe(await cost(100));
  });

  test('what is no longer followed is no longer heard', async () => {
    const { clone, seen, answer } = scene();
    clone.follow('t');
    await answer({ topic: 't', revision: 1, items: [] });
    clone.unfollow('t');
    clone.onMessage({ topic: 't', previous: 1, revision: 2, data: change('a') });
    expect(seen).toEqual([]);
    expect(clone.revisions()).toEqual({});
  });

  test('goes on after changes that cannot be taken in', async () => {
    const { clone, asked, seen, answer } = scene((key) => {
      if (key.startsWith('bad')) throw new Error('not understood');
    });
    clone.follow('t');
    await answer({ topic: 't', revision: 1, items: [{ key: 'bad', value }] });
    clone.onMessage({ topic: 't', previous: 1, revision: 2, data: change('bad too') });
    clone.onMessage({ topic: 't', previous: 2, revision: 3, data: change('good') });
    await tick();
    expect(seen).toEqual(['good']);
    expect(asked).toEqual([]);
  });
});
