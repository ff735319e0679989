import { expect, test } from 'vitest';
import { gauge, glyphsFor, sparkline } from './glyphs.ts';

test('a sparkline is as wide as it is told, the newest at its right', () => {
  expect(sparkline([0, 0.5, 1], 1, 5, glyphsFor(true))).toBe('  ▁▅█');
  expect(sparkline([0, 0, 0, 1], 1, 2, glyphsFor(false))).toBe('_@');
  expect(sparkline([], 0, 3, glyphsFor(true))).toBe('   ');
});

test('a gauge keeps within its cells', () => {
  expect(gauge(0.5, 4, glyphsFor(true))).toBe('██░░');
  expect([gauge(-1, 2, glyphsFor(false)), gauge(7, 2, glyphsFor(false))]).toEqual(['..', '##']);
});
