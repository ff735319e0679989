import { expect, test } from 'vitest';
import { Health } from './health.ts';

test('who was silent is asked last, for ten seconds, and is doubted until it answers', () => {
  let now = 100_000;
  const health = new Health(() => now);
  const order = () => health.order(['a', 'b', 'c']).join('');
  expect(order()).toBe('abc');
  health.silent('a', now);
  expect(order()).toBe('bca');
  health.silent('b', now);
  expect(order()).toBe('cab');
  now += 10_000;
  expect(order()).toBe('abc');
  expect(['a', 'b', 'c'].map((each) => health.isDoubtful(each))).toEqual([true, true, false]);
  health.answered('a');
  expect(health.isDoubtful('a')).toBe(false);
});

test('who has answered others meanwhile is only slow with one question', () => {
  let now = 0;
  const health = new Health(() => now);
  now = 1000;
  health.answered('a');
  health.silent('a', 500);
  expect(health.isDoubtful('a')).toBe(false);
  health.silent('a', 1500);
  expect(health.isDoubtful('a')).toBe(true);
});
