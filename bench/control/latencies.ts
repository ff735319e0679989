/** From what was asked and what was heard: how long changes took, and which never came. */
import { networkAt } from './layout.ts';
import type { Asked, Heard } from './orders.ts';

export interface Latencies {
  /** Of each change at each agent that it concerns, milliseconds. */
  readonly each: readonly number[];
  /** Of each change at the last of its agents. */
  readonly last: readonly number[];
  /** Agents that never heard of a change that concerned them. */
  readonly unheard: number;
}

export function latenciesOf(asked: readonly Asked[], heard: readonly Heard[], audiences: readonly number[]): Latencies {
  const arrivals = new Map<string, number[]>();
  for (const { changes } of heard)
    for (const [change, times] of changes) {
      const known = arrivals.get(change);
      if (known === undefined) arrivals.set(change, [...times]);
      else known.push(...times);
    }
  const each: number[] = [];
  const last: number[] = [];
  let unheard = 0;
  for (const [change, at] of asked.flatMap(({ changes }) => changes)) {
    const times = arrivals.get(change) ?? [];
    unheard += (audiences[networkAt(change.slice(1))] ?? 0) - times.length;
    const took = times.map((time) => (time - at) / 1000);
    each.push(...took);
    if (took.length > 0) last.push(Math.max(...took));
  }
  return { each, last, unheard };
}

/** Half of them, 99 of 100, and all are not above these. */
export function spread(values: readonly number[]): readonly [median: number, p99: number, most: number] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return [at(0.5), at(0.99), at(1)];
}
