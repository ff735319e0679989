/** Blocks of addresses that this node does not need any more go back to the cluster. */
import type { AddressPool } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';
import { KeyedQueue } from './keyed-queue.ts';

export interface IdleBlocks {
  readonly network: string;
  readonly pool: AddressPool;
  /** This node has endpoints in the network: enough is kept for the next containers. */
  readonly inUse: boolean;
  /** As the servers told last. */
  isLeased(cidr: string): boolean;
}

/** Somebody who asks for an address waits for it. */
const deadlineMs = 5000;

export class ReturningBlocks {
  readonly #options: { readonly api: Api; readonly clock: Pick<Clock, 'now'>; readonly log: Log };
  readonly #asking = new KeyedQueue();
  /** Nobody answered whether they went: they may yet be heard to have gone. */
  readonly #unsure = new Set<string>();

  constructor(options: { readonly api: Api; readonly clock: Pick<Clock, 'now'>; readonly log: Log }) {
    this.#options = options;
  }

  /**
   * Gives back those in which nothing is in use and everything has rested. One that cannot be given back now stays in use:
   * it and the rest are tried again.
   * @returns whether there was any
   */
  async returnIdle({ network, pool, inUse, isLeased }: IdleBlocks): Promise<boolean> {
    const { clock } = this.#options;
    const idle = pool.idleBlocks(clock.now()).reverse();
    for (const cidr of idle) {
      const now = clock.now();
      // Another was given back meanwhile, and something of this one assigned.
      if (!pool.idleBlocks(now).includes(cidr) || (inUse && !pool.isSpare(cidr, now))) continue;
      pool.giveBack(cidr);
      const went = await this.#asking.run(keyOf(network, cidr), () => this.#went(network, cidr));
      if (went || !isLeased(cidr)) pool.gaveBack(cidr);
      else pool.keepBlock(cidr);
      if (!went) break;
    }
    return idle.length > 0;
  }

  async #went(network: string, cidr: string): Promise<boolean> {
    const { api, log } = this.#options;
    try {
      await ask(api, 'block.release', { network, cidr }, { deadlineMs });
      this.#unsure.delete(keyOf(network, cidr));
      return true;
    } catch (error) {
      log.debug('block not returned yet', { network, cidr, error });
      this.#unsure.add(keyOf(network, cidr));
      return false;
    }
  }

  /** Resolves when it is clear whose the address is: at once, unless its block is being given back. */
  async settled(network: string, pool: AddressPool, address: string): Promise<void> {
    const cidr = pool.returning(address);
    if (cidr !== undefined) await this.#asking.run(keyOf(network, cidr), async () => {});
  }

  /** The block is this node's no more. @returns whether that is the answer that did not come */
  gone(network: string, cidr: string): boolean {
    return this.#unsure.delete(keyOf(network, cidr));
  }
}

const keyOf = (network: string, cidr: string): string => `${network} ${cidr}`;
