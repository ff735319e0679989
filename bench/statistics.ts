/** Of several measurements of one thing. */
export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly count: number;
}

/** Half of the values are not above it; of an even number, the mean of the two in the middle. @throws RangeError for none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('there is no median of nothing');
  return (lower + upper) / 2;
}

export function summarize(values: readonly number[]): Summary {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values), count: values.length };
}

/** What a round cost more than another did in the same round: the machine's mood of that moment cancels out. */
export function differences(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value - (base[round] ?? Number.NaN));
}

/**
 * Measures several things in turn, each round beginning with another one, so that none always follows the same one and
 * what a run leaves behind for a moment burdens all alike.
 * @returns per thing its measurements, by round
 */
export async function interleaved<N extends string>(
  names: readonly N[],
  rounds: number,
  measure: (name: N, round: number) => Promise<number>,
): Promise<Record<N, number[]>> {
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      if (name !== undefined) values[name].push(await measure(name, round));
    }
  }
  return values;
}
