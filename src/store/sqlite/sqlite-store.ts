import { RevisionStore, type RevisionStoreOptions } from '../revision-store.ts';
import type { Store } from '../store.ts';
import { openDatabase } from './open-database.ts';
import { SqliteMedium } from './sqlite-medium.ts';

export interface SqliteStoreOptions extends RevisionStoreOptions {
  /** The database file, e.g. `/var/lib/trama/store.db`; SQLite keeps `…-wal` beside it. */
  readonly path: string;
  /** The file grows no further: a write beyond it fails with `exhausted`, as on a full disk. Default: no limit. */
  readonly maxBytes?: number;
}

/**
 * A durable store in one file, for one process at a time. What was acknowledged survives SIGKILL and a power cut
 * (WAL, synchronous FULL); what was not may be there too, and is then there as a whole.
 * @throws Failure('conflict') when another process has the file, Failure('invalid') when it is no store or a newer
 * Trama's, Failure('unavailable') when it cannot be read or written, Failure('exhausted') when there is no space.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const database = await openDatabase(options.path, options.maxBytes);
  return new RevisionStore(new SqliteMedium(options.path, database), options);
}
