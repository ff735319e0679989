/** When a server is late with its answers, by how long they took before. */
import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { BusClient } from '../bus/bus.ts';
import { type Heard, ServerRoute } from './server-route.ts';

const answer: Heard = { stale: [], evicted: false, current: 1 } as never;

function scene() {
  const clock = heldClock();
  const asked: PromiseWithResolvers<Heard>[] = [];
  const knock = () => {
    const next = Promise.withResolvers<Heard>();
    asked.push(next);
    return next.promise;
  };
  const server = { host: '192.0.2.1', key: 'k', ports: { requests: 4701, feed: 4702 } };
  const route = new ServerRoute(server, { state: 'ready' } as BusClient, clock, knock);
  return {
    route,
    clock,
    /** Asks, and is answered after so long. @returns when it was found silent meanwhile, if ever */
    async beat(ms: number): Promise<number | undefined> {
      const beaten = route.beat();
      let silent: number | undefined;
      for (let passed = 0; passed < ms; passed += 100) {
        await clock.advance(100);
        if (route.silent) silent ??= passed + 100;
      }
      asked.at(-1)?.resolve(answer);
      await beaten;
      expect(route.good).toBe(true);
      return silent;
    },
  };
}

test('a server is late when it owes an answer for 0.8 s', async () => {
  const { beat } = scene();
  expect(await beat(800)).toBe(undefined);
  expect(await beat(900)).toBe(900);
});

test('that is slow for long is late later, up to four seconds; and as before, some answers after it is quick again', async () => {
  const { beat } = scene();
  for (let time = 0; time < 8; time += 1) await beat(1200);
  expect(await beat(2500)).toBe(undefined);
  expect(await beat(4500)).toBe(4100);
  for (let time = 0; time < 8; time += 1) await beat(0);
  expect(await beat(1000)).toBe(900);
});

test('one answer that was slow changes little', async () => {
  const { beat } = scene();
  await beat(1200);
  expect(await beat(1100)).toBe(1000);
});

test('a probe waits for half of that', async () => {
  const { route, clock, beat } = scene();
  for (let time = 0; time < 8; time += 1) await beat(800);
  const probed = route.probe();
  await clock.advance(1000);
  expect(route.silent).toBe(false);
  await clock.advance(100);
  await probed;
  expect(route.silent).toBe(true);
});
