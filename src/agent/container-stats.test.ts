import { expect, test } from 'vitest';
import type { ContainerUsage } from '../runtimes/runtimes.ts';
import { StatsOfContainers } from './container-stats.ts';

/** Containers that each use so much of a core, by a clock that the test sets. */
function host(shares: Record<string, number | undefined>) {
  let now = 1_000_000;
  const asked: string[] = [];
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const usage = async (id: string): Promise<ContainerUsage | undefined> => {
    asked.push(id);
    const share = shares[id];
    if (share === undefined) return undefined;
    const memory = { used: 10, limit: 100 };
    const none = { network: { received: 1, sent: 2 }, block: { read: 3, written: 4 }, pids: 5 };
    return { time: now, cpuNanoseconds: share * now * 1e6, memory, ...none };
  };
  return { stats: new StatsOfContainers({ runtime: { usage }, clock }), asked, clock };
}

test('the first time it looks twice, later once; the share is of a core', async () => {
  const { stats, asked, clock } = host({ web: 0.25, db: 2 });
  const [web, db] = await stats.of(['web', 'db']);
  expect(web).toMatchObject({ container: 'web', memory: { used: 10, limit: 100 }, pids: 5 });
  expect(web?.cpu).toBeCloseTo(0.25);
  expect(db?.cpu).toBeCloseTo(2);
  expect(asked).toHaveLength(4);
  await clock.sleep(1000);
  await stats.of(['web', 'db']);
  expect(asked).toHaveLength(6);
});

test('two who look at once cause one look', async () => {
  const { stats, asked } = host({ web: 0.5 });
  await stats.of(['web']);
  const before = asked.length;
  expect((await stats.of(['web']))[0]?.cpu).toBeCloseTo(0.5);
  expect(asked).toHaveLength(before);
});

test('what is gone or does not run is left out, and what was long ago is not compared with', async () => {
  const shares: Record<string, number | undefined> = { web: 1 };
  const { stats, asked, clock } = host(shares);
  expect(await stats.of(['web', 'gone'])).toHaveLength(1);
  await clock.sleep(60_000);
  asked.length = 0;
  await stats.of(['web']);
  expect(asked).toEqual(['web', 'web']);
  shares.web = undefined;
  await clock.sleep(1000);
  expect(await stats.of(['web'])).toEqual([]);
});

test('a container that was started anew is measured anew', async () => {
  const shares: Record<string, number | undefined> = { web: 3 };
  const { stats, clock } = host(shares);
  await stats.of(['web']);
  shares.web = 0.5;
  await clock.sleep(1000);
  expect((await stats.of(['web']))[0]?.cpu).toBeCloseTo(0.5);
});
