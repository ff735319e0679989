import { expect, test } from 'vitest';
import { readUpstream } from './upstream.ts';

test.each([
  ['192.0.2.1', { address: '192.0.2.1', port: 53 }],
  ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353 }],
  ['2001:db8::1', { address: '2001:db8::1', port: 53 }],
  ['fe80::1%eth0', { address: 'fe80::1%eth0', port: 53 }],
  ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353 }],
  ['192.0.2.1:0', undefined],
  ['192.0.2.1:65536', undefined],
  ['[192.0.2.1]:53', undefined],
  ['dns.example:53', undefined],
  ['', undefined],
])('%s is %j', (text, upstream) => {
  expect(readUpstream(text)).toEqual(upstream);
});
