/**
 * What every store must do. Nothing here may rely on what only an embedded store has: revisions are compared with the
 * one at the beginning, and time passes by `elapse`, which for a real cluster waits.
 */
import { describe } from 'vitest';
import type { MakeStore } from './store/fixture.ts';
import { leases } from './store/leases.ts';
import { model } from './store/model.ts';
import { ranges } from './store/ranges.ts';
import { transactions } from './store/transactions.ts';
import { watches } from './store/watches.ts';

export function storeConformance(name: string, makeStore: MakeStore): void {
  describe(`the ${name} store`, () => {
    transactions(makeStore);
    ranges(makeStore);
    watches(makeStore);
    leases(makeStore);
    model(makeStore);
  });
}
