import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import {
  assignableAddresses,
  capacityOf,
  checkFixedAddress,
  chooseBlock,
  chooseSingle,
  leasableBlockOf,
} from './blocks.ts';
import { clashes } from './clashes.ts';
import { type AskedLan, decideLan, lanOf, spaceOf, wayOut, whyNotOn } from './lan.ts';
import type { HostInterface, NetworkRecord } from './records.ts';
import { contains, parseSubnet } from './subnet.ts';

const eth1: HostInterface = {
  ...{ name: 'eth1', mac: '02:aa:00:00:00:0b', mtu: 1500, up: true },
  ...{ addresses: ['192.168.1.11/24'], gateway: '192.168.1.1' },
};
const node = (name: string, ...interfaces: HostInterface[]) => ({ name, interfaces });
const h1 = node('h1', eth1);
const asked = (options: Record<string, string>, more: Partial<AskedLan> = {}): AskedLan => {
  return { options: { parent: 'eth1', ...options }, subnet: '192.168.1.0/24', internal: false, ...more };
};
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'was not refused';
};

describe('what is left open is the parent’s', () => {
  test('subnet and gateway', () => {
    const { subnet: _, ...open } = asked({});
    expect(decideLan(open, [], [node('h0'), h1])).toEqual({
      subnet: '192.168.1.0/24',
      options: { parent: 'eth1', gateway: '192.168.1.1' },
    });
  });

  test('but not a gateway outside the subnet, nor one for an internal network', () => {
    const elsewhere = node('h1', { ...eth1, gateway: '10.9.9.1' });
    expect(decideLan(asked({}), [], [elsewhere]).options).toEqual({ parent: 'eth1' });
    expect(decideLan(asked({}, { internal: true }), [], [h1]).options).toEqual({ parent: 'eth1' });
    expect(decideLan(asked({ gateway: '192.168.1.254' }), [], [h1]).options.gateway).toBe('192.168.1.254');
  });

  test('before there is a node, what is said is believed', () => {
    expect(decideLan(asked({}), [], []).subnet).toBe('192.168.1.0/24');
  });
});

test.each([
  [
    'a parent that nobody has',
    asked({ parent: 'eth7' }),
    'no node has an interface eth7: name one that ip link shows on the hosts',
  ],
  [
    'no parent',
    { ...asked({}), options: {} },
    "a lan network needs the hosts' interface in the LAN: name it with --parent",
  ],
  [
    'another subnet than the parent’s',
    asked({}, { subnet: '10.7.0.0/24' }),
    "eth1 of node h1 is in 192.168.1.0/24, not in 10.7.0.0/24: give the LAN's own subnet",
  ],
  [
    'a range outside',
    asked({ range: '192.168.2.0/26' }),
    'range 192.168.2.0/26 is not in subnet 192.168.1.0/24: choose a part of the subnet',
  ],
  [
    'a gateway outside',
    asked({ gateway: '192.168.2.1' }),
    "gateway 192.168.2.1 is not in subnet 192.168.1.0/24: give the address of the LAN's router",
  ],
  [
    'the broadcast address for a gateway',
    asked({ gateway: '192.168.1.255' }),
    "gateway 192.168.1.255 is no host's address in 192.168.1.0/24: give that of the LAN's router",
  ],
  [
    'a gateway of an internal network',
    asked({ gateway: '192.168.1.1' }, { internal: true }),
    'an internal network has no way out, and no use for a gateway: leave out --gateway',
  ],
])('%s is refused', (_what, lan, sentence) => {
  expect(refusal(() => decideLan(lan, [], [node('h0'), h1]))).toBe(sentence);
});

test('an interface has one network in its LAN', () => {
  const other = { name: 'office', driver: 'lan', options: { parent: 'eth1' } } as const;
  expect(refusal(() => decideLan(asked({}), [other], [h1]))).toBe(
    'eth1 is the parent of network office already: use that network, or another parent',
  );
});

test('where a network can be, and why not', () => {
  const network = { driver: 'lan', subnet: '192.168.1.0/24', options: { parent: 'eth1' } } as const;
  expect(whyNotOn(network, h1)).toBeUndefined();
  // A host need not be in the LAN itself.
  expect(whyNotOn(network, node('h1', { ...eth1, addresses: [] }))).toBeUndefined();
  expect(whyNotOn(network, { name: 'h1' })).toBe('node h1 has no interface eth1');
  expect(whyNotOn(network, node('h1', { ...eth1, master: 'br0' }))).toBe(
    'eth1 of node h1 is a port of br0: name br0 as the parent',
  );
  expect(whyNotOn(network, node('h1', { ...eth1, up: false }))).toBe(
    'eth1 of node h1 has no link: see to its cable, and set it up with ip link set dev eth1 up',
  );
  expect(whyNotOn({ ...network, driver: 'overlay' }, { name: 'h1' })).toBeUndefined();
});

describe('addresses of a range', () => {
  const network = {
    driver: 'lan',
    subnet: '192.168.1.0/24',
    options: { parent: 'eth1', gateway: '192.168.1.130', range: '192.168.1.128/28' },
  } as const satisfies Pick<NetworkRecord, 'driver' | 'subnet' | 'options'>;
  const space = spaceOf(network);

  function leaseAll(fixed: readonly string[] = []): string[] {
    const leased: string[] = [];
    for (;;) {
      const next = chooseBlock(space, leased, fixed, `h${leased.length}`) ?? chooseSingle(space, leased, fixed);
      if (next === undefined) return leased;
      leased.push(next);
    }
  }

  test('are all assigned, its first and last too, and none outside, nor the router’s', () => {
    const all = leaseAll().flatMap((cidr) => assignableAddresses(space, cidr));
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(15);
    expect(capacityOf(space)).toBe(15);
    for (const address of all) expect(contains(parseSubnet('192.168.1.128/28'), parseAddress(address))).toBe(true);
    expect(all).toContain('192.168.1.128');
    expect(all).toContain('192.168.1.143');
    expect(all).not.toContain('192.168.1.130');
  });

  test('people’s own outside of it take nothing from it', () => {
    expect(leaseAll(['192.168.1.5', '192.168.1.200'])).toEqual(leaseAll());
    expect(leasableBlockOf(space, parseAddress('192.168.1.5'))).toBeUndefined();
    expect(checkFixedAddress('office', space, parseAddress('192.168.1.5'))).toBe('192.168.1.5');
    expect(checkFixedAddress('office', space, parseAddress('192.168.1.1'))).toBe('192.168.1.1');
    for (const [address, what] of [
      ['192.168.1.0', 'is the address of'],
      ['192.168.1.255', 'is the broadcast address of'],
      ['192.168.1.130', 'is the gateway of'],
      ['192.168.2.5', 'is not in'],
    ] as const)
      expect(refusal(() => checkFixedAddress('office', space, parseAddress(address)))).toContain(what);
  });

  test.each(['192.168.1.77/32', '192.168.1.76/31', '192.168.1.76/30'])('may be as few as %s', (range) => {
    const small = spaceOf({ ...network, options: { parent: 'eth1', range } });
    const leased: string[] = [];
    for (let next = ''; ; ) {
      next = chooseBlock(small, leased, [], 'h1') ?? chooseSingle(small, leased, []) ?? '';
      if (next === '') break;
      leased.push(next);
    }
    expect(leased.flatMap((cidr) => assignableAddresses(small, cidr))).toHaveLength(capacityOf(small));
  });

  test('are of the whole subnet when none is named, without its own and broadcast', () => {
    expect(capacityOf(spaceOf({ ...network, options: { parent: 'eth1' } }))).toBe(254);
  });
});

test('a LAN’s subnet may be a route of its hosts, or lie in one; what leads elsewhere within it clashes', () => {
  const lan = { name: 'office', driver: 'lan', subnet: '192.168.1.0/24', vni: 1, mtu: 1500 } as const;
  const host = (...routes: string[]) => ({ name: 'h1', address: '192.168.1.11', routes, underlayMtu: 1500 });
  expect(clashes(lan, [], [host('192.168.1.0/24', '192.168.0.0/16', '192.168.1.1/32')])).toBeUndefined();
  expect(clashes(lan, [], [host('192.168.1.64/26')])).toContain('overlaps the route 192.168.1.64/26 of node h1');
  expect(clashes({ ...lan, driver: 'overlay' }, [], [host('192.168.1.0/24')])).toContain('overlaps the route');
  const other = { name: 'app', subnet: '192.168.0.0/16', vni: 2 };
  expect(clashes(lan, [other], [])).toContain('overlaps network app');
});

test('containers’ way out is the LAN’s router, not the node', () => {
  const subnet = '192.168.1.0/24';
  const lan = { driver: 'lan', internal: false, subnet, options: { parent: 'eth1', gateway: '192.168.1.1' } } as const;
  expect(wayOut(lan, '192.168.1.130')).toBe('192.168.1.1');
  const unsaid = { ...lan, options: { parent: 'eth1' } };
  expect(wayOut(unsaid, '192.168.1.130')).toBeUndefined();
  expect(wayOut({ ...lan, internal: true }, '192.168.1.130', '192.168.1.1')).toBeUndefined();
  expect(wayOut({ ...lan, driver: 'overlay', options: {} }, '192.168.1.2')).toBe('192.168.1.2');
  // What the LAN's own DHCP server says counts where nobody else has said it, and can be reached.
  expect(wayOut(unsaid, '192.168.1.130', '192.168.1.254')).toBe('192.168.1.254');
  expect(wayOut(lan, '192.168.1.130', '192.168.1.254')).toBe('192.168.1.1');
  expect(wayOut(unsaid, '192.168.1.130', '192.168.2.1')).toBeUndefined();
  expect(lanOf({ driver: 'overlay', options: {} })).toBeUndefined();
});
