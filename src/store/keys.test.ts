import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys, contains } from './keys.ts';
import { prefixRange } from './store.ts';

/** Text around the places where UTF-16 and UTF-8 disagree. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', 'b', '/', '\u{D7FF}', '\u{E000}', '\u{FFFF}', '\u{10000}', '😀', '\u{10FFFE}'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 5,
});

describe('keys', () => {
  test('are ordered as their UTF-8 bytes are', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.from(a).compare(Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });

  test('a prefix has exactly the keys that begin with it', () => {
    const usable = text.filter((key) => !key.includes('\u{10FFFF}'));
    fc.assert(
      fc.property(usable, usable, fc.boolean(), (prefix, rest, joined) => {
        const key = joined ? prefix + rest : rest;
        expect(contains(prefixRange(prefix), key)).toBe(key.startsWith(prefix));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a/', { start: 'a/', end: 'a0' }],
    ['', { start: '', end: '\u{10FFFF}' }],
    ['\u{D7FF}', { start: '\u{D7FF}', end: '\u{E000}' }],
    ['\u{FFFF}', { start: '\u{FFFF}', end: '\u{10000}' }],
    ['x\u{1F3FF}', { start: 'x\u{1F3FF}', end: 'x\u{1F400}' }],
    ['x\u{10FFFF}', { start: 'x\u{10FFFF}', end: 'y' }],
  ])('the range of prefix %j', (prefix, range) => {
    expect(prefixRange(prefix)).toEqual(range);
  });
});
