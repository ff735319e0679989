import { describe, expect, test } from 'vitest';
import {
  type EndpointRecord,
  type HostInterface,
  macOf,
  type NetworkRecord,
  parseAddress,
} from '../../domain/domain.ts';
import { keyOf } from '../../kernel/identity.ts';
import type { KernelObject } from '../../kernel/objects.ts';
import { commandsOf } from '../../kernel/print.ts';
import type { Host } from '../drivers.ts';
import { base, drivers } from '../table.ts';

const eth1: HostInterface = {
  ...{ name: 'eth1', mac: '02:aa:00:00:00:0b', mtu: 1500, up: true },
  ...{ addresses: ['192.168.1.11/24'], gateway: '192.168.1.1' },
};
const host: Host = {
  ...{ node: 'h1', address: '10.0.0.1', interface: 'eth0', dockerUser: true, bridgeNetfilter: true },
  interfaces: [eth1],
};
const network: NetworkRecord = {
  id: '0123456789ab',
  name: 'office',
  driver: 'lan',
  subnet: '192.168.1.0/24',
  vni: 10_003,
  mtu: 1500,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: { parent: 'eth1', gateway: '192.168.1.1', range: '192.168.1.128/26' },
  createdAt: 0,
};
const macvlan: NetworkRecord = { ...network, options: { ...network.options, mode: 'macvlan' } };
const endpoint = (node: string, address: string, kind: EndpointRecord['kind'] = 'container'): EndpointRecord => ({
  id: kind === 'gateway' ? `gateway-${node}` : (address.split('.').at(-1) ?? '').padStart(10, '0').padEnd(64, 'f'),
  network: network.id,
  node,
  kind,
  address,
  mac: macOf(network.vni, parseAddress(address)),
});
const gateway = endpoint('h1', '192.168.1.130', 'gateway');
const own = gateway.address;
const local = endpoint('h1', '192.168.1.131');
const peer = { vtep: '10.0.0.2', blocks: [], own };
const sandbox = { path: '/var/run/docker/netns/0a1b', interface: 'eth0', gateway: '192.168.1.1' };
const onBridge: Host = { ...host, interfaces: [{ ...eth1, bridge: true }] };
const apart: Host = { ...host, interfaces: [{ ...eth1, addresses: [] }] };

const driver = drivers.lan;
const cases: Record<string, () => KernelObject[]> = {
  network: () => driver.network(host, network, gateway),
  'network-on-bridge': () => driver.network(onBridge, network, gateway),
  'network-macvlan': () => driver.network(host, macvlan, gateway),
  'local-endpoint': () => driver.localEndpoint(host, network, local, own),
  'local-endpoint-apart': () => driver.localEndpoint(apart, network, local, own),
  'local-endpoint-macvlan': () => driver.localEndpoint(host, macvlan, local, own),
  'restored-endpoint': () => driver.restoredEndpoint(host, network, local, own, sandbox),
  'restored-endpoint-macvlan': () => driver.restoredEndpoint(host, macvlan, local, own, sandbox),
};

describe('a network in a LAN as kernel state', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const lines = cases[name]?.().map((object) => JSON.stringify(object));
    await expect(`${lines?.join('\n')}\n`).toMatchFileSnapshot(`../../../test/golden/lan-${name}.jsonl`);
  });

  test('of other hosts nothing is asked: the LAN knows where they are', () => {
    expect(driver.remoteEndpoint(host, network, endpoint('h2', '192.168.1.140'), peer)).toEqual([]);
    expect(driver.remoteBlock).toBeUndefined();
  });

  test('the host’s link answers for no other of its addresses, from its first moment on', () => {
    for (const net of [network, macvlan]) {
      const link = driver
        .network(host, net, gateway)
        .find((each) => each.kind === 'link' && each.name.startsWith('trg'));
      const commands = commandsOf({ op: 'create', after: link as KernelObject }).map((argv) => argv.join(' '));
      const at = (part: string) => commands.findIndex((command) => command.includes(part));
      expect(at('arp_ignore=1')).toBeGreaterThan(-1);
      expect(at('arp_ignore=1')).toBeLessThan(at(' up'));
    }
  });

  test('only a parent that is no bridge gives up its place', () => {
    const kinds = (on: Host, net: NetworkRecord) => driver.network(on, net, gateway).map(({ kind }) => kind);
    expect(kinds(host, network)).toContain('uplink');
    expect(kinds(onBridge, network)).not.toContain('uplink');
    expect(kinds(host, macvlan)).not.toContain('uplink');
  });

  test('without Docker its chain is not asked, and the bridges’ firewall is not switched on for the asking', () => {
    const rules = (on: Host) => driver.network(on, network, gateway).filter(({ kind }) => kind === 'iptables');
    expect(rules({ ...host, dockerUser: false })).toEqual([]);
    expect(rules({ ...onBridge, bridgeNetfilter: false })).toEqual([]);
    expect(JSON.stringify(rules(onBridge))).toContain('physdev');
    expect(JSON.stringify(rules(host))).not.toContain('physdev');
  });

  test('endpoints share nothing with the network or one another; nothing stands twice', () => {
    const other = endpoint('h1', '192.168.1.132');
    for (const net of [network, macvlan]) {
      const all = [base(host), driver.network(host, net, gateway)];
      for (const each of [local, other]) all.push(driver.localEndpoint(host, net, each, own));
      const keys = all.flat().map(keyOf);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });
});
