import { expect, test } from 'vitest';
import { addressOfReverseName } from './reverse-names.ts';

test.each([
  ['5.0.42.10.in-addr.arpa', '10.42.0.5'],
  ['42.10.in-addr.arpa', undefined],
  ['1.5.0.42.10.in-addr.arpa', undefined],
  ['05.0.42.10.in-addr.arpa', undefined],
  ['256.0.42.10.in-addr.arpa', undefined],
  ['in-addr.arpa', undefined],
  [`5.${'0.'.repeat(29)}d.f.ip6.arpa`, 'fd00::5'],
  [`5.${'0.'.repeat(28)}d.f.ip6.arpa`, undefined],
  ['5.0.42.10', undefined],
])('%s is the name of %s', (name, address) => {
  expect(addressOfReverseName(name)).toBe(address);
});
