import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from './address.ts';
import {
  contains,
  containsSubnet,
  firstUsable,
  formatSubnet,
  lastUsable,
  overlaps,
  parseSubnet,
  subnetOf,
  subnetSize,
} from './subnet.ts';

const anySubnet = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.integer({ min: 0, max: 32 }))
  .map(([value, prefix]) => subnetOf({ family: 4, value }, prefix));

describe('subnets', () => {
  test.each([
    ['10.42.0.5/16', '10.42.0.5/16 has host bits set: did you mean 10.42.0.0/16?'],
    ['10.42.0.0', '"10.42.0.0" has no prefix length: write it like 10.42.0.0/16'],
    ['10.42.0.0/33', '"10.42.0.0/33" has no valid prefix length: it is a number from 0 to 32'],
    ['10.42.0.0/016', '"10.42.0.0/016" has no valid prefix length: it is a number from 0 to 32'],
    ['10.42.0.0/', '"10.42.0.0/" has no valid prefix length: it is a number from 0 to 32'],
    ['10.42/16', '"10.42/16" is not a subnet: write it like 10.42.0.0/16'],
    ['10.42.0.0/16/8', '"10.42.0.0/16/8" has no valid prefix length: it is a number from 0 to 32'],
  ])('refuses %s', (text, sentence) => expect(() => parseSubnet(text)).toThrow(sentence));

  test('overlap is symmetric, and means that some address lies in both', () => {
    fc.assert(
      fc.property(anySubnet, anySubnet, (a, b) => {
        expect(overlaps(a, b)).toBe(overlaps(b, a));
        const share = contains(a, { family: 4, value: b.base }) || contains(b, { family: 4, value: a.base });
        expect(overlaps(a, b)).toBe(share);
        expect(parseSubnet(formatSubnet(a))).toEqual(a);
      }),
    );
  });

  test('arithmetic', () => {
    const subnet = parseSubnet('10.42.0.0/16');
    expect(subnetSize(subnet)).toBe(65536n);
    expect(formatAddress(firstUsable(subnet))).toBe('10.42.0.1');
    expect(formatAddress(lastUsable(subnet))).toBe('10.42.255.254');
    expect(containsSubnet(subnet, parseSubnet('10.42.3.0/24'))).toBe(true);
    expect(containsSubnet(parseSubnet('10.42.3.0/24'), subnet)).toBe(false);
    expect(contains(subnet, parseAddress('::'))).toBe(false);
    expect(formatAddress(lastUsable(parseSubnet('fd00::/64')))).toBe('fd00::ffff:ffff:ffff:ffff');
  });
});
