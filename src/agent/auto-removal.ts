/** Containers that were run with `--rm` go when they have ended, whoever looked on, and whatever became of who did. */
import { isFailure, type WorkloadRecord } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';

export interface AutoRemovalOptions {
  /** Asks the servers; refused while it runs. @throws Failure */
  remove(workload: WorkloadRecord): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who looks on hears of the end first, and removes it then. */
const graceMs = 5000;

export class AutoRemoval {
  readonly #options: AutoRemovalOptions;
  /** Ids. */
  readonly #ending = new Set<string>();

  constructor(options: AutoRemovalOptions) {
    this.#options = options;
  }

  /** Its container has ended. Told again and again as long as it is so: what fails is made up for then. */
  async ended(workload: WorkloadRecord): Promise<void> {
    const { name, id, spec } = workload;
    if (spec.autoRemove !== true || this.#ending.has(id)) return;
    this.#ending.add(id);
    try {
      await this.#options.clock.sleep(graceMs);
      await this.#options.remove(workload);
    } catch (error) {
      const settled = isFailure(error, 'not-found') || isFailure(error, 'conflict');
      if (!settled)
        this.#options.log.debug('a container that has ended is not removed yet', { container: name, error });
    } finally {
      this.#ending.delete(id);
    }
  }
}

/** A container that runs again meanwhile is refused. */
export function autoRemovalBy(servers: Api, options: Pick<AutoRemovalOptions, 'clock' | 'log'>): AutoRemoval {
  const remove = async ({ name, id }: WorkloadRecord) =>
    void (await ask(servers, 'workload.remove', { name, id, force: false }));
  return new AutoRemoval({ remove, clock: options.clock, log: options.log });
}
