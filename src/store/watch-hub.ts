/**
 * Watches. A watcher reads history until it has caught up, then is handed each batch as it is committed. One that falls
 * behind goes back to history from where its queue ends, so it costs a bounded amount and holds up nobody.
 *
 * INVARIANT. `queue` followed by the revisions from `next` on is what the reader has not seen: nothing is in both, nothing
 * in neither. `live` says that `next` is yet to be committed, so that what is offered continues the queue.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Failure } from '../domain/domain.ts';
import { contains } from './keys.ts';
import { type Batch, cut, type Medium } from './medium.ts';
import type { KeyRange, WatchItem } from './store.ts';

type History = Pick<Medium, 'revision' | 'compactedTo' | 'history'>;

/** Events a live watcher may hold before it goes back to history; one batch is always taken. */
const queueLimit = 1000;

class Watcher {
  readonly range: KeyRange;
  next: number;
  live = false;
  #queue: Batch[] = [];
  #events = 0;
  #wake: () => void = () => {};

  constructor(range: KeyRange, from: number) {
    this.range = range;
    this.next = from;
  }

  offer(batch: Batch): void {
    if (!this.live || batch.revision < this.next) return;
    const mine = cut(batch, (key) => contains(this.range, key));
    if (mine === undefined) return;
    if (this.#events > 0 && this.#events + mine.events.length > queueLimit) {
      this.live = false;
      this.next = batch.revision;
      return;
    }
    this.#push(mine);
    this.#wake();
  }

  /** Continues from history; only with an empty queue. */
  catchUp(history: History): void {
    if (this.next > history.revision) {
      this.live = true;
      return;
    }
    const piece = history.history(this.range, this.next);
    for (const batch of piece.batches) this.#push(batch);
    this.next = piece.upTo + 1;
  }

  take(): Batch | undefined {
    const batch = this.#queue.shift();
    if (batch !== undefined) this.#events -= batch.events.length;
    return batch;
  }

  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake();
  }

  #push(batch: Batch): void {
    this.#queue.push(batch);
    this.#events += batch.events.length;
  }
}

export class WatchHub {
  readonly #history: History;
  readonly #watchers = new Set<Watcher>();
  #closed: Failure | undefined;

  constructor(history: History) {
    this.#history = history;
  }

  /** Watchers now, for tests that count what is left. */
  get size(): number {
    return this.#watchers.size;
  }

  /** To be called for every committed batch, in order, before anything else can read the store. */
  publish(batch: Batch): void {
    for (const watcher of this.#watchers) watcher.offer(batch);
  }

  /** Ends all watches with the failure. */
  close(failure: Failure): void {
    this.#closed = failure;
    for (const watcher of this.#watchers) watcher.wake();
  }

  async *watch(range: KeyRange, from: number, signal: AbortSignal): AsyncGenerator<WatchItem, void, void> {
    const watcher = new Watcher(range, Math.max(1, from));
    const wake = () => watcher.wake();
    this.#watchers.add(watcher);
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (this.#closed !== undefined) throw this.#closed;
        const batch = watcher.take();
        if (batch !== undefined) {
          yield { kind: 'events', revision: batch.revision, events: batch.events };
        } else if (watcher.live) {
          await watcher.woken();
        } else if (watcher.next < this.#history.compactedTo) {
          yield { kind: 'compacted', compactedTo: this.#history.compactedTo };
          return;
        } else {
          watcher.catchUp(this.#history);
          // A long history without a match must not hold up everybody else.
          if (!watcher.live) await turn();
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#watchers.delete(watcher);
    }
  }
}
