/** What registries are to be shown for images of single workloads. In memory only: a restart forgets, a retry does not. */
import type { Clock } from '../platform/platform.ts';

/** Long enough for a pull to be tried a few times. */
const keptMs = 15 * 60_000;

export class RegistryLogins {
  readonly #clock: Clock;
  readonly #logins = new Map<string, { readonly registryAuth: string; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param workload id */
  put(workload: string, registryAuth: string): void {
    const now = this.#clock.now();
    for (const [id, { since }] of this.#logins) if (now - since >= keptMs) this.#logins.delete(id);
    this.#logins.set(workload, { registryAuth, since: now });
  }

  of(workload: string): string | undefined {
    const login = this.#logins.get(workload);
    return login === undefined || this.#clock.now() - login.since >= keptMs ? undefined : login.registryAuth;
  }

  /** Its image is there: it needs none any more. */
  forget(workload: string): void {
    this.#logins.delete(workload);
  }
}
