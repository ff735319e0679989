import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { age, alternatives, cells, clause, cut, percent, printable, sheet, size, table } from './text.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1023, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [10 * 1024, '10 KiB'],
  [1023.9 * 1024, '1.0 MiB'],
  [512 * 1024 ** 2, '512 MiB'],
  [7.8 * 1024 ** 3, '7.8 GiB'],
])('%d bytes are %s', (bytes, shown) => expect(size(bytes)).toBe(shown));

test.each([
  [0, '0s'],
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [7_199_000, '1h'],
  [200_000_000, '2d'],
])('%d ms ago is %s', (ms, shown) => expect(age(1e12 - ms, 1e12)).toBe(shown));

test('percent and alternatives', () => {
  expect([percent(0), percent(0.005), percent(1)]).toEqual(['0%', '1%', '100%']);
  expect([alternatives([]), alternatives(['a']), alternatives(['a', 'b']), alternatives(['a', 'b', 'c'])]).toEqual([
    '',
    'a',
    'a or b',
    'a, b or c',
  ]);
});

test.each([
  ['There is no image x on this host; pull it.', 'there is no image x on this host; pull it'],
  ['Docker could not start web: it is busy.', 'Docker could not start web: it is busy'],
  ['MTU 9000 does not fit', 'MTU 9000 does not fit'],
  ['Another container is called A.', 'another container is called A'],
  ['waits for h1...', 'waits for h1...'],
])('%j is said as %j', (sentence, said) => expect(clause(sentence)).toBe(said));

describe('width', () => {
  test('wide characters take two cells, marks none', () => {
    expect(cells('日本')).toBe(4);
    expect(cells('e\u0301')).toBe(1);
    expect(cells('🚀')).toBe(2);
  });

  test('columns stay aligned', () => {
    const lines = table(
      ['A', 'B'],
      [
        ['日本', 'x'],
        ['ab', 'y'],
        ['', 'z'],
      ],
    ).split('\n');
    expect(lines).toEqual(['A     B', '日本  x', 'ab    y', '-     z', '']);
  });

  test('nothing is wider than asked, nothing moves the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(cells(cut(text, width))).toBeLessThanOrEqual(Math.max(width, 1));
        for (const line of table(['HEADER'], [[text]], width).split('\n')) {
          expect(cells(line)).toBeLessThanOrEqual(width);
          expect(line).toBe(printable(line));
        }
      }),
      { examples: [['\t\u0000\t¡', 3]] },
    );
  }, 30_000);
});

test('a sheet gives a list a line per item', () => {
  expect(
    sheet([
      ['Name', 'x'],
      ['Networks', ['a', 'b']],
      ['Ports', []],
    ]),
  ).toBe('Name:     x\nNetworks: a\n          b\nPorts:    none\n');
});
