import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys } from '../keys.ts';
import { SortedKeys } from './sorted-keys.ts';

const name = (index: number) => `k${String(index).padStart(6, '0')}`;

describe('sorted keys', () => {
  test('are a sorted set, however keys come and go', () => {
    // Runs of neighbours, so that blocks are split, and emptied, as wholes.
    const run = fc.record({ from: fc.nat(3000), count: fc.integer({ min: 1, max: 1500 }), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 12 }), fc.nat(4500), (runs, start) => {
        const keys = new SortedKeys();
        const expected = new Set<string>();
        for (const { from, count, remove } of runs) {
          for (let index = from; index < from + count; index += 1) {
            const key = name(index);
            if (remove) keys.delete(key);
            else if (!expected.has(key)) keys.add(key);
            if (remove) expected.delete(key);
            else expected.add(key);
          }
        }
        const sorted = [...expected].sort(compareKeys);
        expect([...keys.from('')]).toEqual(sorted);
        expect([...keys.from(name(start))]).toEqual(sorted.filter((key) => key >= name(start)));
      }),
      { numRuns: 40 },
    );
  });
});
