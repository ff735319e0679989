/**
 * Endpoints that stand in no sandbox and are in the way of another one, which is to have their address or MAC. Mostly they are what
 * the agent's or the engine's end has left: an engine whose CreateEndpoint failed does not take it back, and one that could not
 * tell of the end does not tell again. One that left its sandbox may still be in it on disk: nobody waits for that to be written.
 */
import { type EndpointRecord, Failure, type NetworkRecord } from '../domain/domain.ts';
import { type Clock, isNamespace } from '../platform/platform.ts';
import type { Addresses } from './addresses.ts';
import type { FormerAddresses } from './former-addresses.ts';
import { startMs } from './gone-sandboxes.ts';
import { unlessLate } from './unless-late.ts';
import type { Wiring } from './wiring.ts';

export interface LeftoversOptions {
  readonly wiring: Pick<Wiring, 'containersIn' | 'endpoint' | 'removeEndpoint'>;
  readonly addresses: Pick<Addresses, 'releaseUnused'>;
  /** Their containers may be started again. */
  readonly former: Pick<FormerAddresses, 'ended'>;
  /** Ids of the endpoints that the engine says its containers have. */
  attached(): Promise<ReadonlySet<string>>;
  readonly clock: Clock;
}

/** An engine that comes up answers nobody until what it starts by itself is started: it must not wait for long. */
const patienceMs = 1000;

export class Leftovers {
  readonly #options: LeftoversOptions;
  /** When this process was asked to create an endpoint that may still be on its way into a sandbox, in ms. */
  readonly #created = new Map<string, number>();

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  /** An engine creates it. */
  creating(id: string): void {
    const now = this.#options.clock.now();
    for (const [each, at] of this.#created) if (now - at >= startMs) this.#created.delete(each);
    this.#created.set(id, now);
  }

  /**
   * Ends those that are in the way of this one. Its address stays taken: it is to have it.
   * @throws Failure('unavailable') while that may be too early
   */
  async end(network: NetworkRecord, { id, address, mac }: EndpointRecord): Promise<void> {
    const { wiring, addresses, former } = this.#options;
    const rivals = wiring
      .containersIn(network.id)
      .filter(({ record }) => record.id !== id && (record.address === address || record.mac === mac));
    const standing = await Promise.all(
      rivals.map(async ({ sandbox }) => sandbox !== undefined && (await isNamespace(sandbox.path))),
    );
    const inTheWay = rivals.filter((_, index) => !standing[index]);
    if (inTheWay.length === 0) return;
    const attached = await this.#attached();
    for (const { record, sandbox } of inTheWay) {
      if (attached?.has(record.id)) continue;
      // Meanwhile it may have gone, or come into a sandbox.
      const now = wiring.endpoint(record.id);
      if (now === undefined || now.sandbox?.path !== sandbox?.path) continue;
      const what = record.address === address ? `address ${address}` : `MAC ${mac}`;
      if (attached === undefined || this.#isOnItsWay(record.id))
        throw new Failure(
          'unavailable',
          `${what} of network ${network.name} was given to another container on this node, and Docker does not say yet whether that starts: try again in a moment, or choose another`,
        );
      former.ended(record);
      await wiring.removeEndpoint(record.id);
      if (record.address !== address) addresses.releaseUnused(network.id, record.address);
    }
  }

  #isOnItsWay(id: string): boolean {
    const at = this.#created.get(id);
    return at !== undefined && this.#options.clock.now() - at < startMs;
  }

  /** @returns undefined when the engine does not say */
  async #attached(): Promise<ReadonlySet<string> | undefined> {
    return unlessLate(this.#options.clock, patienceMs, this.#options.attached()).catch(() => undefined);
  }
}
