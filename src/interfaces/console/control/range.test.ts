import { expect, test } from 'vitest';
import { parseRange } from './range.ts';

const now = Date.UTC(2026, 0, 31, 12);

test('since, between, by the clock; nothing is all', () => {
  expect(parseRange('30m', now)).toEqual({ text: '30m', since: now - 1_800_000 });
  expect(parseRange('2h..1h', now)).toEqual({ text: '2h..1h', since: now - 7_200_000, until: now - 3_600_000 });
  expect(parseRange('..1h', now)).toEqual({ text: '..1h', until: now - 3_600_000 });
  expect(parseRange('2026-01-31T10:00Z', now)).toEqual({ text: '2026-01-31T10:00Z', since: now - 7_200_000 });
  expect(parseRange(' ', now)).toEqual({ text: '' });
});

test.each(['x', '1h..2h', '1h..2h..3h', '2026-13-99', '30'])('%s is no range', (text) => {
  expect(parseRange(text, now)).toBeUndefined();
});
