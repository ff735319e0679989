import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Column, place } from './column.ts';
import { containerTable } from './containers.ts';

const column = (id: string, rank: number, least: number): Column<unknown> => ({
  ...{ id, rank, least, title: 'column.name', key: 'N' },
  text: () => '',
});

const widths = (texts: string[][], width: number, ...columns: Column<unknown>[]) =>
  place(columns, texts, width).map((one) => [one.column.id, one.width]);

test('all that fit are as wide as what stands in them', () => {
  expect(widths([['NAME', 'web'], ['STATUS']], 80, column('a', 0, 3), column('b', 1, 3))).toEqual([
    ['a', 4],
    ['b', 6],
  ]);
});

test('the widest gives way first, down to its least; then the least important goes', () => {
  const columns = [column('a', 0, 4), column('b', 2, 4), column('c', 1, 4)];
  const texts = [['x'.repeat(4)], ['x'.repeat(20)], ['x'.repeat(6)]];
  expect(widths(texts, 24, ...columns)).toEqual([
    ['a', 4],
    ['b', 10],
    ['c', 6],
  ]);
  expect(widths(texts, 14, ...columns).map(([id]) => id)).toEqual(['a', 'c']);
});

test('it always fits, from the width of the first column on', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(60), { minLength: 10, maxLength: 10 }),
      fc.integer({ min: 12, max: 250 }),
      (sizes, room) => {
        const placed = place(
          containerTable.columns,
          sizes.map((size) => ['x'.repeat(size)]),
          room,
        );
        return placed.reduce((sum, { width }) => sum + width, 2 * (placed.length - 1)) <= room;
      },
    ),
  );
});
