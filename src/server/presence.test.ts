/** What one server makes of a node that it does not hear, by its own ears and by what others write. */
import { describe, expect, test } from 'vitest';
import type { StoreEvent } from '../store/store.ts';
import { nodeKey, serverKey } from './keys.ts';
import { Presence } from './presence.ts';

const suspectMs = 3000;

interface Stored {
  readonly name: string;
  readonly health?: object | undefined;
}

function setUp(missesStrangers = false, nodes: readonly Stored[] = []) {
  let [now, revision] = [0, 0];
  const presence = new Presence({
    store: { range: async () => ({ entries: nodes.map(entryOf), revision, more: false }) },
    clock: { now: () => now, elapsed: () => now, sleep: async () => {} },
    times: { suspectMs, downMs: 5000, evictMs: 60_000, graceMs: 3000 },
    missesStrangers: () => missesStrangers,
    onChange() {},
  });
  const tell = (event: StoreEvent) => presence.events(++revision, [event]);
  const entryOf = (node: Stored) => {
    const times = { createRevision: 1, modRevision: revision + 1, version: revision + 1 };
    return { key: nodeKey(node.name), value: JSON.stringify(node), ...times };
  };
  const put = (health?: object) => {
    tell({ type: 'put', entry: entryOf({ name: 'h1', health }) });
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
    store: (health?: object) => put(health),
    told: () => presence.view('h1').events.map(({ time, message }) => `${time} ${message}`),
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

describe('what became of a node', () => {
  const health = (state: string, since: number, reason = 'its link is cut') => ({ state, since, reason });

  test('is told by every server, by what is stored, whoever wrote it', () => {
    const { store, told, pass } = setUp();
    store(health('suspect', 3, 'nothing is heard of it'));
    store();
    expect(told()).toEqual([]);
    store(health('down', 5, 'nothing is heard of it'));
    expect(told()).toEqual(['5 down: nothing is heard of it']);
    store(health('down', 5));
    expect(told()).toEqual(['5 down: its link is cut']);
    pass(7);
    store();
    expect(told()).toEqual(['5 down: its link is cut', '7 back, with all it had']);
    store(health('down', 8));
    store(health('evicting', 9));
    store(health('evicted', 9));
    store();
    expect(told().slice(2)).toEqual([
      '8 down: its link is cut',
      '9 evicted: its link is cut',
      expect.stringMatching(/^7 back after its eviction: /),
    ]);
  });

  test('is told by a server that has just begun, as far as it is so still', async () => {
    const { presence, told } = setUp(false, [{ name: 'h1', health: health('down', 5) }, { name: 'h2' }]);
    await presence.load();
    await presence.load();
    // What it has loaded already, told once more.
    const record = { key: nodeKey('h1'), createRevision: 1, modRevision: 0, version: 1 };
    const before = JSON.stringify({ name: 'h1' });
    presence.events(0, [{ type: 'put', entry: { ...record, value: before } }]);
    expect(told()).toEqual(['5 down: its link is cut']);
    expect(presence.view('h2').events).toEqual([]);
  });
});
