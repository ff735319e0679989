import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, canonicalAddress, formatAddress, isAddress, parseAddress } from './address.ts';
import { isFailure } from './errors.ts';

const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value): Address => ({ family: 4, value }));
const v6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value): Address => ({ family: 6, value }));

describe('addresses', () => {
  test('every address survives being written and read', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  test.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::ffff:10.42.0.5', '::ffff:10.42.0.5'],
    ['1::', '1::'],
    ['10.42.0.5', '10.42.0.5'],
  ])('%s is written %s', (text, canonical) => expect(canonicalAddress(text)).toBe(canonical));

  test.each([
    '',
    '10.1',
    '010.1.1.1',
    '1.2.3.256',
    '1.2.3.4.5',
    '1.2.3.4/8',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '0x1.2.3.4',
    '1.2.3.-4',
    '１.2.3.4',
    'fe80::1%eth0',
    '1::2::3',
    ':::',
    ':1',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8::',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4::',
    '12345::',
    '[::1]',
  ])('refuses %j', (text) => {
    expect(isAddress(text)).toBe(false);
    expect(() => parseAddress(text)).toThrow('is not an IP address');
  });

  test('a refusal names its input, shortened and without control characters', () => {
    const input = `\u001b[31m\n${'x'.repeat(300)}`;
    try {
      parseAddress(input);
      expect.unreachable();
    } catch (error) {
      expect(isFailure(error, 'invalid')).toBe(true);
      const { message } = error as Error;
      expect(message).toMatch(/^"\\u\{1b\}\[31m\\u\{a\}x{54}…" is not/);
    }
  });
});
