/**
 * Tells the servers of this node's endpoints. Local truth comes first: a container starts and runs whether or not
 * anybody hears of it; once a server answers, what it holds is made equal.
 */
import { type EndpointRecord, isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';
import { KeyedQueue } from './keyed-queue.ts';

export interface PublisherOptions {
  readonly api: Api;
  /** This node's endpoints in the network, as they are now. */
  endpointsOf(network: string): readonly EndpointRecord[];
  /** Resolves when what changes at the call has come here: it is told of once it is on disk. */
  written(): Promise<void>;
  /** Something that a person should know. */
  report(message: string): void;
  readonly clock: Clock;
  readonly log: Log;
}

const deadlineMs = 5000;
const retryMs = 1000;

export class EndpointPublisher {
  readonly #options: PublisherOptions;
  readonly #queue = new KeyedQueue();
  /** Endpoint → what was granted, while this node does not have it yet. */
  readonly #claimed = new Map<string, EndpointRecord>();
  /** Networks whose server side may differ from ours. */
  readonly #behind = new Set<string>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Asks for an endpoint's address and MAC before anything of it is there: of two nodes at once, one gets them. What is
   * granted is to be `put` or `delete`d next.
   * @returns whether a server granted it; without one nobody can say
   * @throws Failure('conflict') when one of them is another endpoint's
   */
  claim(endpoint: EndpointRecord): Promise<boolean> {
    return this.#queue.run(endpoint.network, async () => {
      try {
        await ask(this.#options.api, 'endpoint.put', { endpoint }, { deadlineMs });
        this.#claimed.set(endpoint.id, endpoint);
        return true;
      } catch (error) {
        if (isFailure(error, 'conflict')) throw error;
        this.#options.log.debug('an endpoint is not claimed', { endpoint: endpoint.id, error });
        return false;
      }
    });
  }

  put(endpoint: EndpointRecord): void {
    this.#claimed.delete(endpoint.id);
    this.#change(endpoint.network, () => ask(this.#options.api, 'endpoint.put', { endpoint }, { deadlineMs }));
  }

  delete(endpoint: EndpointRecord): void {
    const { network, address, id } = endpoint;
    this.#claimed.delete(id);
    this.#change(network, () => ask(this.#options.api, 'endpoint.delete', { network, address, id }, { deadlineMs }));
  }

  /** Everything of the network anew; after every (re)connection. Resolves when done or given up until the next try. */
  sync(network: string): Promise<void> {
    return this.#queue.run(network, () => this.#syncNow(network));
  }

  /** Resolves when everything until the call has been told, or has to wait until a server answers. */
  async told(): Promise<void> {
    await this.#options.written();
    await this.#queue.drained();
  }

  #change(network: string, send: () => Promise<unknown>): void {
    // A sync to come reads what is true then; it makes single changes superfluous.
    if (this.#behind.has(network)) return;
    void this.#queue.run(network, async () => {
      if (this.#behind.has(network)) return;
      try {
        await send();
      } catch (error) {
        if (isFailure(error, 'conflict') || isFailure(error, 'denied')) this.#options.report((error as Error).message);
        // After a refusal too: its reason may have been of that moment, such as a removal that was taken back.
        this.#later(network);
      }
    });
  }

  async #syncNow(network: string): Promise<void> {
    this.#behind.delete(network);
    try {
      const endpoints = this.#endpointsOf(network);
      const { refused } = await ask(this.#options.api, 'endpoint.sync', { network, endpoints }, { deadlineMs });
      for (const endpoint of endpoints) if (refused.includes(endpoint.id)) await this.#refused(endpoint);
    } catch (error) {
      this.#options.log.debug('endpoints not told yet', { network, error });
      if (!isFailure(error, 'not-found')) this.#later(network);
    }
  }

  #endpointsOf(network: string): EndpointRecord[] {
    const own = this.#options.endpointsOf(network).map((each) => ({ ...each }));
    const known = new Set(own.map(({ id }) => id));
    return [...own, ...[...this.#claimed.values()].filter((each) => each.network === network && !known.has(each.id))];
  }

  /** A sync does not say why. */
  async #refused(endpoint: EndpointRecord): Promise<void> {
    try {
      await ask(this.#options.api, 'endpoint.put', { endpoint }, { deadlineMs });
    } catch (error) {
      if (!isFailure(error, 'conflict') && !isFailure(error, 'invalid')) throw error;
      const whose = endpoint.container?.name ?? endpoint.id.slice(0, 12);
      const what = endpoint.kind === 'gateway' ? 'the gateway of this node' : `container ${whose} of this node`;
      this.#options.report(`${what} at ${endpoint.address} is not known to other nodes: ${error.message}`);
    }
  }

  #later(network: string): void {
    if (this.#behind.has(network)) return;
    this.#behind.add(network);
    void this.#options.clock.sleep(retryMs).then(() => this.sync(network));
  }
}
