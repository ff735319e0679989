/**
 * What servers have asked of this host's engine lately, by request: of a person's request that goes on at another server, because the
 * first died over it, each step is done once. Each connection by itself does the same only for its own server's tries.
 */
import type { Clock } from '../platform/platform.ts';

/** As long as anybody asks again. */
const keptMs = 5 * 60_000;
const most = 1000;

export class AskedOnce {
  readonly #clock: Pick<Clock, 'now'>;
  /** The oldest first. */
  readonly #answers = new Map<string, { readonly answer: Promise<unknown>; readonly at: number }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** The answer of the first time, also while it is being made. What failed may be tried again. */
  once<T>(id: string, work: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(id);
    if (known !== undefined) return known.answer as Promise<T>;
    this.#forgetOld();
    const answer = work();
    this.#answers.set(id, { answer, at: this.#clock.now() });
    answer.catch(() => this.#answers.delete(id));
    return answer;
  }

  #forgetOld(): void {
    const oldest = this.#clock.now() - keptMs;
    for (const [id, { at }] of this.#answers) {
      if (at >= oldest && this.#answers.size < most) return;
      this.#answers.delete(id);
    }
  }
}
