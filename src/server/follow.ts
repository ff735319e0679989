/**
 * One watch over everything in the store, handed to those who keep something in memory: the gatekeeper, the feed, and
 * whoever waits for a workload. After a lost connection it goes on where it was; when the store has forgotten that
 * part of history, all begin anew.
 */
import { Failure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { prefixRange, type Store, type StoreEvent } from '../store/store.ts';
import { root } from './keys.ts';

export interface Follower {
  /** Before the first event, and when events have been missed. @returns the revision of what was loaded. */
  load?(): Promise<number>;
  /** Events after `revision` follow. */
  begin?(revision: number): void;
  /** Right after `begin`: what was after this earlier revision is told first, by `past`. */
  since?(revision: number): void;
  /** Events of one revision from before `begin`. Must not throw. */
  past?(revision: number, events: readonly StoreEvent[]): void;
  /** All events of one revision. Must not throw. */
  events(revision: number, events: readonly StoreEvent[]): void;
}

const retryMs = 500;
/** What happened shortly before a server began, its agents know of: who is told of it knows how far they are. */
const pastRevisions = 5000;

export class Follow implements AsyncDisposable {
  readonly #options: { readonly store: Store; readonly clock: Clock; readonly log: Log };
  readonly #followers: readonly Follower[];
  readonly #stop = new AbortController();
  readonly #waiting = new Set<{ readonly revision: number; readonly wake: () => void }>();
  #reached = 0;
  /** What was before the last loading has been asked for. */
  #remembered = false;
  #running: Promise<void> = Promise.resolve();
  #look: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;

  private constructor(options: { store: Store; clock: Clock; log: Log }, followers: readonly Follower[]) {
    this.#options = options;
    this.#followers = followers;
  }

  /** Resolves when everything is loaded; what happens after it is told from `begin` on. @throws Failure when the store cannot be read. */
  static async load(
    options: { store: Store; clock: Clock; log: Log },
    followers: readonly Follower[],
  ): Promise<Follow> {
    const follow = new Follow(options, followers);
    await follow.#load();
    return follow;
  }

  begin(): void {
    this.#running = this.#run();
  }

  /** Up to which the followers have seen everything. */
  get revision(): number {
    return this.#reached;
  }

  /** Resolves when the followers have seen everything up to `revision`, or after `limitMs`: it is never a condition. */
  async reached(revision: number, limitMs = 2000): Promise<void> {
    if (revision <= this.#reached) return;
    const done = Promise.withResolvers<void>();
    const waiter = { revision, wake: done.resolve };
    this.#waiting.add(waiter);
    const limit = new AbortController();
    await Promise.race([done.promise, this.#options.clock.sleep(limitMs, limit.signal).catch(() => {})]);
    limit.abort();
    this.#waiting.delete(waiter);
  }

  /**
   * Resolves when the followers have seen all that was written, by whichever server, before the call. Who asks while
   * others wait shares the next look at the store with all that do. @throws Failure `unavailable` while it cannot be had
   */
  caughtUp(): Promise<void> {
    this.#nextLook ??= this.#look
      .catch(() => {})
      .then(() => {
        this.#nextLook = undefined;
        this.#look = this.#catchUp();
        return this.#look;
      });
    return this.#nextLook;
  }

  async #catchUp(): Promise<void> {
    const revision = await this.#options.store.revision();
    await this.reached(revision);
    if (this.#reached < revision) throw new Failure('unavailable', 'this server is behind the store');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const { wake } of this.#waiting) wake();
  }

  async #load(): Promise<void> {
    const revisions = [await this.#options.store.revision()];
    for (const follower of this.#followers) {
      const revision = await follower.load?.();
      if (revision !== undefined) revisions.push(revision);
    }
    this.#advance(Math.min(...revisions));
    this.#remembered = false;
    for (const follower of this.#followers) follower.begin?.(this.#reached);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if (!this.#remembered) await this.#remember(signal);
        await this.#watch(this.#reached + 1, signal);
      } catch (error) {
        if (!signal.aborted) this.#options.log.warn('the watch over the store ended, watching again', { error });
      }
      await this.#options.clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  /** From some time before what was loaded, if the store has kept that; once for each loading. */
  async #remember(signal: AbortSignal): Promise<void> {
    this.#remembered = true;
    const loaded = this.#reached;
    const first = Math.max(1, loaded + 1 - pastRevisions);
    for (const follower of this.#followers) follower.since?.(first - 1);
    try {
      await this.#watch(first, signal);
    } finally {
      // Nothing newer came: who knows how much of the past did.
      if (this.#reached === loaded) for (const follower of this.#followers) follower.begin?.(loaded);
    }
  }

  /** Returns when it has to be begun anew. */
  async #watch(from: number, signal: AbortSignal): Promise<void> {
    const before = this.#reached;
    for await (const item of this.#options.store.watch(prefixRange(root), from, signal)) {
      if (item.kind === 'compacted') {
        // Of the past: that can be done without.
        if (from <= before && this.#reached === before) return;
        this.#options.log.warn('the store has forgotten what this server had not seen yet, reading it anew');
        await this.#load();
        return;
      }
      if (item.revision <= this.#reached) {
        for (const follower of this.#followers) follower.past?.(item.revision, item.events);
        continue;
      }
      for (const follower of this.#followers) follower.events(item.revision, item.events);
      this.#advance(item.revision);
    }
  }

  #advance(revision: number): void {
    this.#reached = revision;
    for (const waiter of this.#waiting) if (waiter.revision <= revision) waiter.wake();
  }
}
