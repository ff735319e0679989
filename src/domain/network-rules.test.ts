import { describe, expect, test } from 'vitest';
import { chooseSubnet, clashes, defaultMtu, routeClash } from './clashes.ts';
import {
  checkDiscovery,
  checkDriver,
  checkForDriver,
  checkMtu,
  checkVni,
  chooseVni,
  highestVni,
  multicastGroup,
  parseNetworkSubnet,
  reachOf,
} from './network-rules.ts';
import { formatSubnet } from './subnet.ts';

describe('a network by itself', () => {
  test.each(['10.42.0.0/16', '10.0.0.0/8', '192.168.1.0/30', '100.64.0.0/10', '203.0.113.0/24'])(
    'may have %s',
    (text) => expect(formatSubnet(parseNetworkSubnet(text))).toBe(text),
  );
  test.each([
    ['10.42.0.0/31', '10.42.0.0/31 leaves no addresses for containers: choose a prefix length from 8 to 30'],
    ['10.42.0.0/32', 'leaves no addresses'],
    ['10.42.0.0/33', 'has no valid prefix length'],
    ['0.0.0.0/0', '0.0.0.0/0 is larger than any network needs'],
    ['127.1.0.0/16', '127.1.0.0/16 is loopback and cannot be'],
    ['169.254.0.0/16', 'is link-local'],
    ['169.0.0.0/8', '169.0.0.0/8 contains 169.254.0.0/16, which is link-local'],
    ['239.0.0.0/8', 'is multicast'],
    ['255.0.0.0/8', 'is reserved'],
    ['0.0.0.0/8', 'means "this network"'],
    ['fd00::/64', 'is IPv6, which networks cannot have yet'],
  ])('may not have %s', (text, sentence) => expect(() => parseNetworkSubnet(text)).toThrow(sentence));

  test.each([0, -1, 2 ** 24, 1.5, Number.NaN])('VNI %s is refused', (vni) =>
    expect(() => checkVni(vni)).toThrow('VNI'),
  );
  test.each([0, 575, 65486, 1450.5])('MTU %s is refused', (mtu) => expect(() => checkMtu(mtu)).toThrow('MTU'));
  test('limits pass', () => {
    expect([checkVni(1), checkVni(highestVni), checkMtu(576), checkMtu(65485)]).toEqual([1, 16777215, 576, 65485]);
    expect(() => checkDriver('ring')).toThrow('"ring" is not a driver');
    expect(() => checkDiscovery('gossip')).toThrow('registry and multicast');
  });
});

describe('a network among others', () => {
  const web = { name: 'web', subnet: '10.42.8.0/24', vni: 20_000 };
  const node = { name: 'h2', address: '10.0.0.2', routes: ['10.43.1.0/24', '0.0.0.0/1'], underlayMtu: 1500 };
  const app = { name: 'app', driver: 'overlay' as const, subnet: '10.44.0.0/16', vni: 20_001, mtu: 1450 };

  test('may share nothing', () => {
    expect(clashes(app, [web], [node])).toBeUndefined();
    expect(clashes({ ...app, name: 'web' }, [web], [node])).toContain('there is a network web already');
    expect(clashes({ ...app, vni: 20_000 }, [web], [node])).toContain('VNI 20000 belongs to network web');
    expect(clashes({ ...app, subnet: '10.42.0.0/16' }, [web], [node])).toContain(
      'subnet 10.42.0.0/16 overlaps network web (10.42.8.0/24)',
    );
    expect(clashes({ ...app, subnet: '10.43.0.0/16' }, [web], [node])).toContain(
      'subnet 10.43.0.0/16 overlaps the route 10.43.1.0/24 of node h2',
    );
    expect(clashes({ ...app, mtu: 1451 }, [web], [node])).toContain('MTU 1451 does not fit node h2');
  });
  test('a host that joins with a route into a network is found', () => {
    expect(routeClash(node, [web])).toBeUndefined();
    expect(routeClash({ ...node, routes: ['10.0.0.0/8'] }, [web])).toBe(
      'the route 10.0.0.0/8 of node h2 overlaps network web (10.42.8.0/24)',
    );
  });
  test('the MTU follows from the narrowest underlay', () => {
    expect(defaultMtu([], 'overlay')).toBe(1450);
    expect(defaultMtu([{ underlayMtu: 9000 }, { underlayMtu: 1400 }], 'overlay')).toBe(1350);
  });
  test('a network that stays on each host has all of the underlay to itself', () => {
    expect(defaultMtu([{ underlayMtu: 9000 }, { underlayMtu: 1400 }], 'bridge')).toBe(1400);
    const local = { ...app, driver: 'bridge' as const };
    expect(clashes({ ...local, mtu: 1500 }, [web], [node])).toBeUndefined();
    expect(clashes({ ...local, mtu: 1501 }, [web], [node])).toContain('choose at most 1500');
    expect(reachOf(local)).toBe('node');
    expect(reachOf(app)).toBe('cluster');
  });
  test('options of VXLAN are refused where there is none', () => {
    checkForDriver('overlay', { vni: 5, discovery: 'multicast' });
    checkForDriver('bridge', { discovery: 'registry' });
    expect(() => checkForDriver('bridge', { discovery: 'multicast' })).toThrow('leave out --discovery');
    expect(() => checkForDriver('bridge', { vni: 5, discovery: 'registry' })).toThrow('leave out --vni');
  });
  test('a free subnet avoids networks and routes, and when none is free says so', () => {
    expect(chooseSubnet([], [])).toBe('10.64.0.0/16');
    expect(chooseSubnet([{ ...web, subnet: '10.64.3.0/24' }], [{ ...node, routes: ['10.65.0.0/16'] }])).toBe(
      '10.66.0.0/16',
    );
    expect(chooseSubnet([], [{ ...node, routes: ['10.0.0.0/8'] }])).toBe('172.24.0.0/16');
    expect(() => chooseSubnet([], [{ ...node, routes: ['10.0.0.0/8', '172.16.0.0/12'] }])).toThrow('--subnet');
  });
  test('VNIs grow, and wrap at the end', () => {
    expect(chooseVni([])).toBe(10_001);
    expect(chooseVni([5])).toBe(10_001);
    expect(chooseVni([10_001, 10_007])).toBe(10_008);
    expect(chooseVni([10_001, highestVni])).toBe(10_002);
  });
  test('a group belongs to one VNI', () => {
    expect(multicastGroup(10_001)).toBe('239.0.39.17');
    expect(multicastGroup(highestVni)).toBe('239.255.255.255');
  });
});
