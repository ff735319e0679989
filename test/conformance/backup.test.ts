import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/platform/platform.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { backupConformance } from './backup.ts';

// As if other processes could open it: the suite sees what keeps them away.
backupConformance('a memory store', async () => {
  const store = createMemoryStore({ clock: systemClock });
  return { store, exclusive: false, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

backupConformance('an SQLite store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'trama-backup-'));
  const store = await openSqliteStore({ path: join(directory, 'store.db'), clock: systemClock });
  return {
    store,
    exclusive: true,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
