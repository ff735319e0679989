/** Which other servers were silent lately, so that the next question does not wait for them again. */

/** Milliseconds for which one that was silent is asked last. */
const rest = 10_000;

interface State {
  silentAt: number | undefined;
  answeredAt: number;
}

export class Health {
  readonly #now: () => number;
  readonly #states = new Map<string, State>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Those that answer first, otherwise as they were. */
  order(upstreams: readonly string[]): string[] {
    const oldest = this.#now() - rest;
    const resting = (upstream: string) => (this.#states.get(upstream)?.silentAt ?? 0) > oldest;
    return [...upstreams.filter((each) => !resting(each)), ...upstreams.filter(resting)];
  }

  /** It was silent, and has not answered since. */
  isDoubtful(upstream: string): boolean {
    return this.#states.get(upstream)?.silentAt !== undefined;
  }

  answered(upstream: string): void {
    this.#states.set(upstream, { silentAt: undefined, answeredAt: this.#now() });
  }

  /** To a question put at `askedAt`. One that has answered others since is only slow with this one. */
  silent(upstream: string, askedAt: number): void {
    const answeredAt = this.#states.get(upstream)?.answeredAt ?? 0;
    if (answeredAt < askedAt) this.#states.set(upstream, { silentAt: this.#now(), answeredAt });
  }
}
