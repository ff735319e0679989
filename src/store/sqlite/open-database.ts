import { chmod, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../../domain/domain.ts';
import { privateDirectory } from '../../platform/platform.ts';
import { storageFailure } from './storage-failure.ts';

/** Tells a store of Trama from any other SQLite file: "Tram". */
const applicationId = 0x5472616d;
/** Raised whenever an older Trama could not read the file; each step up then needs its own migration here. */
const schemaVersion = 1;

const schema = `
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    revision INTEGER NOT NULL,
    compacted_to INTEGER NOT NULL,
    granted INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (0, 0, 1, 0);
  CREATE TABLE entry (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    lease TEXT
  ) STRICT;
  CREATE INDEX entry_lease ON entry (lease, key) WHERE lease IS NOT NULL;
  CREATE TABLE lease (id TEXT PRIMARY KEY, ttl_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    first_key TEXT NOT NULL,
    last_key TEXT NOT NULL,
    events TEXT NOT NULL
  ) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens a store's file for this process alone, making it (0600) and its directory (0700) where they are missing.
 * The lock ends with the process, however that ends.
 * @throws Failure('conflict') when another process has it, Failure('invalid') when it is not a store or a newer
 * Trama's, Failure('unavailable') when it cannot be read or written.
 */
export async function openDatabase(path: string, maxBytes: number | undefined): Promise<DatabaseSync> {
  await makePrivate(path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Exclusive before anything is read: then WAL needs no shared memory, and nobody else gets in.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const fresh = isFresh(path, database);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048');
    database.exec('PRAGMA journal_size_limit = 8388608');
    if (maxBytes !== undefined) limitSize(database, maxBytes);
    database.exec(`BEGIN EXCLUSIVE; ${fresh ? schema : ''} COMMIT`);
    return database;
  } catch (error) {
    database?.close();
    throw storageFailure(path, error);
  }
}

async function makePrivate(path: string): Promise<void> {
  try {
    await privateDirectory(dirname(path));
    // An existing file is not opened here: closing it would drop the locks of a store in this same process (fcntl(2)).
    const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (file) await file.close();
    else await chmod(path, 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('unavailable', `The store ${path} cannot be made or opened: ${reason}.`, { cause: error });
  }
}

function isFresh(path: string, database: DatabaseSync): boolean {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  if (version === 0 && application === 0 && pragma(database, 'schema_version') === 0) return true;
  if (application !== applicationId) {
    throw new Failure('invalid', `The store ${path} is no store of Trama: name another state directory.`);
  }
  if (version > schemaVersion) {
    throw new Failure(
      'invalid',
      `The store ${path} was written by a newer Trama (format ${version}, this one knows ${schemaVersion}): install that version or a later one.`,
    );
  }
  return false;
}

function limitSize(database: DatabaseSync, maxBytes: number): void {
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pragma(database, 'page_size')))}`);
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
