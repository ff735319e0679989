import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { macOf, parseMac } from './mac.ts';

const vni = fc.integer({ min: 1, max: 2 ** 24 - 1 });
const value = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });

describe('the MAC of an address', () => {
  test('is locally administered, unicast, and distinct within a network', () => {
    fc.assert(
      fc.property(vni, value, value, (network, a, b) => {
        const mac = macOf(network, { family: 4, value: a });
        expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
        expect(parseMac(mac)).toBe(mac);
        expect(mac === macOf(network, { family: 4, value: b })).toBe(a === b);
      }),
    );
  });

  test('shows the address', () => {
    expect(macOf(1, { family: 4, value: 0x0a2a0005n })).toBe('02:01:0a:2a:00:05');
  });
});

describe('reading a MAC', () => {
  test.each([
    ['02:42:0A:2A:00:05', '02:42:0a:2a:00:05'],
    ['02-42-0a-2a-00-05', '02:42:0a:2a:00:05'],
  ])('%s', (text, mac) => expect(parseMac(text)).toBe(mac));
  test.each(['', '02:42:0a:2a:00', '02:42:0a:2a:00:5', '02:42-0a:2a:00:05', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'])(
    'refuses %j',
    (text) => expect(() => parseMac(text)).toThrow(/MAC address/),
  );
});
