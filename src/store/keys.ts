import type { KeyRange } from './store.ts';

/**
 * Order of keys by their UTF-8 bytes, which is the order of code points. JavaScript's `<` compares UTF-16 units and puts
 * what is above U+FFFF (surrogates, 0xD800…0xDFFF) before U+E000…U+FFFF. Both keys must be well-formed.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above all other units. */
function rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

export function contains(range: KeyRange, key: string): boolean {
  return compareKeys(range.start, key) <= 0 && compareKeys(key, range.end) < 0;
}
