/** What one server makes of a node that it does not hear, by its own ears and by what others write. */
import { describe, expect, test } from 'vitest';
import type { StoreEvent } from '../store/store.ts';
import { nodeKey, serverKey } from './keys.ts';
import { Presence } from './presence.ts';

const suspectMs = 3000;

function setUp(missesStrangers = false) {
  let [now, revision] = [0, 0];
  const presence = new Presence({
    store: { range: async () => ({ entries: [], revision, more: false }) },
    clock: { now: () => now, elapsed: () => now, sleep: async () => {} },
    times: { suspectMs, downMs: 5000, evictMs: 60_000, graceMs: 3000 },
    missesStrangers: () => missesStrangers,
    onChange() {},
  });
  const tell = (event: StoreEvent) => presence.events(++revision, [event]);
  const put = (health?: object) => {
    const value = JSON.stringify({ name: 'h1', health });
    const times = { createRevision: 1, modRevision: revision + 1, version: revision + 1 };
    tell({ type: 'put', entry: { key: nodeKey('h1'), value, ...times } });
  };
  return {
    presence,
    silent: () => presence.isSilent('h1', suspectMs),
    pass: (ms: number) => {
      now += ms;
    },
    /** Somebody said that it is silent, and somebody who hears it takes that back. */
    contradict() {
      put({ state: 'suspect', since: now, reason: '' });
      put();
    },
    serverEnds: () => tell({ type: 'delete', key: serverKey('10.0.0.2:4701'), previous: undefined } as never),
  };
}

/** How often it is suspected in so many seconds, while another server hears it. */
function suspicions({ silent, pass, contradict }: ReturnType<typeof setUp>, seconds: number): number {
  let count = 0;
  for (let second = 0; second < seconds; second += 1) {
    pass(1000);
    if (!silent()) continue;
    count += 1;
    contradict();
  }
  return count;
}

describe('a node that another server hears', () => {
  test('is suspected less and less often', () => {
    const server = setUp();
    server.presence.heard('h1');
    // After 3, 6, 12, 21 s, and so on up to every half minute.
    expect(suspicions(server, 600)).toBeLessThan(25);
  });

  test('and that is heard here in between is missed as soon as any', () => {
    const server = setUp();
    server.presence.heard('h1');
    suspicions(server, 600);
    server.presence.heard('h1');
    server.pass(suspectMs - 1);
    expect(server.silent()).toBe(false);
    server.pass(1);
    expect(server.silent()).toBe(true);
  });

  test('is missed as soon as any when a server has ended: it may have been the one', () => {
    const server = setUp();
    server.presence.heard('h1');
    suspicions(server, 70);
    server.serverEnds();
    server.pass(suspectMs - 1);
    expect(server.silent()).toBe(false);
    server.pass(1);
    expect(server.silent()).toBe(true);
  });

  test('is not heard here by that', () => {
    const server = setUp();
    server.presence.heard('h1');
    server.pass(suspectMs);
    server.contradict();
    expect(server.silent()).toBe(false);
    expect(server.presence.isHeard('h1')).toBe(false);
  });
});

describe('a node that a server has never heard', () => {
  test('is missed by the one to which that falls, when it has listened for a while', () => {
    const server = setUp(true);
    server.pass(14_999);
    expect(server.silent()).toBe(false);
    server.pass(1);
    expect(server.silent()).toBe(true);
    expect(suspicions(server, 600)).toBeLessThan(25);
  });

  test('is not missed by any other, whatever is written about it', () => {
    const server = setUp();
    server.pass(60_000);
    expect(server.silent()).toBe(false);
    server.contradict();
    server.pass(60_000);
    expect(server.silent()).toBe(false);
    expect(server.presence.state('h1')).toBe('unknown');
  });
});
