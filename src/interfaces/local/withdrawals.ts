/**
 * Requests whose asker goes away before the answer. What is cut off from the servers may still be on its way when it is not: the container
 * that somebody no longer waits for would start after he has looked whether it is there. So the servers are told, and what is asked next
 * goes after that.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../platform/platform.ts';
import type { Api, CallOptions } from '../../protocol/api.ts';

/** A request that has not reached a server by then does not any more: sessions end when nothing is heard for fifteen seconds. */
const withdrawMs = 60_000;
/** Nobody waits longer for what is not his. */
const patienceMs = 10_000;

export class Withdrawals {
  readonly #api: Api;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(api: Api, log: Log) {
    this.#api = api;
    this.#log = log;
  }

  /**
   * Asks. Who gives an id of his own may ask again under it, and what the agent answers itself is on no way: neither is withdrawn.
   * @param gone aborts when nobody waits for the answer any more
   * @throws Failure
   */
  async call(method: string, params: unknown, options: CallOptions, gone: AbortSignal): Promise<unknown> {
    if (options.id !== undefined || method.startsWith('agent.')) return this.#api.call(method, params, options);
    if (this.#underWay.size > 0)
      await Promise.race([Promise.all(this.#underWay), delay(patienceMs, undefined, { ref: false })]);
    const id = randomUUID();
    const withdraw = () => this.#withdraw(method, id);
    gone.addEventListener('abort', withdraw, { once: true });
    try {
      return await this.#api.call(method, params, { ...options, id });
    } finally {
      gone.removeEventListener('abort', withdraw);
    }
  }

  #withdraw(method: string, request: string): void {
    const told = this.#api
      .call('request.withdraw', { request }, { deadlineMs: withdrawMs })
      .catch((error: unknown) => this.#log.debug('a request could not be withdrawn', { method, error }))
      .finally(() => this.#underWay.delete(told));
    this.#underWay.add(told);
  }
}
