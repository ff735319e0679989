import { describe, expect, test } from 'vitest';
import {
  addressAddition,
  addressDeletion,
  aged,
  type CarriedAddress,
  type CarriedRoute,
  carriedAddresses,
  carriedRoutes,
  inReach,
  labelledAs,
  routeReplacement,
  sameCarried,
  united,
} from './carried.ts';

const forever = { valid_life_time: 2 ** 32 - 1, preferred_life_time: 2 ** 32 - 1 };
const plain: CarriedAddress = {
  family: 'inet',
  local: '10.1.0.11',
  prefixlen: 24,
  broadcast: '10.1.0.255',
  scope: 'global',
  label: 'eth1:0',
  ...forever,
};
const leased: CarriedAddress = {
  family: 'inet',
  local: '10.1.0.12',
  prefixlen: 24,
  scope: 'global',
  label: 'eth1',
  valid_life_time: 3600,
  preferred_life_time: 1800,
};
const six: CarriedAddress = { family: 'inet6', local: 'fd00::11', prefixlen: 64, scope: 'global', ...forever };
const all = (addresses: readonly CarriedAddress[], routes: readonly CarriedRoute[] = []) => ({
  addresses,
  routes,
  neighbours: [],
});
const text = (words: readonly string[]) => words.join(' ');

describe('an address', () => {
  test('has its name on the interface itself only; IPv6 is not looked for in its place', () => {
    expect(text(addressAddition(plain, 'trl1', 'place'))).toBe(
      'addr replace 10.1.0.11/24 dev trl1 brd 10.1.0.255 scope global',
    );
    expect(text(addressAddition(plain, 'eth1', 'itself'))).toBe(
      'addr replace 10.1.0.11/24 dev eth1 brd 10.1.0.255 scope global label eth1:0',
    );
    expect(text(addressAddition({ ...plain, label: 'trl1' }, 'eth1', 'itself'))).not.toContain('label');
    expect(text(addressAddition(six, 'trl1', 'place'))).toContain('nodad');
    expect(text(addressAddition(six, 'eth1', 'itself'))).not.toContain('nodad');
    expect(text(addressDeletion({ ...plain, address: '10.1.0.99', prefixlen: 32 }, 'eth1'))).toBe(
      'addr del 10.1.0.11 peer 10.1.0.99/32 dev eth1',
    );
  });

  test('ends when its time ends, wherever it stands', () => {
    expect(text(addressAddition(leased, 'trl1', 'place'))).toContain('valid_lft 3600 preferred_lft 1800');
    expect(aged(all([plain, leased]), 2000).addresses).toEqual([
      plain,
      { ...leased, valid_life_time: 1600, preferred_life_time: 0 },
    ]);
    expect(aged(all([plain, leased]), 4000).addresses).toEqual([plain]);
  });

  test('that the kernel makes by itself is not carried', () => {
    const own = { ...six, scope: 'link', local: 'fe80::1' };
    expect(carriedAddresses([plain, own, { ...six, temporary: true }])).toEqual([plain]);
  });

  test('has back the name and the flags that it had', () => {
    const now = all([
      { ...plain, label: 'trl1' },
      { ...six, nodad: true },
      { ...leased, label: 'trl1' },
    ]);
    expect(labelledAs(now, all([plain, six])).addresses).toEqual(
      [plain, six, { ...leased, label: undefined }].map((each) => JSON.parse(JSON.stringify(each))),
    );
  });
});

describe('a route', () => {
  const common = { table: 'main', protocol: 'dhcp', scope: 'global', type: 'unicast', flags: [] } as const;
  test.each<[CarriedRoute, string]>([
    [
      { ...common, dst: 'default', gateway: '10.1.0.1', dev: 'eth1', metric: 100, prefsrc: '10.1.0.11' },
      'route replace default via 10.1.0.1 dev trl1 table main proto dhcp scope global src 10.1.0.11 metric 100',
    ],
    [
      {
        ...common,
        dst: '10.9.0.0/16',
        gateway: '10.5.5.5',
        dev: 'eth1',
        flags: ['onlink', 'linkdown'],
        metrics: [{ mtu: 1400 }],
      },
      'route replace 10.9.0.0/16 via 10.5.5.5 dev trl1 table main proto dhcp scope global mtu 1400 onlink',
    ],
    [
      { ...common, dst: 'default', dev: 'eth1', metric: 1024, pref: 'high', expires: 60 },
      'route replace ::/0 dev trl1 table main proto dhcp metric 1024 expires 60 pref high',
    ],
    [
      { ...common, dst: '10.8.0.0/16', via: { family: 'inet6', host: 'fe80::1' }, dev: 'eth1' },
      'route replace 10.8.0.0/16 via inet6 fe80::1 dev trl1 table main proto dhcp scope global',
    ],
    [
      {
        ...common,
        dst: '10.7.0.0/16',
        nexthops: [
          { gateway: '10.1.0.1', dev: 'eth1', weight: 2, flags: [] },
          { gateway: '10.2.0.1', dev: 'eth2', weight: 1, flags: ['onlink'] },
        ],
      },
      'route replace 10.7.0.0/16 table main proto dhcp scope global nexthop via 10.1.0.1 dev trl1 weight 2 nexthop via 10.2.0.1 dev eth2 weight 1 onlink',
    ],
    [
      { ...common, dst: '10.6.0.0/16', type: 'blackhole', table: '100', dev: 'eth1' },
      'route replace blackhole 10.6.0.0/16 dev trl1 table 100 proto dhcp scope global',
    ],
  ])('is written again with the other interface', (route, words) => {
    expect(text(routeReplacement(route, 'eth1', 'trl1'))).toBe(words);
  });

  test.each([
    ['encap', { dev: 'eth1', encap: 'mpls' }],
    ['flow', { nexthops: [{ dev: 'eth1', gateway: '10.1.0.1', weight: 1, flags: [], flow: { to: '3' } }] }],
    ['congestion', { dev: 'eth1', metrics: [{ mtu: 1400, congestion: 'reno' }] }],
  ])('of a kind that is not known is refused, before anything is done: %s', (what, strange) => {
    const route = { ...common, dst: '10.9.0.0/16', ...strange } as CarriedRoute;
    expect(() => routeReplacement(route, 'eth1', 'trl1')).toThrow(
      `the route to 10.9.0.0/16 by eth1 has ${what}, which Trama cannot move`,
    );
  });

  test('is carried if it goes by the interface, in part too, and is nobody’s but the host’s', () => {
    const listed: CarriedRoute[] = [
      { ...common, dst: '10.1.0.0/24', dev: 'eth1', protocol: 'kernel' },
      { ...common, dst: '10.42.0.0/16', dev: 'eth1', protocol: '84' },
      { ...common, dst: '10.1.0.11', dev: 'eth1', table: 'local' },
      { ...common, dst: '10.3.0.0/16', dev: 'eth2' },
      { ...common, dst: '10.4.0.0/16', gateway: '10.1.0.1', dev: 'eth1' },
      { ...common, dst: '10.5.0.0/16', dev: 'eth1' },
      { ...common, dst: '10.7.0.0/16', nexthops: [{ dev: 'eth2' }, { dev: 'eth1' }] },
    ];
    const carried = carriedRoutes(listed, 'eth1', 'eth0');
    expect(carried.map(({ dst }) => dst)).toEqual(['10.4.0.0/16', '10.5.0.0/16', '10.7.0.0/16']);
    expect(carried[2]?.nexthops?.map(({ dev }) => dev)).toEqual(['eth2', 'eth0']);
    expect(inReach(carried).map(({ dst }) => dst)).toEqual(['10.5.0.0/16', '10.4.0.0/16', '10.7.0.0/16']);
  });

  test('of two that are the same the first counts; another metric or family is another', () => {
    const one: CarriedRoute = { ...common, dst: 'default', gateway: '10.1.0.1', dev: 'eth1' };
    const others: CarriedRoute[] = [
      { ...one, metric: 5 },
      { ...one, gateway: 'fd00::1' },
      { ...one, table: '7' },
    ];
    const { routes } = united(all([], [one, ...others]), all([], [{ ...one, gateway: '10.1.0.2' }]));
    expect(routes).toEqual([one, ...others]);
  });
});

test('an address that was renewed in one of two places lives as long in both', () => {
  const renewed = { ...leased, valid_life_time: 7200, preferred_life_time: 3600, label: 'eth1' };
  expect(united(all([leased]), all([renewed])).addresses).toEqual([
    { ...leased, valid_life_time: 7200, preferred_life_time: 3600 },
  ]);
  expect(united(all([renewed]), all([leased])).addresses).toEqual([renewed]);
});

test('what was renewed is something new, what is only older is not', () => {
  expect(sameCarried(all([{ ...leased, valid_life_time: 3000 }]), all([leased]))).toBe(true);
  expect(sameCarried(all([{ ...leased, valid_life_time: 7200 }]), all([leased]))).toBe(false);
  expect(sameCarried(all([plain]), all([leased]))).toBe(false);
});
