import { describe, expect, test } from 'vitest';
import { chooseUnderlay } from './underlay.ts';

const link = (ifname: string, local: string, mtu = 1500) => ({
  ifname,
  mtu,
  link_type: 'ether',
  flags: ['UP', 'LOWER_UP'],
  addr_info: [{ family: 'inet', local, scope: 'global' }],
});
const links = [link('lo', '127.0.0.1', 65536), link('eth0', '10.0.0.5'), link('eth1', '192.168.7.2', 9000)];

describe('the underlay', () => {
  test('is the interface with the default route', () => {
    const found = chooseUnderlay(
      [
        { dst: 'default', dev: 'eth1' },
        { dst: '10.0.0.0/24', dev: 'eth0' },
      ],
      links,
    );
    expect(found).toMatchObject({ address: '192.168.7.2', interface: 'eth1', mtu: 9000 });
    expect(found.reason).toBe('address 192.168.7.2 of eth1, which has the default route');
  });

  test('of several default routes the one with the lowest metric', () => {
    const routes = [
      { dst: 'default', dev: 'eth1', metric: 600 },
      { dst: 'default', dev: 'eth0', metric: 100 },
    ];
    expect(chooseUnderlay(routes, links).interface).toBe('eth0');
  });

  test('prefers the source that the route names', () => {
    expect(chooseUnderlay([{ dst: 'default', dev: 'eth0', prefsrc: '10.0.0.77' }], links).address).toBe('10.0.0.77');
  });

  test('is what was asked for, if the host has it', () => {
    expect(chooseUnderlay([], links, '10.0.0.5')).toMatchObject({ interface: 'eth0', address: '10.0.0.5' });
    expect(() => chooseUnderlay([], links, '10.9.9.9')).toThrow(
      '10.9.9.9 is not an address of this host; it has 127.0.0.1 (lo), 10.0.0.5 (eth0)',
    );
  });

  test('without a default route somebody must say, but where there is only one', () => {
    const routes = [{ dst: '10.0.0.0/24', dev: 'eth0' }];
    expect(() => chooseUnderlay(routes, links)).toThrow('--address IP');
    expect(() => chooseUnderlay([], [])).toThrow('--address IP');
    const second = { family: 'inet', local: '10.0.0.6', scope: 'global', secondary: true };
    const eth0 = { ...link('eth0', '10.0.0.5'), addr_info: [...link('eth0', '10.0.0.5').addr_info, second] };
    const others = [
      link('docker0', '172.17.0.1'),
      link('br-0123456789ab', '172.18.0.1'),
      link('virbr0', '192.168.122.1'),
      link('trg10001', '10.42.0.1'),
    ];
    const unplugged = { ...link('eth1', '192.168.7.2'), flags: ['UP'] };
    const found = chooseUnderlay(routes, [link('lo', '127.0.0.1'), eth0, ...others, unplugged]);
    expect(found).toMatchObject({ address: '10.0.0.5', interface: 'eth0' });
    expect(found.reason).toBe('address 10.0.0.5 of eth0, the only one that this host has');
  });

  test('stays where it is while the default route is gone, and goes nowhere else with it', () => {
    const former = { address: '10.0.0.5', reason: 'which has the default route' };
    const routes = [{ dst: '192.168.7.0/24', dev: 'eth1' }];
    const kept = chooseUnderlay(routes, links, undefined, former);
    expect(kept).toMatchObject({ ...former, interface: 'eth0' });
    const eth1 = links.filter(({ ifname }) => ifname === 'eth1');
    expect(() => chooseUnderlay(routes, eth1, undefined, former)).toThrow('no default route');
  });

  test("tells the host's subnets, without the default route and Trama's own", () => {
    const routes = [
      { dst: 'default', dev: 'eth0' },
      { dst: '10.0.0.0/24', dev: 'eth0' },
      { dst: '10.42.0.0/16', dev: 'trg10001' },
      { dst: '10.43.0.64/26', dev: 'eth0', gateway: '10.0.0.2', protocol: '84' },
      { dst: '172.17.0.0/16', dev: 'docker0', protocol: 'kernel' },
      { dst: '192.0.2.7', dev: 'eth1' },
    ];
    expect(chooseUnderlay(routes, links).routes).toEqual(['10.0.0.0/24', '172.17.0.0/16', '192.0.2.7/32']);
  });

  describe('tells the interfaces that people name', () => {
    const ether = (ifname: string, cidr: string, more: object = {}) => ({
      ...{ ifname, mtu: 1500, flags: ['UP', 'LOWER_UP'], link_type: 'ether', address: '02:AA:00:00:00:01' },
      addr_info:
        cidr === '' ? [] : [{ family: 'inet', local: cidr.split('/')[0] ?? '', prefixlen: 24, scope: 'global' }],
      ...more,
    });
    const routes = [{ dst: 'default', dev: 'eth1', gateway: '192.168.1.1' }];
    const eth1 = {
      ...{ name: 'eth1', mac: '02:aa:00:00:00:01', mtu: 1500, up: true },
      ...{ addresses: ['192.168.1.11/24'], gateway: '192.168.1.1' },
    };

    test('with their addresses and their way out, and none of containers, of engines or of ours', () => {
      const others = ['docker0', 'br-0123456789ab', 'veth0123abc', 'trg10001', 'tru10001', 'trb10001'];
      const found = chooseUnderlay(routes, [
        ether('eth1', '192.168.1.11/24'),
        ether('br0', '', { linkinfo: { info_kind: 'bridge' } }),
        ether('eth2', '', { master: 'br0', flags: ['UP'] }),
        ...others.map((name) => ether(name, '10.9.9.9/24')),
      ]);
      const plain = { mac: eth1.mac, mtu: 1500, addresses: [] };
      expect(found.interfaces).toEqual([
        { name: 'br0', ...plain, up: true, bridge: true },
        eth1,
        { name: 'eth2', ...plain, up: false, master: 'br0' },
      ]);
      expect(found.port).toBeUndefined();
    });

    test('one whose place a bridge of ours has is told of as before, and the host stands on the bridge', () => {
      const moved = [{ ...routes[0], dst: 'default', dev: 'trl10003' }];
      const found = chooseUnderlay(moved, [
        ether('eth1', '', { master: 'trl10003' }),
        ether('trl10003', '192.168.1.11/24', { ifalias: 'in-place-of:eth1', linkinfo: { info_kind: 'bridge' } }),
      ]);
      expect(found.interfaces).toEqual([eth1]);
      expect(found).toMatchObject({ interface: 'trl10003', port: 'eth1', address: '192.168.1.11' });
    });
  });
});
