import { describe, expect, test } from 'vitest';
import { checkNetworkOptions, routerOf, whyUnrouted } from './network-options.ts';

const far = { driver: 'routed', options: { via: '10.0.1.1,10.0.2.1' } } as const;
const fast = { driver: 'routed', options: {} } as const;
const eth = (...addresses: string[]) => ({ name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1500, up: true, addresses });
const host = (address: string, ...addresses: string[]) => ({ name: 'h1', address, interfaces: [eth(...addresses)] });

describe('routers between the hosts', () => {
  test('a host goes by the one in its LAN', () => {
    expect(routerOf(far, host('10.0.1.7', '10.0.1.7/24'))).toBe('10.0.1.1');
    expect(routerOf(far, host('10.0.2.7', '10.0.2.7/24'))).toBe('10.0.2.1');
    // By the interface that is its place, whatever others it has.
    const two = { address: '10.0.2.7', interfaces: [eth('10.0.1.7/24'), eth('10.0.2.7/24')] };
    expect(routerOf(far, two)).toBe('10.0.2.1');
    expect(routerOf(fast, two)).toBeUndefined();
  });

  test('a host that is in no LAN, or tells of none, goes by the first, and is not refused', () => {
    for (const one of [host('10.0.3.7', '10.0.3.7/32'), { name: 'h1', address: '10.0.3.7' }]) {
      expect(routerOf(far, one)).toBe('10.0.1.1');
      expect(whyUnrouted(far, one)).toBeUndefined();
    }
  });

  test('where none is in a host’s LAN, that is told, with what to do', () => {
    expect(whyUnrouted(far, host('10.0.2.7', '10.0.2.7/24'))).toBeUndefined();
    expect(whyUnrouted(fast, host('10.0.3.7', '10.0.3.7/24'))).toBeUndefined();
    expect(whyUnrouted(far, host('10.0.3.7', '10.0.3.7/24'))).toBe(
      "router 10.0.1.1,10.0.2.1 is not in the LAN of node h1, 10.0.3.0/24: create the network with the router's address there, too, --via 10.0.1.1,10.0.2.1,ADDRESS",
    );
  });

  test('the router itself is told that no containers of the network can be on it', () => {
    const router = { name: 'gw', address: '10.0.1.1', interfaces: [eth('10.0.1.1/24'), eth('10.0.2.1/24')] };
    expect(whyUnrouted(far, router)).toMatch(/^node gw is itself the router 10.0.1.1: /);
    expect(whyUnrouted(far, { ...router, address: '10.0.9.9' })).toMatch(/^node gw is itself the router 10.0.1.1: /);
  });

  test.each(['10.0.1.1,', '10.0.1.1, 10.0.2.1', 'fd00::1', '10.0.1.1/24', ''])('are not %j', (via) => {
    expect(() => checkNetworkOptions('routed', { via })).toThrow(
      'it is the IPv4 address of the router between the hosts, or one for each LAN of theirs, like 10.0.1.1,10.0.2.1',
    );
  });
});
