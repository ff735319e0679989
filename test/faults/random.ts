/** Chance that a number decides: the same seed gives the same walk on every machine. */
export interface Chance {
  /** In [0, 1). */
  fraction(): number;
  /** In 0 … `below` - 1. */
  integer(below: number): number;
  /** @throws RangeError of an empty list */
  of<T>(list: readonly T[]): T;
  /** One of the values, as often as its weight says. */
  weighted<T>(weights: readonly (readonly [weight: number, value: T])[]): T;
}

/** mulberry32: 32 bits of state, no pattern that a walk of some thousand steps would meet. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number) => Math.floor(fraction() * below);
  const of = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new RangeError('nothing to choose from');
    return list[integer(list.length)] as T;
  };
  return {
    fraction,
    integer,
    of,
    weighted(weights) {
      let left = fraction() * weights.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of weights) {
        left -= weight;
        if (left < 0) return value;
      }
      return of(weights.map(([, value]) => value));
    },
  };
}
