import { describe, expect, test, vi } from 'vitest';
import { type EndpointRecord, Failure, type FailureCode, type NetworkRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';
import { createNetworkPlugin, type NetworkPluginOptions } from './network-plugin.ts';
import { Ports } from './ports.ts';
import type { Wiring } from './wiring.ts';

const networks = [
  { id: 'n1', name: 'app', subnet: '10.42.0.0/16', internal: false } as NetworkRecord,
  { id: 'n2', name: 'inner', subnet: '10.43.0.0/16', internal: true } as NetworkRecord,
  // Without a router: Docker is told of no gateway, and never asks for ports.
  { id: 'n3', name: 'office', driver: 'lan', subnet: '192.168.1.0/24', internal: false, options: {} } as NetworkRecord,
];

/** A host with containers in the network app, of which some are gone without a word. */
function scene(...ids: string[]) {
  const record = (id: string) => ({ id, network: 'n1' }) as EndpointRecord;
  const sandbox = { path: '/of/one', interface: 'eth0' };
  const endpoints = new Map<string, LocalEndpoint>(
    ids.map((id) => [id, { record: record(id), createdAt: 0, sandbox }]),
  );
  const links = new Map(['1', '3'].map((n) => [`d${n}`, { dockerId: `d${n}`, network: `n${n}` }]));
  const gone = new Set<string>();
  const order: string[] = [];
  const ports = new Ports({
    hold: async (_, __, port) => ({ port, [Symbol.asyncDispose]: async () => {} }),
    ...{ nameOf: (id: string) => id, report: () => {}, log: silentLog },
  });
  const update = async (id: string, change: (each: LocalEndpoint) => LocalEndpoint) => {
    const before = endpoints.get(id);
    if (before !== undefined) endpoints.set(id, change(before));
  };
  /** What forgets an endpoint is written when it resolves. */
  const disk = Promise.withResolvers<void>();
  let refusal: FailureCode = 'unavailable';
  const plugin = createNetworkPlugin({
    view: {
      network: (id: string) => networks.find((each) => each.id === id),
      networkNamed: (name: string) => {
        const found = networks.find((each) => each.name === name);
        if (found === undefined) throw new Failure('not-found', name);
        return found;
      },
    } as unknown as ClusterView,
    wiring: {
      attach: async () => ({ address: '10.42.0.2' }),
      joining: () => {},
      endpoint: (id: string) => endpoints.get(id),
      updateEndpoint: update,
      left: (id: string) => update(id, ({ sandbox: _, ...rest }) => rest).then(() => disk.promise),
      containersIn: () => [...endpoints.values()],
      addEndpoint: async (_: unknown, added: EndpointRecord) =>
        void endpoints.set(added.id, { record: added, createdAt: 0 }),
      removeEndpoint: async (id: string) => void (endpoints.delete(id) && (await disk.promise)),
    } as unknown as Wiring,
    state: { dockerNetworks: links, endpoints, leases: new Map() } as unknown as LocalState,
    ports,
    settle: async () => void order.push('wired'),
    heard: async (network: string) => void order.push(`${network} heard of`),
    former: { ended: () => {}, assign: async () => undefined },
    addresses: {
      assign: async () => {
        throw new Failure(refusal, 'no address');
      },
      coming: (_: unknown, address: string) => void order.push(`${address} comes`),
      macOf: (_: unknown, address: string) => `02:42:${address}`,
    },
    kept: { keeper: () => undefined },
    attached: async () => new Set(),
    clock: { now: () => 0, sleep: async () => {} },
    refusedForNow: () => void order.push('refused for now'),
    log: { ...silentLog, error: (message: string) => void order.push(message) },
    endGone: async () => {
      for (const id of gone) {
        endpoints.delete(id);
        ports.release(id, Promise.resolve());
      }
      return gone.size > 0;
    },
  } as unknown as NetworkPluginOptions);
  const of = (endpointId: string) => ({ dockerNetworkId: 'd1', endpointId });
  const publish = (id: string) =>
    plugin.publish({ ...of(id), ports: [{ hostPort: 8200, containerPort: 80, protocol: 'tcp' }] });
  const refuseBy = (code: FailureCode) => {
    refusal = code;
  };
  return { plugin, endpoints, gone, of, publish, order, disk, refuseBy };
}

describe('a published port', () => {
  test('is refused to others while its container is there, and not when that is gone', async () => {
    const { gone, publish, endpoints } = scene('one', 'other');
    await publish('one');
    await expect(publish('other')).rejects.toThrow('host port 8200/tcp of this node is published by the container one');
    gone.add('one');
    await publish('other');
    expect(endpoints.get('other')?.record.ports).toMatchObject([{ hostPort: 8200 }]);
  });

  test('is free once its container has left, also when nobody said so before', async () => {
    const { plugin, of, publish, endpoints } = scene('one', 'other');
    await publish('one');
    await plugin.leave(of('one'));
    expect(endpoints.get('one')?.record.ports).toBeUndefined();
    await publish('other');
  });
});

test('in a LAN alone ports are refused, also where Docker would only not ask for them', async () => {
  const { plugin, of, endpoints } = scene('one', 'two');
  const [one, two] = [endpoints.get('one'), endpoints.get('two')];
  if (one === undefined || two === undefined) throw new Error('not there');
  endpoints.set('one', { ...one, record: { ...one.record, network: 'n3' } });
  const joining = { ...of('one'), dockerNetworkId: 'd3', sandboxPath: '/of/another', options: {} };
  await expect(plugin.join({ ...joining, publishes: true })).rejects.toThrow('leave out -p');
  await plugin.join({ ...joining, publishes: false });
  // Its ports are published by the network app.
  await plugin.join({ ...joining, sandboxPath: '/of/one', publishes: true });
});

describe('a network that Docker makes', () => {
  const request = { dockerNetworkId: 'd2', ipv6: false };

  test.each([
    ['app', false, {}, undefined],
    ['inner', true, {}, undefined],
    ['inner', false, { 'com.docker.network.driver.mtu': '1400' }, undefined],
    ['app', true, {}, /network app has a way out: .*--internal/],
    ['app', false, { foo: 'bar' }, /no option foo/],
  ])('for %s, internal: %s, with the options %o', async (network, internal, options, refusal) => {
    const made = scene().plugin.createNetwork({ ...request, network, internal, options: { network, ...options } });
    if (refusal === undefined) await made;
    else await expect(made).rejects.toThrow(refusal);
  });
});

describe('the gateway of a network that Docker makes', () => {
  test.each([
    ['app', undefined, '10.42.0.1/16'],
    ['app', '10.42.0.1', '10.42.0.1/16'],
    ['app', '10.42.0.99', /cannot be 10\.42\.0\.99: .*leave out --gateway/],
    ['unnamed-258', undefined, '0.0.1.2/0'],
    ['unnamed-258', '10.42.0.1', /leave out --gateway/],
  ])('of the pool %s, asked for as %s', async (poolId, address, expected) => {
    const { plugin } = scene();
    const asked = plugin.requestAddress({ poolId, gateway: true, ...(address === undefined ? {} : { address }) });
    if (typeof expected === 'string') expect(await asked).toEqual({ cidr: expected });
    else await expect(asked).rejects.toThrow(expected);
  });
});

test('an endpoint that joins a sandbox is taken to get the lowest name that no other of the sandbox has', async () => {
  const { plugin, of, endpoints } = scene('one', 'two', 'three');
  const [one, three] = [endpoints.get('one'), endpoints.get('three')];
  if (one === undefined || three === undefined) throw new Error('not there');
  // The one that was eth1 has left.
  endpoints.set('one', { ...one, sandbox: { path: '/of/one', interface: 'eth2' } });
  endpoints.set('three', { ...three, sandbox: { path: '/of/another', interface: 'eth1' } });
  endpoints.set('four', { ...one, record: { ...one.record, id: 'four' } });
  await plugin.join({ ...of('two'), sandboxPath: '/of/one', options: {} });
  expect(endpoints.get('two')?.sandbox?.interface).toBe('eth1');
});

test('that an address is refused for now is told of, and not that it is refused for good', async () => {
  const { plugin, order, refuseBy } = scene();
  for (const code of ['unavailable', 'deadline', 'exhausted', 'conflict'] as const) {
    refuseBy(code);
    await expect(plugin.requestAddress({ poolId: 'app', gateway: false })).rejects.toThrow('no address');
    order.push(code);
  }
  expect(order).toEqual(['refused for now', 'unavailable', 'refused for now', 'deadline', 'exhausted', 'conflict']);
});

test('an endpoint takes the place of one that Docker does not have, and of none that is only on its way', async () => {
  const { plugin, of, endpoints, disk, order } = scene('left');
  disk.resolve();
  const address = '10.42.0.5/16';
  endpoints.set('left', { record: { ...of('left'), id: 'left', address: '10.42.0.5' } as never, createdAt: 0 });
  await plugin.createEndpoint({ ...of('new'), address, options: {} });
  expect([...endpoints.keys()]).toEqual(['new']);
  expect(order[0]).toBe('10.42.0.5 comes');
  // Repeated by an engine that did not hear the answer.
  await plugin.createEndpoint({ ...of('new'), address, options: {} });
  await expect(plugin.createEndpoint({ ...of('next'), address, options: {} })).rejects.toThrow('try again in a moment');
});

test('a container joins once the others of its network are known, and wired', async () => {
  const { plugin, of, order } = scene('one');
  await plugin.join({ ...of('one'), sandboxPath: '/of/one', options: {} });
  expect(order).toEqual(['n1 heard of', 'wired']);
});

test('what is forgotten of a container that ends is written and wired while Docker goes on', async () => {
  const { plugin, of, order, disk, endpoints } = scene('one');
  await plugin.leave(of('one'));
  await plugin.deleteEndpoint(of('one'));
  expect(endpoints.size).toBe(0);
  expect(order).toEqual([]);
  disk.resolve();
  await vi.waitFor(() => expect(order).toEqual(['wired', 'wired']));
});

test('a disk that cannot forget an endpoint is told of', async () => {
  const { plugin, of, order, disk } = scene('one');
  await plugin.deleteEndpoint(of('one'));
  disk.reject(new Error('EIO'));
  await vi.waitFor(() => expect(order).toEqual(['an endpoint could not be forgotten on disk', 'wired']));
});
