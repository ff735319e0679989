/**
 * 8: a released address rests before it is another container's. When exactly it was released nobody outside can see; but not before it was
 * last seen in use. Sooner after that than the rest lasts, it was given too soon for certain.
 */
import type { Look } from './invariants.ts';
import type { HistoryEvent, StoredEndpoint } from './store-reading.ts';

interface Use {
  readonly container: string;
  readonly node: string;
  /** When it was certainly still in use. */
  readonly at: number;
}

/** The pool's rest, ms, less what our own looks may be late. */
const restMs = 60_000 - 1500;

export class Rests {
  readonly #lastUse = new Map<string, Use>();
  readonly #broken: string[] = [];
  #lookedAt = 0;
  /** How often an address came to another container at all. */
  reused = 0;

  /** All containers' addresses as of `at`, when the look began. */
  look({ store, hosts }: Look, at: number): void {
    this.#lookedAt = at;
    const ids = new Map(store.endpoints.map((each) => [each.id, each]));
    for (const [host, { containers }] of hosts) {
      for (const { name, running, networks } of containers) {
        for (const { endpoint } of running ? networks : []) {
          const record = ids.get(endpoint);
          if (record !== undefined) this.#used(record, name, host, at, performance.now());
        }
      }
    }
  }

  /** What stood in the store between two looks. */
  hear({ key, value, at }: HistoryEvent): void {
    if (!key.startsWith('endpoints/') || value === undefined) return;
    const record = JSON.parse(value) as StoredEndpoint;
    if (record.kind !== 'container' || record.container === undefined) return;
    // It may have gone again before we hear of it: that it came is certain, how long it stayed is not.
    this.#came(record, record.container.name, record.node, at);
  }

  /** On a host that was given up addresses have rested behind the fence. */
  evicted(host: string): void {
    for (const [key, { node }] of this.#lastUse) if (node === host) this.#lastUse.delete(key);
  }

  /** A person asks for its end now: until now it was in use. */
  ending(container: string): void {
    for (const [key, use] of this.#lastUse) {
      // What it had under the same name in an earlier life ended then.
      if (use.container === container && use.at === this.#lookedAt)
        this.#lastUse.set(key, { ...use, at: performance.now() });
    }
  }

  take(): string[] {
    return this.#broken.splice(0);
  }

  #used(record: StoredEndpoint, container: string, node: string, seenAt: number, now: number): void {
    this.#came(record, container, node, now);
    this.#lastUse.set(keyOf(record), { container, node, at: seenAt });
  }

  #came(record: StoredEndpoint, container: string, node: string, at: number): void {
    const key = keyOf(record);
    const former = this.#lastUse.get(key);
    if (former === undefined || former.container === container) return;
    this.reused += 1;
    const rested = at - former.at;
    if (rested < restMs) {
      this.#broken.push(
        `8: ${record.address} is ${container}'s on ${node} at most ${(rested / 1000).toFixed(1)} s after ${former.container} on ${former.node} had it`,
      );
    }
    this.#lastUse.delete(key);
  }
}

const keyOf = ({ network, address }: StoredEndpoint) => `${network} ${address}`;
