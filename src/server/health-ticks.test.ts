/** When, and in which order, something is said of nodes: by ticks, and at once of one that is back. */
import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { Context } from './context.ts';
import { keepHealth } from './health.ts';
import { nodeKey } from './keys.ts';
import { Presence } from './presence.ts';
import type { StoredNode } from './records.ts';

const times = { suspectMs: 3000, downMs: 5000, evictMs: 60_000, graceMs: 50 };

/** Of these nodes; `asked` has those about which something is being written, for ever. */
function watching(names: readonly string[], presence: object, clock = heldClock()) {
  const asked: string[] = [];
  const get = (key: string) => {
    asked.push(key);
    return new Promise(() => {});
  };
  const parts = { clock, presence, members: { names: () => names }, registry: { isKeeper: false }, store: { get } };
  const stop = new AbortController();
  const kept = keepHealth(parts as unknown as Context, times, stop.signal);
  const end = () => {
    stop.abort();
    return kept;
  };
  return { clock, asked, end };
}

test('of many about which something is to be said, those that are heard come first, and no more than sixteen at once', async () => {
  const names = [...Array.from({ length: 20 }, (_, i) => `silent${i}`), 'heard'];
  const { clock, asked, end } = watching(names, {
    onReturn: () => ({ [Symbol.dispose]() {} }),
    isHeard: (node: string) => node === 'heard',
    isSilent: (node: string) => node !== 'heard',
    recorded: (node: string) => (node === 'heard' ? { health: { state: 'suspect' }, ageMs: 0 } : undefined),
  });
  await clock.advance(250);
  await clock.advance(250);
  expect(asked).toEqual(['heard', ...names.slice(0, 15)].map(nodeKey));
  await end();
});

test('who is down and heard again is taken back at once, the next one with the next tick', async () => {
  const states = { h0: 'suspect', h1: 'down', h2: 'down' } as const;
  const entries = Object.entries(states).map(([name, state]) => {
    const node: Partial<StoredNode> = { name, health: { state, since: 0, reason: '' } };
    return { key: nodeKey(name), value: JSON.stringify(node), createRevision: 1, modRevision: 1, version: 1 };
  });
  const clock = heldClock();
  const presence = new Presence({
    store: { range: async () => ({ entries, revision: 1, more: false }) },
    ...{ clock, times, missesStrangers: () => false, onChange: () => {} },
  });
  await presence.load();
  const { asked, end } = watching(Object.keys(states), presence, clock);
  await clock.advance(10);
  expect(asked).toEqual([]);
  // Of one that is only suspect nobody sees anything.
  presence.heard('h0');
  expect(asked).toEqual([]);
  presence.heard('h1');
  expect(asked).toEqual([nodeKey('h1')]);
  // While that is being written, nothing more is.
  presence.heard('h1');
  presence.heard('h2');
  expect(asked).toHaveLength(1);
  await clock.advance(240);
  expect(asked).toEqual(['h1', 'h0', 'h2'].map(nodeKey));
  await end();
});
