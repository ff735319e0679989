/** Asks what one container uses, for as long as that is on the screen; of nothing else, and never twice at once. */
import type { Api } from '../../../protocol/api.ts';
import type { StatsView } from '../../../protocol/views.ts';
import type { LookedAt } from '../control/use.ts';
import type { Happening } from '../state.ts';

/** Between two looks. Milliseconds. */
const pauseMs = 2000;
/** A node that is slow is not waited for any longer by the server. Milliseconds. */
const deadlineMs = 8000;

export interface LookerOptions {
  readonly api: Api;
  readonly dispatch: (happening: Happening) => void;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export class Looker {
  readonly #options: LookerOptions;
  #looking: { readonly id: string; readonly stop: AbortController } | undefined;

  constructor(options: LookerOptions) {
    this.#options = options;
  }

  /** @param at absent: nobody looks */
  look(at: LookedAt | undefined): void {
    if (at?.id === this.#looking?.id) return;
    this.#looking?.stop.abort();
    this.#looking = undefined;
    if (at === undefined) return;
    const stop = new AbortController();
    this.#looking = { id: at.id, stop };
    void this.#follow(at, stop.signal);
  }

  async #follow({ id, reference }: LookedAt, signal: AbortSignal): Promise<void> {
    const { api, dispatch, sleep } = this.#options;
    while (!signal.aborted) {
      try {
        const [stats] = (await api.call('workload.stats', { names: [reference] }, { deadlineMs })) as StatsView[];
        if (stats !== undefined && !signal.aborted) dispatch({ kind: 'use', id, stats });
      } catch {
        // That no server answers is said where the link is shown; a container that is gone goes from the screen by itself.
      }
      await sleep(pauseMs, signal).catch(() => {});
    }
  }
}
