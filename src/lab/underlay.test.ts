import { expect, test } from 'vitest';
import { cutRules, lossRules, macOf } from './underlay.ts';

test('a MAC is local, unicast and follows from the address', () => {
  expect(macOf('10.99.0.11')).toBe('02:1a:0a:63:00:0b');
});

test('loss is replaced as a whole; none leaves no rule, all needs no chance', () => {
  expect(lossRules('h1', 0)).toBe('add table bridge loss-h1\ndelete table bridge loss-h1\n');
  expect(lossRules('h1', 2.5)).toContain('iifname "h1" numgen random mod 1000 < 25 drop');
  expect(lossRules('h1', 2.5)).toContain('oifname "h1" numgen random mod 1000 < 25 drop');
  expect(lossRules('h1', 100)).not.toContain('numgen');
});

test('cuts are replaced as a whole; each goes one way, from all or from one', () => {
  expect(cutRules('h1', [])).toBe('add table bridge cut-h1\ndelete table bridge cut-h1\n');
  const rules = cutRules('h1', [{ direction: 'in' }, { direction: 'out', peer: 'h2' }]);
  expect(rules).toContain('oifname "h1" drop; iifname "h1" oifname "h2" drop;');
});
