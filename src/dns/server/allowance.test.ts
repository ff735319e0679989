import { expect, test } from 'vitest';
import { Allowance } from './allowance.ts';

test('a burst, and then no more than comes in', () => {
  const allowance = new Allowance({ perSecond: 10, burst: 3 }, 0);
  const taken = (now: number) => Array.from({ length: 5 }, () => allowance.take(now)).filter(Boolean).length;
  expect(taken(0)).toBe(3);
  expect(taken(99)).toBe(0);
  expect(taken(100)).toBe(1);
  expect(taken(300)).toBe(2);
  expect(taken(60_000)).toBe(3);
  // The clock was set back.
  expect(taken(30_000)).toBe(0);
  expect(taken(30_100)).toBe(1);
});
