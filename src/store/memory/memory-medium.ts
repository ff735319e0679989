import { compareKeys, contains } from '../keys.ts';
import { type Batch, cut, type HeldLease, keyOf, type Medium, type Piece } from '../medium.ts';
import type { Entry, KeyRange, LeaseId, StoreEvent } from '../store.ts';
import { SortedKeys } from './sorted-keys.ts';

/** Events read from history at once. */
const pieceLimit = 1000;

/** Entries and events are shared with readers, hence frozen. Nothing here can fail, so there is nothing to roll back. */
export class MemoryMedium implements Medium {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  readonly #leases = new Map<LeaseId, { readonly ttlMs: number; readonly keys: Set<string> }>();
  /** One batch per revision from `compactedTo` to `revision`. */
  readonly #history: Batch[] = [];
  #granted = 0;
  #revision = 0;
  #compactedTo = 1;

  get revision(): number {
    return this.#revision;
  }

  get compactedTo(): number {
    return this.#compactedTo;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  range(range: KeyRange, limit: number, keysOnly = false): Entry[] {
    const found: Entry[] = [];
    for (const key of this.#keys.from(range.start)) {
      if (compareKeys(key, range.end) >= 0) break;
      const entry = this.#entries.get(key);
      if (entry !== undefined) found.push(keysOnly ? { ...entry, value: '' } : entry);
      if (found.length === limit) break;
    }
    return found;
  }

  history(range: KeyRange, from: number): Piece {
    const batches: Batch[] = [];
    let upTo = from - 1;
    for (let events = 0; upTo < this.#revision && events < pieceLimit; upTo += 1) {
      const batch = this.#history[upTo + 1 - this.#compactedTo];
      const mine = batch && cut(batch, (key) => contains(range, key));
      if (mine === undefined) continue;
      batches.push(mine);
      events += mine.events.length;
    }
    return { batches, upTo };
  }

  leases(): HeldLease[] {
    return [...this.#leases].map(([id, { ttlMs }]) => ({ id, ttlMs }));
  }

  hasLease(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  leased(id: LeaseId): Entry[] {
    const keys = [...(this.#leases.get(id)?.keys ?? [])].sort(compareKeys);
    return keys.flatMap((key) => this.#entries.get(key) ?? []);
  }

  atomically(work: () => void): void {
    work();
  }

  write(events: readonly StoreEvent[]): Batch {
    this.#revision += 1;
    for (const event of events) this.#apply(event);
    const batch: Batch = Object.freeze({ revision: this.#revision, events: Object.freeze([...events]) });
    this.#history.push(batch);
    return batch;
  }

  grant(ttlMs: number): HeldLease {
    this.#granted += 1;
    const id = this.#granted.toString(16);
    this.#leases.set(id, { ttlMs, keys: new Set() });
    return { id, ttlMs };
  }

  release(id: LeaseId): void {
    this.#leases.delete(id);
  }

  forget(revision: number): void {
    this.#history.splice(0, revision - this.#compactedTo);
    this.#compactedTo = revision;
  }

  close(): void {}

  #apply(event: StoreEvent): void {
    Object.freeze(event);
    const key = keyOf(event);
    if (event.previous?.lease !== undefined) this.#leases.get(event.previous.lease)?.keys.delete(key);
    if (event.type === 'delete') {
      this.#entries.delete(key);
      this.#keys.delete(key);
      return;
    }
    if (event.previous === undefined) this.#keys.add(key);
    this.#entries.set(key, Object.freeze(event.entry));
    if (event.entry.lease !== undefined) this.#leases.get(event.entry.lease)?.keys.add(key);
  }
}
