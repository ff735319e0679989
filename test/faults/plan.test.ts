import { describe, expect, test } from 'vitest';
import { fromLines, type Round, stepsOf, toLines, type UserAction } from './actions.ts';
import { planOf } from './plan.ts';
import { minimise, without } from './shrink.ts';

const shape = { seed: 7, steps: 2000, servers: 3, members: 3 };

describe('a plan', () => {
  test('follows from its seed', () => {
    expect(planOf(shape)).toEqual(planOf(shape));
    expect(planOf({ ...shape, seed: 8 })).not.toEqual(planOf(shape));
  });

  test('has the steps that were asked for, in bursts of 1 to 4 faults', () => {
    const rounds = planOf(shape);
    const steps = rounds.reduce((sum, round) => sum + stepsOf(round), 0);
    expect(steps).toBeGreaterThanOrEqual(2000);
    expect(steps).toBeLessThan(2012);
    for (const { faults } of rounds) {
      expect(faults.length).toBeGreaterThanOrEqual(1);
      expect(faults.length).toBeLessThanOrEqual(4);
    }
  });

  test('has every fault and everything that people ask for', () => {
    const rounds = planOf(shape);
    const kinds = rounds.flatMap(({ faults, users }) => [...faults, ...users].map(({ kind }) => kind));
    const expected = ['kill', 'pause', 'restart', 'cut', 'loss', 'power-off', 'clock', 'disk-full', 'member-loss'];
    const asked = ['network-create', 'network-rm', 'run', 'stop', 'start', 'rm'];
    expect(new Set(kinds)).toEqual(new Set([...expected, 'compaction', 'damage', ...asked]));
    expect(rounds.some(({ lasting }) => lasting === 'eviction')).toBe(true);
  });

  test('asks only for what is possible', () => {
    const networks = new Set<string>();
    const running = new Map<string, boolean>();
    const check: Record<UserAction['kind'], (action: never) => void> = {
      'network-create': ({ network }: { network: string }) => {
        expect(networks.has(network)).toBe(false);
        networks.add(network);
      },
      'network-rm': ({ network }: { network: string }) => expect(networks.delete(network)).toBe(true),
      run: ({ container, network }: { container: string; network: string }) => {
        expect(networks.has(network) && !running.has(container)).toBe(true);
        running.set(container, true);
      },
      stop: ({ container }: { container: string }) => {
        expect(running.get(container)).toBe(true);
        running.set(container, false);
      },
      start: ({ container }: { container: string }) => {
        expect(running.get(container)).toBe(false);
        running.set(container, true);
      },
      rm: ({ container }: { container: string }) => expect(running.delete(container)).toBe(true),
    };
    for (const { users, during } of planOf(shape)) {
      for (const action of [...users, ...during]) check[action.kind](action as never);
    }
  });

  test('is the same read from its lines', () => {
    const rounds = planOf(shape);
    expect(fromLines(`seed 7: BROKEN\n${toLines(rounds)}`)).toEqual(rounds);
  });
});

describe('a failing history is made smaller', () => {
  const history = planOf({ ...shape, steps: 60 });
  const guilty = history.flatMap(({ faults }) => faults)[9];
  const breaks = (round: Round) => round.faults.some((each) => JSON.stringify(each) === JSON.stringify(guilty));
  const run = async (tried: readonly Round[]) => {
    const at = tried.findIndex(breaks);
    return at < 0 ? { broken: [] } : { broken: ['4: FDB of h1 lacks an entry'], at };
  };

  test('to the one fault that breaks it', async () => {
    const smallest = await minimise(history, ['4: links of h2'], 60_000, run);
    expect(smallest.flatMap(({ faults }) => faults)).toEqual([guilty]);
    expect(smallest.flatMap(({ users }) => users)).toEqual([]);
  });

  test('not to one that breaks otherwise, and not without time', async () => {
    expect(await minimise(history, ['2: a stranger was heard'], 60_000, run)).toEqual(history);
    expect(await minimise(history, ['4: links of h2'], 0, run)).toEqual(history);
  });

  test('by leaving out what is counted over all rounds', () => {
    const all = history.flatMap(({ faults }) => faults);
    expect(without(history, 'faults', 2, 5).flatMap(({ faults }) => faults)).toEqual(all.toSpliced(2, 3));
  });
});
