/** Fills a small tmpfs below argv[2] with a store and says, as JSON, what came of it. Runs in its own mount namespace. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFailure } from '../../src/domain/domain.ts';
import { output, spawn, systemClock } from '../../src/platform/platform.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { prefixRange } from '../../src/store/store.ts';
import { keysIn, put, take } from '../conformance/store/fixture.ts';

const directory = process.argv[2] ?? '';
const path = join(directory, 'store.db');
const value = 'x'.repeat(5000);
const options = { path, clock: systemClock, keepRevisions: 1_000_000 };

await output(spawn, { argv: ['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory] });
await writeFile(join(directory, 'ballast'), Buffer.alloc(1024 * 1024));
const acknowledged: string[] = [];
const store = await openSqliteStore(options);
let full: unknown;
for (let index = 0; full === undefined; index += 1) {
  const keys = [0, 1, 2].map((part) => `k${String(index).padStart(4, '0')}/${part}`);
  await store
    .transact(
      [],
      keys.map((key) => put(key, value)),
    )
    .then(
      () => acknowledged.push(...keys),
      (error: unknown) => {
        full = error;
      },
    );
}
const all = prefixRange('');
const result = {
  full: told(full),
  written: acknowledged.length > 0,
  keysEqualWhatWasAcknowledged: String(await keysIn(store, all)) === String(acknowledged),
  revisionsEqual: (await store.revision()) === acknowledged.length / 3,
  watchEqual: (await take(store, all, 1, acknowledged.length / 3)).length === acknowledged.length / 3,
};
await rm(join(directory, 'ballast'));
const afterSpaceWasFreed = (await store.transact([], [put('more')])).revision === acknowledged.length / 3 + 1;
await store[Symbol.asyncDispose]();

const again = await openSqliteStore(options);
const afterReopening = String(await keysIn(again, all)) === String([...acknowledged, 'more']);
await again[Symbol.asyncDispose]();

await output(spawn, { argv: ['mount', '-o', 'remount,ro', directory] });
const readOnly = await openSqliteStore(options).then(
  () => 'opened',
  (error: unknown) => told(error),
);
process.stdout.write(JSON.stringify({ ...result, afterSpaceWasFreed, afterReopening, readOnly }));

function told(error: unknown): unknown {
  return isFailure(error) ? [error.code, error.message] : String(error);
}
