import { expect, test } from 'vitest';
import { RegistryLogins } from './registry-logins.ts';

test('a login is kept for the tries of one pull, and no longer', () => {
  let now = 0;
  const logins = new RegistryLogins({ now: () => now, sleep: async () => {} });
  logins.put('w1', 'secret');
  expect(logins.of('w1')).toBe('secret');
  expect(logins.of('w2')).toBeUndefined();
  logins.forget('w1');
  expect(logins.of('w1')).toBeUndefined();
  logins.put('w1', 'secret');
  now = 15 * 60_000;
  expect(logins.of('w1')).toBeUndefined();
});
