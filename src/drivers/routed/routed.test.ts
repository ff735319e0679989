import { describe, expect, test } from 'vitest';
import { type EndpointRecord, macOf, type NetworkRecord, parseAddress } from '../../domain/domain.ts';
import { keyOf } from '../../kernel/identity.ts';
import type { KernelObject } from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { base, drivers } from '../table.ts';

const host: Host = { node: 'h1', address: '10.0.0.1', interface: 'eth0', dockerUser: true };
const network: NetworkRecord = {
  id: '0123456789ab',
  name: 'fast',
  driver: 'routed',
  subnet: '10.45.0.0/16',
  vni: 10_003,
  mtu: 1500,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: {},
  createdAt: 0,
};
const links: NetworkRecord = { ...network, internal: true, options: { attach: 'p2p' } };
const endpoint = (node: string, address: string, kind: EndpointRecord['kind'] = 'container'): EndpointRecord => ({
  id: kind === 'gateway' ? `gateway-${node}` : address.replaceAll('.', '0').padEnd(64, 'f'),
  network: network.id,
  node,
  kind,
  address,
  mac: macOf(network.vni, parseAddress(address)),
});
const gateway = endpoint('h1', '10.45.32.2', 'gateway');
const own = gateway.address;
const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] as const;
const local = { ...endpoint('h1', '10.45.32.3'), ports };
const remote = endpoint('h2', '10.45.64.3');
const peer = { vtep: '10.0.0.2', blocks: [], own };
const sandbox = { path: '/var/run/docker/netns/0a1b', interface: 'eth0', gateway: own };

const driver = drivers.routed;
const cases: Record<string, () => KernelObject[]> = {
  network: () => driver.network(host, network, gateway),
  'network-p2p-internal': () => driver.network(host, links, gateway),
  'local-endpoint': () => driver.localEndpoint(host, network, local, own),
  'local-endpoint-p2p': () => driver.localEndpoint(host, links, local, own),
  'restored-endpoint-p2p': () => driver.restoredEndpoint(host, links, local, own, sandbox),
  'remote-endpoint': () => driver.remoteEndpoint(host, network, remote, peer),
  'remote-block': () => driver.remoteBlock?.(host, network, '10.45.64.0/19', peer) ?? [],
};

describe('a routed network as kernel state', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const lines = cases[name]?.().map((object) => JSON.stringify(object));
    await expect(`${lines?.join('\n')}\n`).toMatchFileSnapshot(`../../../test/golden/routed-${name}.jsonl`);
  });

  test('an endpoint within its node’s blocks needs no route of its own', () => {
    expect(driver.remoteEndpoint(host, network, remote, { ...peer, blocks: ['10.45.64.0/19'] })).toEqual([]);
    expect(driver.remoteEndpoint(host, network, remote, { ...peer, blocks: ['10.45.96.0/19'] })).toHaveLength(1);
  });

  test('all goes by the router, if there is one', () => {
    const far = { ...network, options: { via: '10.0.0.254' } };
    expect(driver.remoteEndpoint(host, far, remote, peer)).toMatchObject([{ via: '10.0.0.254', source: own }]);
  });

  test('no two owners want the same thing, so that each comes and goes alone', () => {
    const other: NetworkRecord = { ...network, id: 'ba9876543210', name: 'db', subnet: '10.46.0.0/16', vni: 10_004 };
    const objects = [
      base(host),
      driver.network(host, network, gateway),
      driver.network(host, other, { ...gateway, network: other.id, address: '10.46.32.2' }),
      driver.localEndpoint(host, network, local, own),
      driver.localEndpoint(host, links, endpoint('h1', '10.45.32.4'), own),
      driver.remoteEndpoint(host, network, remote, peer),
      driver.remoteBlock?.(host, network, '10.45.64.0/19', peer) ?? [],
    ].flat();
    const keys = objects.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
