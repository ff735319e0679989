import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import {
  assignableAddresses,
  blockLayout,
  checkFixedAddress,
  chooseBlock,
  chooseSingle,
  leasableBlockOf,
} from './blocks.ts';
import { containsSubnet, overlaps, parseSubnet } from './subnet.ts';

describe('how a subnet is cut', () => {
  test.each([
    ['10.42.0.0/16', 26, 1024, 128],
    ['10.42.0.0/24', 28, 16, 2],
    ['10.42.0.0/28', 30, 4, 1],
    ['10.42.0.0/30', 31, 2, 1],
    ['10.0.0.0/8', 26, 2 ** 18, 2 ** 15],
    ['fd00::/64', 122, 2 ** 26, 2 ** 23],
  ])('%s', (subnet, blockPrefix, blocks, reserved) =>
    expect(blockLayout(parseSubnet(subnet))).toMatchObject({ blockPrefix, blocks, reserved }),
  );
});

/** Leases until nothing is left; checks every lease against all before. */
function leaseAll(cidr: string, fixed: readonly string[], nodes: readonly string[]): string[] {
  const subnet = parseSubnet(cidr);
  const leased: string[] = [];
  for (let i = 0; ; i++) {
    const node = nodes[i % nodes.length] ?? 'h1';
    const next = chooseBlock(subnet, leased, fixed, node) ?? chooseSingle(subnet, leased, fixed);
    if (next === undefined) return leased;
    const lease = parseSubnet(next);
    expect(containsSubnet(subnet, lease)).toBe(true);
    for (const other of leased) expect(overlaps(lease, parseSubnet(other))).toBe(false);
    for (const address of fixed) expect(assignableAddresses(subnet, next)).not.toContain(address);
    leased.push(next);
  }
}

describe('leases', () => {
  test('never overlap, never hold a fixed address, and use the subnet up', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 24, max: 30 }),
        fc.uniqueArray(fc.integer({ min: 2, max: 254 }), { maxLength: 6 }),
        (prefix, offsets) => {
          const cidr = `10.42.0.0/${prefix}`;
          const size = 2 ** (32 - prefix);
          const fixed = offsets.filter((offset) => offset < size - 1).map((offset) => `10.42.0.${offset}`);
          const given = leaseAll(cidr, fixed, ['h1', 'h2', 'h3']).flatMap((lease) =>
            assignableAddresses(parseSubnet(cidr), lease),
          );
          const all = Array.from({ length: size - 3 }, (_, i) => `10.42.0.${i + 2}`);
          expect([...given, ...fixed].sort()).toEqual(all.sort());
        },
      ),
      { numRuns: 40 },
    );
  });

  test('begin away from the reserve, which is lent from its end when blocks have run out', () => {
    const leased = leaseAll('10.42.0.0/24', [], ['h1']);
    expect(leased.slice(0, 14).every((lease) => lease.endsWith('/28'))).toBe(true);
    expect(leased.slice(0, 14)).not.toContain('10.42.0.16/28');
    expect(leased.slice(14, 16)).toEqual(['10.42.0.31/32', '10.42.0.30/32']);
    expect(leased.at(-1)).toBe('10.42.0.2/32');
  });

  test('a node finds its former block, and two nodes seldom want the same', () => {
    const subnet = parseSubnet('10.42.0.0/16');
    expect(chooseBlock(subnet, [], [], 'h1')).toBe(chooseBlock(subnet, [], [], 'h1'));
    const wanted = new Set(Array.from({ length: 100 }, (_, i) => chooseBlock(subnet, [], [], `h${i}`)));
    expect(wanted.size).toBeGreaterThan(80);
  });

  test('of a /8 with every block leased are told full at once', () => {
    const subnet = parseSubnet('10.0.0.0/8');
    const layout = blockLayout(subnet);
    const leased = Array.from({ length: layout.blocks - layout.reserved }, (_, i) => {
      const value = (layout.reserved + i) * 64;
      return `10.${value >> 16}.${(value >> 8) & 255}.${value & 255}/26`;
    });
    expect(chooseBlock(subnet, leased, [], 'h1')).toBeUndefined();
    expect(chooseSingle(subnet, leased, [])).toBe('10.31.255.255/32');
  });
});

describe('fixed addresses', () => {
  const subnet = parseSubnet('10.42.0.0/24');
  const check = (address: string) => checkFixedAddress('app', subnet, parseAddress(address));
  test('are given inside the subnet', () => expect(check('10.42.0.2')).toBe('10.42.0.2'));
  test.each([
    ['10.43.0.2', '10.43.0.2 is not in network app (10.42.0.0/24)'],
    ['10.42.0.0', '10.42.0.0 is the address of network app'],
    ['10.42.0.1', '10.42.0.1 is the nominal gateway of network app'],
    ['10.42.0.255', '10.42.0.255 is the broadcast address of network app'],
    ['::1', '::1 is not in network app'],
  ])('%s is refused', (address, sentence) => expect(() => check(address)).toThrow(sentence));
  test('lie in the reserve or in a block', () => {
    expect(leasableBlockOf(subnet, parseAddress('10.42.0.31'))).toBeUndefined();
    expect(leasableBlockOf(subnet, parseAddress('10.42.0.50'))).toBe('10.42.0.48/28');
  });
});
