import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { shiftedStore } from '../../src/store/shifted-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { heldClock } from './held-clock.ts';
import { storeConformance } from './store.ts';

storeConformance('memory', async () => {
  const clock = heldClock();
  const store = createMemoryStore({ clock });
  return { store, elapse: clock.advance, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

// One that goes on counting where another ended; and one that was written more than the other.
for (const by of [1_800_000_000_000_000, -3]) {
  storeConformance(`memory store shifted by ${by}`, async () => {
    const clock = heldClock();
    const inner = createMemoryStore({ clock });
    for (let i = 0; i < 3; i++) await inner.transact([], [{ op: 'put', key: 'before', value: `${i}` }]);
    await inner.transact([], [{ op: 'delete', key: 'before' }]);
    const store = shiftedStore(inner, by);
    return { store, elapse: clock.advance, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  });
}

storeConformance('sqlite', async () => {
  const clock = heldClock();
  const directory = await mkdtemp(join(tmpdir(), 'trama-store-'));
  const store = await openSqliteStore({ path: join(directory, 'store.db'), clock });
  return {
    store,
    elapse: clock.advance,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
