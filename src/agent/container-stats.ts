/** What containers of this host use: counters of the engine as shares of time. Of one that nobody asks about nothing is kept for long. */
import type { Clock } from '../platform/platform.ts';
import type { ContainerStats } from '../protocol/protocol.ts';
import type { ContainerRuntime, ContainerUsage } from '../runtimes/runtimes.ts';

/** A share is of at least so much time; who asks sooner is told the same again. Milliseconds. */
const leastMs = 300;
/** Between the first two looks, for who asks once. */
const firstMs = 500;
/** What was looked at longer ago says nothing of now. */
const keptMs = 15_000;
/** Asked of the engine at once. */
const atOnce = 8;

interface Look {
  readonly usage: ContainerUsage;
  /** By our clock. */
  readonly at: number;
  readonly stats: ContainerStats | undefined;
}

export interface StatsOptions {
  readonly runtime: Pick<ContainerRuntime, 'usage'>;
  readonly clock: Clock;
}

export class StatsOfContainers {
  readonly #options: StatsOptions;
  readonly #looks = new Map<string, Look>();

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  /** @param containers names or ids; those that are gone or do not run are left out */
  async of(containers: readonly string[]): Promise<ContainerStats[]> {
    this.#forgetOld();
    const known = await this.#look(containers);
    const fresh = containers.filter((each) => known.get(each) === 'first');
    if (fresh.length > 0) await this.#options.clock.sleep(firstMs);
    const again = await this.#look(fresh);
    return containers.flatMap((each) => {
      const stats = again.get(each) ?? known.get(each);
      return stats === undefined || stats === 'first' ? [] : [stats];
    });
  }

  /** `first`: there is nothing yet to compare with. */
  async #look(containers: readonly string[]): Promise<Map<string, ContainerStats | 'first'>> {
    const found = new Map<string, ContainerStats | 'first'>();
    for (let from = 0; from < containers.length; from += atOnce) {
      await Promise.all(
        containers.slice(from, from + atOnce).map(async (container) => {
          const stats = await this.#lookAt(container);
          if (stats !== undefined) found.set(container, stats);
        }),
      );
    }
    return found;
  }

  async #lookAt(container: string): Promise<ContainerStats | 'first' | undefined> {
    const { runtime, clock } = this.#options;
    const before = this.#looks.get(container);
    if (before?.stats !== undefined && clock.now() - before.at < leastMs) return before.stats;
    const usage = await runtime.usage(container);
    if (usage === undefined) {
      this.#looks.delete(container);
      return undefined;
    }
    const at = clock.now();
    // Started anew, it counts from nothing.
    const goesOn = before !== undefined && usage.cpuNanoseconds >= before.usage.cpuNanoseconds;
    const elapsed = goesOn ? usage.time - before.usage.time : 0;
    const stats = goesOn && elapsed > 0 ? statsOf(container, usage, before.usage, elapsed) : undefined;
    this.#looks.set(container, { usage, at, stats });
    return stats ?? 'first';
  }

  #forgetOld(): void {
    const oldest = this.#options.clock.now() - keptMs;
    for (const [container, { at }] of this.#looks) if (at < oldest) this.#looks.delete(container);
  }
}

function statsOf(
  container: string,
  { cpuNanoseconds, ...now }: ContainerUsage,
  before: ContainerUsage,
  elapsedMs: number,
): ContainerStats {
  return { container, ...now, cpu: (cpuNanoseconds - before.cpuNanoseconds) / 1e6 / elapsedMs };
}
