/**
 * Containers that have just begun. An engine tells of one when its process runs already: its links and servers are known
 * some tens of milliseconds after its first question may come. A question that they could matter to waits for them.
 */
import type { Clock } from '../platform/platform.ts';
import type { LocalEndpoint } from './local-state.ts';

/** An engine that has not told by then is away, and nothing waits for it any more. */
const youngMs = 30_000;
/** For one question: who asks gives up after 4 to 5 s, and others may have to be asked then, too. */
const patienceMs = 1000;

export class Newcomers {
  readonly #clock: Clock;
  /** Endpoint → who waits until its container is known. */
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  /** After a start all are new to this agent. */
  readonly #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** @returns undefined when it is no newcomer; otherwise resolves when it is known, or will not be any time soon */
  untilKnown({ record, createdAt }: LocalEndpoint): Promise<void> | undefined {
    if (this.#clock.now() - Math.max(createdAt, this.#since) > youngMs) return undefined;
    const waiting = this.#waiting.get(record.id) ?? Promise.withResolvers<void>();
    this.#waiting.set(record.id, waiting);
    return Promise.race([waiting.promise, this.#clock.sleep(patienceMs)]);
  }

  /** The engine has told of its container, or it is gone. */
  known(endpointId: string): void {
    this.#waiting.get(endpointId)?.resolve();
    this.#waiting.delete(endpointId);
  }
}
