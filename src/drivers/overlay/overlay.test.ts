import { describe, expect, test } from 'vitest';
import { type EndpointRecord, macOf, type NetworkRecord, parseAddress } from '../../domain/domain.ts';
import { keyOf } from '../../kernel/identity.ts';
import type { KernelObject } from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { base, drivers } from '../table.ts';

const host: Host = { node: 'h1', address: '10.0.0.1', interface: 'eth0', dockerUser: true };
const registry: NetworkRecord = {
  id: '0123456789ab',
  name: 'app',
  driver: 'overlay',
  subnet: '10.42.0.0/16',
  vni: 10_001,
  mtu: 1450,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: {},
  createdAt: 0,
};
const multicast: NetworkRecord = { ...registry, discovery: 'multicast', group: '239.0.39.17', internal: true };

const endpoint = (node: string, address: string, kind: EndpointRecord['kind'] = 'container'): EndpointRecord => ({
  id: kind === 'gateway' ? `gateway-${node}` : address.replaceAll('.', '0').padEnd(64, 'f'),
  network: registry.id,
  node,
  kind,
  address,
  mac: macOf(registry.vni, parseAddress(address)),
});
const gateway = endpoint('h1', '10.42.32.2', 'gateway');
const local = endpoint('h1', '10.42.32.3');
const remote = endpoint('h2', '10.42.64.3');
const remoteGateway = endpoint('h2', '10.42.64.2', 'gateway');
const peer = (vtep: string) => ({ vtep, blocks: [], own: gateway.address });
const sandbox = { path: '/var/run/docker/netns/0a1b', interface: 'eth0', gateway: gateway.address };

const ports = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostAddress: '127.0.0.1', hostPort: 5353, containerPort: 53, protocol: 'udp' },
] as const;

const driver = drivers.overlay;
const cases: Record<string, () => KernelObject[]> = {
  base: () => base(host),
  'base-without-docker': () => base({ ...host, dockerUser: false }),
  'base-with-bridge-netfilter': () => base({ ...host, dockerUser: false, bridgeNetfilter: true }),
  'base-without-ipv6': () => base({ ...host, dockerUser: false, ipv6: false }),
  'network-registry': () => driver.network(host, registry, gateway),
  'network-multicast-internal': () => driver.network(host, multicast, gateway),
  'local-endpoint': () => driver.localEndpoint(host, registry, local, gateway.address),
  'local-endpoint-multicast': () => driver.localEndpoint(host, multicast, local, gateway.address),
  'published-endpoint': () => driver.localEndpoint(host, registry, { ...local, ports }, gateway.address),
  'restored-endpoint': () => driver.restoredEndpoint(host, registry, local, gateway.address, sandbox),
  'remote-endpoint': () => driver.remoteEndpoint(host, registry, remote, peer('10.0.0.2')),
  'remote-gateway': () => driver.remoteEndpoint(host, registry, remoteGateway, peer('10.0.0.2')),
  'remote-gateway-multicast': () => driver.remoteEndpoint(host, multicast, remoteGateway, peer('10.0.0.2')),
};

describe('the overlay as kernel state', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const lines = cases[name]?.().map((object) => JSON.stringify(object));
    await expect(`${lines?.join('\n')}\n`).toMatchFileSnapshot(`../../../test/golden/overlay-${name}.jsonl`);
  });

  test('no two owners want the same thing, so that each comes and goes alone', () => {
    const other: NetworkRecord = { ...registry, id: 'ba9876543210', name: 'db', subnet: '10.43.0.0/16', vni: 10_002 };
    const objects = [
      base(host),
      driver.network(host, registry, gateway),
      driver.network(host, other, { ...gateway, network: other.id, address: '10.43.32.2' }),
      driver.localEndpoint(host, registry, local, gateway.address),
      driver.localEndpoint(host, registry, endpoint('h1', '10.42.32.4'), gateway.address),
      driver.remoteEndpoint(host, registry, remote, peer('10.0.0.2')),
      driver.remoteEndpoint(host, registry, remoteGateway, peer('10.0.0.2')),
      driver.remoteEndpoint(host, registry, endpoint('h3', '10.42.96.2', 'gateway'), peer('10.0.0.3')),
    ].flat();
    const keys = objects.map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('a network brings no chain of its own, since every packet of the host would pass it', () => {
    const kinds = driver.network(host, registry, gateway).map((object) => object.kind);
    expect(kinds).toContain('nft-element');
    expect(kinds).not.toContain('nft-chain');
  });

  test('multicast discovery needs to know of other hosts, not of their containers', () => {
    expect(driver.remoteEndpoint(host, multicast, remote, peer('10.0.0.2'))).toEqual([]);
  });

  test('a container with its default route elsewhere gets none back', () => {
    const { path, interface: device } = sandbox;
    const objects = driver.restoredEndpoint(host, registry, local, gateway.address, { path, interface: device });
    expect(objects.some((object) => object.kind === 'route')).toBe(false);
  });
});
