/** Blocks of addresses that this node does not need any more go back to the cluster. */
import type { AddressPool } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';

export interface IdleBlocks {
  readonly network: string;
  readonly pool: AddressPool;
  /** This node has endpoints in the network: enough is kept for the next containers. */
  readonly inUse: boolean;
  /** As the servers told last. */
  isLeased(cidr: string): boolean;
  readonly api: Api;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** Somebody who asks for an address waits for it. */
const deadlineMs = 5000;

/**
 * Gives back those in which nothing is in use and everything has rested. One that cannot be given back now stays in use:
 * it and the rest are tried again.
 * @returns whether there was any
 */
export async function returnIdleBlocks({
  network,
  pool,
  inUse,
  isLeased,
  api,
  clock,
  log,
}: IdleBlocks): Promise<boolean> {
  const idle = pool.idleBlocks(clock.now()).reverse();
  for (const cidr of idle) {
    const now = clock.now();
    // Another was given back meanwhile, and something of this one assigned.
    if (!pool.idleBlocks(now).includes(cidr) || (inUse && !pool.isSpare(cidr, now))) continue;
    pool.removeBlock(cidr);
    try {
      await ask(api, 'block.release', { network, cidr }, { deadlineMs });
    } catch (error) {
      log.debug('block not returned yet', { network, cidr, error });
      if (isLeased(cidr)) pool.addBlock(cidr);
      break;
    }
  }
  return idle.length > 0;
}
