/**
 * Brings containers' questions for names to this node's name server: what `drivers/resolver.ts` says, for each container
 * that has an endpoint here, at the first network of those that it joined and is still on. One whose name server is in
 * itself (`--dns 127.0.0.1`) is left to the engine, which alone can ask there.
 *
 * An engine asks to join before the container's namespace is there: it appears once the container is made, some tens of
 * milliseconds before its process begins.
 */
import { resolver } from '../drivers/resolver.ts';
import type { Log, SteadyClock } from '../platform/platform.ts';
import type { LocalEndpoint } from './local-state.ts';
import type { Desires } from './wiring.ts';

export interface QuestionsOptions {
  readonly kernel: Desires & { fresh(path: string): void };
  gatewayOf(network: string): string | undefined;
  /** Whether its container's name server is in itself; told to `look` once the engine has said so. */
  asksItself(endpointId: string): boolean;
  /** Brings what is desired into the kernel, some time soon. */
  settleSoon(): void;
  isNamespace(path: string): Promise<boolean>;
  /** Somebody who sets the time must not end the wait: nothing would lead the container's questions here any more. */
  readonly clock: SteadyClock;
  readonly log: Log;
}

/** Its process would find names only after that: looked for closely as long as engines usually take, then now and then. */
const closelyMs = 5;
const seldomMs = 250;
const usuallyMs = 5000;
/** It will not come any more. An engine whose start failed has said so by then. */
const patienceMs = 120_000;

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #endpoints = new Map<string, Map<string, LocalEndpoint>>();
  /** Those that are there. */
  readonly #there = new Set<string>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** One of this node's endpoints came, changed or went. */
  local(before: LocalEndpoint | undefined, after: LocalEndpoint | undefined): void {
    const [left, joined] = [before?.sandbox?.path, after?.sandbox?.path];
    if (before !== undefined && left !== undefined && left !== joined) {
      this.#endpoints.get(left)?.delete(before.record.id);
      this.#redirect(left);
    }
    if (after === undefined || joined === undefined) return;
    const endpoints = this.#endpoints.get(joined);
    if (endpoints === undefined) {
      this.#endpoints.set(joined, new Map([[after.record.id, after]]));
      void this.#await(joined);
    } else {
      endpoints.set(after.record.id, after);
      if (left !== joined) this.#redirect(joined);
    }
  }

  /** What `asksItself` says of these is another now. */
  look(endpointIds: readonly string[]): void {
    for (const [path, endpoints] of this.#endpoints) {
      if (!endpointIds.some((id) => endpoints.has(id))) continue;
      this.#redirect(path);
      this.#options.settleSoon();
    }
  }

  async #await(path: string): Promise<void> {
    const { clock, kernel, isNamespace, settleSoon } = this.#options;
    const endpoints = this.#endpoints.get(path);
    const since = clock.elapsed();
    let looks = 0;
    for (;;) {
      const there = await isNamespace(path);
      looks += 1;
      if (this.#endpoints.get(path) !== endpoints) return;
      if (there) break;
      const waited = clock.elapsed() - since;
      if (waited > patienceMs) {
        const sentence =
          'a container’s network namespace cannot be seen from here: Docker alone answers it, with names of this host';
        return this.#options.log.warn(sentence, { path });
      }
      await clock.sleep(waited < usuallyMs ? closelyMs : seldomMs);
    }
    // One that appeared before our eyes is new.
    if (looks > 1) kernel.fresh(path);
    this.#there.add(path);
    this.#redirect(path);
    settleSoon();
  }

  #redirect(path: string): void {
    const { kernel, gatewayOf, asksItself } = this.#options;
    const endpoints = [...(this.#endpoints.get(path)?.values() ?? [])];
    if (endpoints.length === 0) {
      this.#endpoints.delete(path);
      if (this.#there.delete(path)) kernel.release(ownerOf(path));
      return;
    }
    if (!this.#there.has(path)) return;
    if (endpoints.some(({ record }) => asksItself(record.id))) {
      kernel.release(ownerOf(path));
      return;
    }
    const [first] = endpoints.sort((a, b) => a.createdAt - b.createdAt || (a.record.id < b.record.id ? -1 : 1));
    const gateway = first === undefined ? undefined : gatewayOf(first.record.network);
    if (first !== undefined && gateway !== undefined)
      kernel.desire(ownerOf(path), resolver(path, first.record.address, gateway));
  }
}

const ownerOf = (path: string): string => `names/${path}`;
