import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { compareKeys, contains } from '../keys.ts';
import { type Batch, cut, type HeldLease, keyOf, type Medium, type Piece } from '../medium.ts';
import type { Entry, KeyRange, LeaseId, StoreEvent } from '../store.ts';
import { storageFailure } from './storage-failure.ts';

/** Characters of JSON read from history at once, unless one revision alone has more. */
const pieceLimit = 256 * 1024;

type Row = Record<string, SQLOutputValue>;

const columns = 'key, value, create_revision, mod_revision, version, lease';

/** The statements, compiled once. Text compares by its UTF-8 bytes (collation BINARY). */
const sql = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  state: 'SELECT revision, compacted_to, granted FROM state',
  save: 'UPDATE state SET revision = ?, compacted_to = ?, granted = ?',
  get: `SELECT ${columns} FROM entry WHERE key = ?`,
  // LIMIT -1 is none.
  range: `SELECT ${columns} FROM entry WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
  rangeOfKeys: `SELECT key, '' AS value, create_revision, mod_revision, version, lease FROM entry
    WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
  leased: `SELECT ${columns} FROM entry WHERE lease = ? ORDER BY key`,
  put: `INSERT INTO entry (${columns}) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
      mod_revision = excluded.mod_revision, version = excluded.version, lease = excluded.lease`,
  remove: 'DELETE FROM entry WHERE key = ?',
  leases: 'SELECT id, ttl_ms FROM lease ORDER BY rowid',
  lease: 'SELECT 1 FROM lease WHERE id = ?',
  grant: 'INSERT INTO lease (id, ttl_ms) VALUES (?, ?)',
  release: 'DELETE FROM lease WHERE id = ?',
  remember: 'INSERT INTO history (revision, first_key, last_key, events) VALUES (?, ?, ?, ?)',
  history:
    'SELECT revision, events FROM history WHERE revision >= ? AND last_key >= ? AND first_key < ? ORDER BY revision',
  forget: 'DELETE FROM history WHERE revision < ?',
} as const;

interface State {
  readonly revision: number;
  readonly compactedTo: number;
  /** Leases ever granted; their ids count up. */
  readonly granted: number;
}

export class SqliteMedium implements Medium {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;
  /** As of the running transaction; what is in the file once that is committed. */
  #state: State;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#statements = Object.fromEntries(
      Object.entries(sql).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof sql, StatementSync>;
    this.#state = this.#load();
  }

  get revision(): number {
    return this.#state.revision;
  }

  get compactedTo(): number {
    return this.#state.compactedTo;
  }

  get(key: string): Entry | undefined {
    const row = this.#guard(() => this.#statements.get.get(key));
    return row && toEntry(row);
  }

  range(range: KeyRange, limit: number, keysOnly = false): Entry[] {
    const statement = keysOnly ? this.#statements.rangeOfKeys : this.#statements.range;
    return this.#guard(() => statement.all(range.start, range.end, limit === 0 ? -1 : limit)).map(toEntry);
  }

  history(range: KeyRange, from: number): Piece {
    return this.#guard(() => {
      const batches: Batch[] = [];
      let size = 0;
      for (const row of this.#statements.history.iterate(from, range.start, range.end)) {
        const revision = Number(row.revision);
        const text = String(row.events);
        const mine = cut({ revision, events: JSON.parse(text) }, (key) => contains(range, key));
        if (mine) batches.push(mine);
        size += text.length;
        if (size >= pieceLimit) return { batches, upTo: revision };
      }
      return { batches, upTo: this.#state.revision };
    });
  }

  leases(): HeldLease[] {
    return this.#guard(() => this.#statements.leases.all()).map((row) => ({
      id: String(row.id),
      ttlMs: Number(row.ttl_ms),
    }));
  }

  hasLease(id: LeaseId): boolean {
    return this.#guard(() => this.#statements.lease.get(id)) !== undefined;
  }

  leased(id: LeaseId): Entry[] {
    return this.#guard(() => this.#statements.leased.all(id)).map(toEntry);
  }

  atomically(work: () => void): void {
    const before = this.#state;
    try {
      // Left over where a rollback failed too.
      if (this.#database.isTransaction) this.#statements.rollback.run();
      this.#statements.begin.run();
      work();
      const { revision, compactedTo, granted } = this.#state;
      if (this.#state !== before) this.#statements.save.run(revision, compactedTo, granted);
      this.#statements.commit.run();
    } catch (error) {
      this.#state = before;
      this.#rollBack();
      throw storageFailure(this.#path, error);
    }
  }

  write(events: readonly StoreEvent[]): Batch {
    const revision = this.#state.revision + 1;
    this.#state = { ...this.#state, revision };
    for (const event of events) this.#apply(event);
    const keys = events.map(keyOf).sort(compareKeys);
    this.#statements.remember.run(revision, keys[0] ?? '', keys.at(-1) ?? '', JSON.stringify(events));
    return { revision, events };
  }

  grant(ttlMs: number): HeldLease {
    const granted = this.#state.granted + 1;
    this.#state = { ...this.#state, granted };
    const id = granted.toString(16);
    this.#statements.grant.run(id, ttlMs);
    return { id, ttlMs };
  }

  release(id: LeaseId): void {
    this.#statements.release.run(id);
  }

  forget(revision: number): void {
    this.#state = { ...this.#state, compactedTo: revision };
    this.#statements.forget.run(revision);
  }

  close(): void {
    this.#database.close();
  }

  #apply(event: StoreEvent): void {
    if (event.type === 'delete') {
      this.#statements.remove.run(event.key);
      return;
    }
    const { key, value, createRevision, modRevision, version, lease } = event.entry;
    this.#statements.put.run(key, value, createRevision, modRevision, version, lease ?? null);
  }

  #load(): State {
    const row = this.#guard(() => this.#statements.state.get());
    return {
      revision: Number(row?.revision),
      compactedTo: Number(row?.compacted_to),
      granted: Number(row?.granted),
    };
  }

  #rollBack(): void {
    try {
      // SQLite itself has rolled back after a full disk or an I/O error.
      if (this.#database.isTransaction) this.#statements.rollback.run();
    } catch {
      // The next transaction tries again; the error that led here is the one to tell.
    }
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storageFailure(this.#path, error);
    }
  }
}

function toEntry(row: Row): Entry {
  return {
    key: String(row.key),
    value: String(row.value),
    createRevision: Number(row.create_revision),
    modRevision: Number(row.mod_revision),
    version: Number(row.version),
    ...(row.lease === null ? {} : { lease: String(row.lease) }),
  };
}
