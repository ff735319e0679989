/** Networks without a container on this host: they stay wired for a while, so that the next container starts faster. */
import type { Clock } from '../platform/platform.ts';
import type { Wiring } from './wiring.ts';

const idleMs = 5 * 60_000;

export class IdleNetworks {
  readonly #wiring: Wiring;
  readonly #clock: Clock;
  readonly #since = new Map<string, number>();

  constructor(wiring: Wiring, clock: Clock) {
    this.#wiring = wiring;
    this.#clock = clock;
  }

  /** Leaves those that have been idle long enough. @returns whether there was one */
  async leave(): Promise<boolean> {
    const now = this.#clock.now();
    let any = false;
    for (const { id } of this.#wiring.attached()) {
      if (this.#wiring.containersIn(id).length > 0) {
        this.#since.delete(id);
        continue;
      }
      const since = this.#since.get(id) ?? now;
      this.#since.set(id, since);
      if (now - since < idleMs) continue;
      this.#since.delete(id);
      any = (await this.#wiring.detachIfIdle(id)) || any;
    }
    return any;
  }
}
