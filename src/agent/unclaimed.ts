/** Addresses that were assigned to somebody who has come with no endpoint for them yet. */
import type { Clock } from '../platform/platform.ts';
import { addressKey } from './local-state.ts';

interface Place {
  readonly network: string;
  readonly address: string;
}

/** What no endpoint has claimed by then goes back: its container never came to be. */
const claimMs = 60_000;
/** An engine that has come with no endpoint by then has ended, mostly; had it not, the second endpoint would be refused. */
const comingMs = 300;

export class Unclaimed {
  readonly #clock: Pick<Clock, 'now'>;
  /** Since when; `came`: since then somebody is there with an endpoint for it, which takes as long as it takes. */
  readonly #all = new Map<string, Place & { readonly since: number; readonly came: boolean }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  note(network: string, address: string, came = false): void {
    this.#all.set(addressKey({ network, address }), { network, address, since: this.#clock.now(), came });
  }

  /** Somebody comes with an endpoint for it; whether that will be is open. */
  coming(network: string, address: string): void {
    if (this.has(network, address)) this.note(network, address, true);
  }

  has(network: string, address: string): boolean {
    return this.#all.has(addressKey({ network, address }));
  }

  /** Whoever asked for it will hardly come. */
  isLeft(network: string, address: string): boolean {
    const asked = this.#all.get(addressKey({ network, address }));
    return asked !== undefined && !asked.came && this.#clock.now() - asked.since >= comingMs;
  }

  delete(network: string, address: string): void {
    this.#all.delete(addressKey({ network, address }));
  }

  forget(network: string): void {
    for (const [key, each] of this.#all) if (each.network === network) this.#all.delete(key);
  }

  overdue(): Place[] {
    return [...this.#all.values()].filter(({ since }) => this.#clock.now() - since >= claimMs);
  }
}
