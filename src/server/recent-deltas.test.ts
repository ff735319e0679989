import { expect, test } from 'vitest';
import { RecentDeltas } from './recent-deltas.ts';

const delta = (topic: string, previous: number, revision: number, data = '[]') => ({ topic, previous, revision, data });

test('has what came after a revision, of one topic, as long as nothing between is gone', () => {
  const recent = new RecentDeltas();
  const [one, two, three] = [delta('a', 10, 12), delta('a', 12, 15), delta('a', 15, 16)];
  for (const each of [one, delta('b', 3, 14), two, three]) recent.add(each);
  expect(recent.after('a', 12)).toEqual([two, three]);
  expect(recent.after('a', 13)).toEqual([two, three]);
  expect(recent.after('a', 10)).toEqual([one, two, three]);
  // What was between 9 and 10 is not known.
  expect(recent.after('a', 9)).toBeUndefined();
  expect(recent.after('a', 16)).toBeUndefined();
  expect(recent.after('c', 1)).toBeUndefined();
  recent.clear();
  expect(recent.after('a', 12)).toBeUndefined();
});

test('keeps the latest of all topics together, by number and by size', () => {
  const recent = new RecentDeltas();
  recent.add(delta('quiet', 1, 2));
  for (let n = 10; n < 5010; n += 1) recent.add(delta('busy', n, n + 1));
  expect(recent.after('quiet', 1)).toBeUndefined();
  expect(recent.after('busy', 10)).toHaveLength(5000);
  const mebibyte = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 5; n += 1) recent.add(delta('large', n, n + 1, mebibyte));
  expect(recent.after('busy', 5009)).toBeUndefined();
  expect(recent.after('large', 0)).toBeUndefined();
  expect(recent.after('large', 1)).toHaveLength(4);
});
