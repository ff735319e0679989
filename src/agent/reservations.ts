/** Single addresses that are this node's beside its blocks: the servers keep them for it until it gives them back. */
import { isFailure } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { addressKey } from './local-state.ts';

export interface Reservation {
  readonly network: string;
  readonly address: string;
}

export interface ReservationsOptions {
  readonly api: Api;
  /** The newest revision that this node has heard of. */
  heard?(): number;
  isTaken(reservation: Reservation): boolean;
  readonly log: Log;
}

const deadlineMs = 5000;

export class Reservations {
  readonly #options: ReservationsOptions;
  readonly #queue = new KeyedQueue();
  /** Those that the server holds, by `addressKey`. */
  readonly #held = new Map<string, Reservation>();
  /** Those that are in use here and that no server has heard of yet. */
  readonly #unheard = new Map<string, Reservation>();
  /** Keys of those that nobody had at the last look. */
  #ownerless = new Set<string>();

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** As this node's topic tells. */
  apply(before: Reservation | undefined, after: Reservation | undefined): void {
    if (after !== undefined) this.#held.set(addressKey(after), after);
    else if (before !== undefined) this.#held.delete(addressKey(before));
  }

  /** One at a time for an address: to the server, two of this node's who ask for one are the same. */
  inTurn<T>(reservation: Reservation, work: () => Promise<T>): Promise<T> {
    return this.#queue.run(addressKey(reservation), work);
  }

  /** While no server answers, what was this node's still is. @throws Failure('conflict') when it is another's */
  async ask({ network, address }: Reservation): Promise<void> {
    try {
      const heard = this.#options.heard?.();
      await ask(this.#options.api, 'address.reserve', { network, address, heard }, { deadlineMs });
    } catch (error) {
      const silent = isFailure(error, 'unavailable') || isFailure(error, 'deadline');
      if (!silent || !this.#held.has(addressKey({ network, address }))) throw error;
    }
  }

  /** For one that is in use already: asked for again by `maintain`, until a server has heard of it or it is in use no more. */
  askUntilHeld(reservation: Reservation): void {
    const key = addressKey(reservation);
    this.#unheard.set(key, reservation);
    const work = async () => {
      if (this.#options.isTaken(reservation)) await this.ask(reservation);
      this.#unheard.delete(key);
    };
    void this.inTurn(reservation, work).catch((error: unknown) =>
      this.#options.log.error('an address in use is nobody’s to the servers', { ...reservation, error }),
    );
  }

  /** In turn with whoever asks for it again: then it stays. */
  giveBack({ network, address }: Reservation): void {
    const { api, isTaken, log } = this.#options;
    const key = addressKey({ network, address });
    void this.inTurn({ network, address }, async () => {
      if (!this.#held.has(key) || isTaken({ network, address })) return;
      try {
        await ask(api, 'address.release', { network, address });
        this.#held.delete(key);
      } catch (error) {
        log.debug('reservation not returned yet', { network, address, error });
      }
    });
  }

  /** Every 30 s or so: returns those that have had no owner since the last look. */
  maintain(): void {
    for (const reservation of [...this.#unheard.values()]) this.askUntilHeld(reservation);
    const ownerless = [...this.#held].filter(([, reservation]) => !this.#options.isTaken(reservation));
    for (const [key, reservation] of ownerless) if (this.#ownerless.has(key)) this.giveBack(reservation);
    this.#ownerless = new Set(ownerless.map(([key]) => key).filter((key) => !this.#ownerless.has(key)));
  }
}
