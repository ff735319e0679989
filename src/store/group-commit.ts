/**
 * Gathers what is submitted while the medium is busy, or within one turn of the event loop, into one commit: a durable
 * commit costs a sync of the disk, about a millisecond, however many transactions are in it.
 *
 * INVARIANTS. Members run in the order of their submission, each on the state that the one before left. A promise settles
 * only after the commit. A member that fails by itself takes no other with it.
 */
import { Failure } from '../domain/domain.ts';

/** Decides, and may throw, before it writes: the function it returns does the writing, and only the medium fails that. */
export type Prepare<T> = () => () => T;

interface Member {
  /** Runs within the commit. @returns what to do when that has succeeded. */
  run(): () => void;
  reject(error: unknown): void;
}

/** More members than this in one commit would only make the first wait longer. */
const groupLimit = 512;
/** Beyond this many waiting, a caller hears `overloaded`: the disk does not keep up. */
const waitingLimit = 10_000;

export class GroupCommit {
  readonly #atomically: (work: () => void) => void;
  readonly #onCommit: (members: number) => void;
  #waiting: Member[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  /** @param onCommit is told of each commit how many members it had. */
  constructor(atomically: (work: () => void) => void, onCommit: (members: number) => void) {
    this.#atomically = atomically;
    this.#onCommit = onCommit;
  }

  /** @param after runs once it is committed, in the order of the commits, before anybody learns of the result. */
  submit<T>(prepare: Prepare<T>, after: (value: T) => void = () => {}): Promise<T> {
    if (this.#waiting.length >= waitingLimit) {
      const message = `${waitingLimit} transactions wait for the store already: try again when it has caught up.`;
      return Promise.reject(new Failure('overloaded', message));
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: () => run(prepare, after, resolve, reject), reject });
      this.#schedule();
    });
  }

  /** Commits all that waits, now. */
  flush(): void {
    clearImmediate(this.#scheduled);
    while (this.#waiting.length > 0) this.#commit(this.#waiting.splice(0, groupLimit));
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#commit(this.#waiting.splice(0, groupLimit));
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commit(members: readonly Member[]): void {
    const settle: (() => void)[] = [];
    try {
      this.#atomically(() => {
        for (const member of members) settle.push(member.run());
      });
    } catch (error) {
      // Nothing is applied. Alone, those that are not to blame succeed.
      if (members.length > 1) for (const member of members) this.#commit([member]);
      else for (const member of members) member.reject(error);
      return;
    }
    this.#onCommit(members.length);
    for (const done of settle) done();
  }
}

function run<T>(
  prepare: Prepare<T>,
  after: (value: T) => void,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): () => void {
  let write: () => T;
  try {
    write = prepare();
  } catch (error) {
    return () => reject(error);
  }
  const value = write();
  return () => {
    after(value);
    resolve(value);
  };
}
