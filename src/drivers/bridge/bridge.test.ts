import { describe, expect, test } from 'vitest';
import { type EndpointRecord, macOf, type NetworkRecord, parseAddress } from '../../domain/domain.ts';
import type { KernelObject } from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { drivers } from '../table.ts';

const host: Host = { node: 'h1', address: '10.0.0.1', interface: 'eth0', dockerUser: true };
const network: NetworkRecord = {
  id: '0123456789ab',
  name: 'local',
  driver: 'bridge',
  subnet: '10.45.0.0/16',
  vni: 10_003,
  mtu: 1500,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: {},
  createdAt: 0,
};
const endpoint = (node: string, address: string, kind: EndpointRecord['kind'] = 'container'): EndpointRecord => ({
  id: kind === 'gateway' ? `gateway-${node}` : address.replaceAll('.', '0').padEnd(64, 'f'),
  network: network.id,
  node,
  kind,
  address,
  mac: macOf(network.vni, parseAddress(address)),
});
const gateway = endpoint('h1', '10.45.32.2', 'gateway');
const local = endpoint('h1', '10.45.32.3');
const peer = (vtep: string) => ({ vtep, blocks: [], own: gateway.address });
const sandbox = { path: '/var/run/docker/netns/0a1b', interface: 'eth0', gateway: gateway.address };

const driver = drivers.bridge;
const cases: Record<string, () => KernelObject[]> = {
  network: () => driver.network(host, network, gateway),
  'network-internal': () => driver.network(host, { ...network, internal: true }, gateway),
  'local-endpoint': () => driver.localEndpoint(host, network, local, gateway.address),
  'restored-endpoint': () => driver.restoredEndpoint(host, network, local, gateway.address, sandbox),
};

describe('a node-local network as kernel state', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const lines = cases[name]?.().map((object) => JSON.stringify(object));
    await expect(`${lines?.join('\n')}\n`).toMatchFileSnapshot(`../../../test/golden/bridge-${name}.jsonl`);
  });

  test('nothing of it leads to other hosts', () => {
    const whole = JSON.stringify(Object.values(cases).map((objects) => objects()));
    expect(whole).not.toMatch(/vxlan|trx|vteps|vnis/);
    expect(driver.remoteEndpoint(host, network, endpoint('h2', '10.45.64.2', 'gateway'), peer('10.0.0.2'))).toEqual([]);
    expect(driver.remoteEndpoint(host, network, endpoint('h2', '10.45.64.3'), peer('10.0.0.2'))).toEqual([]);
  });
});
