import { expect, test } from 'vitest';
import type { NetworkPlugin } from '../../agent/agent.ts';
import { Failure } from '../../domain/domain.ts';
import { conversation } from './conversation.ts';

const network = '489fdb274d84403985ab297dd5fd4fb1007cb357926e0fb478c315287d6c7d9c';
const endpoint = '15bc1b21fb792f8d6b8e7fe29eb916900247eeb2e1a09e047de0e67c6c051644';
const reference = { dockerNetworkId: network, endpointId: endpoint };
const ids = { NetworkID: network, EndpointID: endpoint };

/** Answers every call with its entry of `results`. */
function fake(results: Partial<Record<keyof NetworkPlugin, unknown>> = {}) {
  const calls: [string, unknown][] = [];
  const plugin = new Proxy({} as NetworkPlugin, {
    get: (_, name: keyof NetworkPlugin) => async (argument: unknown) => {
      calls.push([name, argument]);
      return results[name];
    },
  });
  return { calls, plugin };
}

interface Recorded {
  readonly path: string;
  readonly body: unknown;
  /** What the plugin hears; undefined: nothing. */
  readonly call?: [keyof NetworkPlugin, unknown];
  readonly result?: unknown;
  readonly answer: unknown;
}

const ports = {
  'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }],
  'com.docker.network.portmap': [
    { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 },
    { Proto: 6, IP: '', Port: 81, HostIP: '', HostPort: 8000, HostPortEnd: 8010 },
    { Proto: 17, IP: '', Port: 53, HostIP: '127.0.0.1', HostPort: 0, HostPortEnd: 0 },
  ],
};

/** As dockerd 20.10.24 sent them. */
const recorded: Recorded[] = [
  { path: 'Plugin.Activate', body: undefined, answer: { Implements: ['NetworkDriver', 'IpamDriver'] } },
  {
    path: 'NetworkDriver.GetCapabilities',
    body: undefined,
    answer: { Scope: 'local', ConnectivityScope: 'global' },
  },
  {
    path: 'IpamDriver.GetCapabilities',
    body: undefined,
    answer: { RequiresMACAddress: false, RequiresRequestReplay: false },
  },
  {
    path: 'IpamDriver.GetDefaultAddressSpaces',
    body: undefined,
    answer: { LocalDefaultAddressSpace: 'trama', GlobalDefaultAddressSpace: 'trama' },
  },
  {
    path: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'trama', Pool: '10.42.0.0/16', SubPool: '', Options: { network: 'app' }, V6: false },
    call: ['requestPool', { network: 'app', pool: '10.42.0.0/16', v6: false }],
    result: { poolId: 'p1', pool: '10.42.0.0/16' },
    answer: { PoolID: 'p1', Pool: '10.42.0.0/16', Data: {} },
  },
  {
    path: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'trama', Pool: '', SubPool: '', Options: null, V6: true },
    call: ['requestPool', { v6: true }],
    result: { poolId: 'p2', pool: 'fd00::/64' },
    answer: { PoolID: 'p2', Pool: 'fd00::/64', Data: {} },
  },
  {
    path: 'IpamDriver.RequestAddress',
    body: { PoolID: 'p1', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } },
    call: ['requestAddress', { poolId: 'p1', gateway: true }],
    result: { cidr: '10.42.0.1/16' },
    answer: { Address: '10.42.0.1/16', Data: {} },
  },
  {
    path: 'IpamDriver.RequestAddress',
    body: { PoolID: 'p1', Address: '10.42.7.7', Options: null },
    call: ['requestAddress', { poolId: 'p1', address: '10.42.7.7', gateway: false }],
    result: { cidr: '10.42.7.7/16' },
    answer: { Address: '10.42.7.7/16', Data: {} },
  },
  {
    path: 'NetworkDriver.CreateNetwork',
    body: {
      NetworkID: network,
      Options: {
        'com.docker.network.enable_ipv6': false,
        'com.docker.network.generic': { a: '1', network: 'app' },
        'com.docker.network.internal': true,
      },
      IPv4Data: [{ AddressSpace: 'trama', Gateway: '10.42.0.1/16', Pool: '10.42.0.0/16' }],
      IPv6Data: [],
    },
    call: [
      'createNetwork',
      {
        dockerNetworkId: network,
        network: 'app',
        subnet: '10.42.0.0/16',
        gateway: '10.42.0.1',
        internal: true,
        ipv6: false,
        options: { a: '1', network: 'app' },
      },
    ],
    answer: {},
  },
  {
    path: 'NetworkDriver.CreateEndpoint',
    body: { ...ids, Interface: { Address: '10.42.0.11/16', AddressIPv6: '', MacAddress: '' }, Options: ports },
    call: ['createEndpoint', { ...reference, address: '10.42.0.11/16', options: ports }],
    result: { mac: '02:42:0a:2a:00:0b' },
    answer: { Interface: { MacAddress: '02:42:0a:2a:00:0b' } },
  },
  {
    path: 'NetworkDriver.Join',
    body: { ...ids, SandboxKey: '/var/run/docker/netns/636fbba47446', Options: ports },
    call: [
      'join',
      { ...reference, sandboxPath: '/var/run/docker/netns/636fbba47446', publishes: true, options: ports },
    ],
    result: {
      sourceName: 'tra1',
      destinationPrefix: 'eth',
      gateway: '10.42.0.2',
      routes: [{ destination: '10.1.0.0/16' }, { destination: '10.2.0.0/16', nextHop: '10.42.0.3' }],
      disableGatewayService: true,
    },
    answer: {
      InterfaceName: { SrcName: 'tra1', DstPrefix: 'eth' },
      Gateway: '10.42.0.2',
      StaticRoutes: [
        { Destination: '10.1.0.0/16', RouteType: 1 },
        { Destination: '10.2.0.0/16', RouteType: 0, NextHop: '10.42.0.3' },
      ],
      DisableGatewayService: true,
    },
  },
  {
    path: 'NetworkDriver.ProgramExternalConnectivity',
    body: { ...ids, Options: ports },
    call: [
      'publish',
      {
        ...reference,
        ports: [
          { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
          { hostPort: 8000, hostPortEnd: 8010, containerPort: 81, protocol: 'tcp' },
          { hostAddress: '127.0.0.1', hostPort: 0, containerPort: 53, protocol: 'udp' },
        ],
      },
    ],
    answer: {},
  },
  {
    path: 'NetworkDriver.ProgramExternalConnectivity',
    body: ids,
    call: ['publish', { ...reference, ports: [] }],
    answer: {},
  },
  {
    path: 'NetworkDriver.EndpointOperInfo',
    body: ids,
    call: ['endpointInfo', reference],
    result: { address: '10.42.0.11' },
    answer: { Value: { address: '10.42.0.11' } },
  },
  { path: 'NetworkDriver.RevokeExternalConnectivity', body: ids, call: ['unpublish', reference], answer: {} },
  { path: 'NetworkDriver.Leave', body: ids, call: ['leave', reference], answer: {} },
  { path: 'NetworkDriver.DeleteEndpoint', body: ids, call: ['deleteEndpoint', reference], answer: {} },
  {
    path: 'IpamDriver.ReleaseAddress',
    body: { PoolID: 'p1', Address: '10.42.0.11' },
    call: ['releaseAddress', { poolId: 'p1', address: '10.42.0.11' }],
    answer: {},
  },
  { path: 'IpamDriver.ReleasePool', body: { PoolID: 'p1' }, call: ['releasePool', 'p1'], answer: {} },
  {
    path: 'NetworkDriver.DeleteNetwork',
    body: { NetworkID: network },
    call: ['deleteNetwork', network],
    answer: {},
  },
  { path: 'NetworkDriver.DiscoverNew', body: { DiscoveryType: 1, DiscoveryData: {} }, answer: {} },
  { path: 'NetworkDriver.DiscoverDelete', body: { DiscoveryType: 1, DiscoveryData: {} }, answer: {} },
  { path: 'NetworkDriver.GwAllocCheck', body: { Options: {} }, answer: { SkipIPv4: false, SkipIPv6: false } },
];

test.each(recorded)('$path', async ({ path, body, call, result, answer }) => {
  const { calls, plugin } = fake(call ? { [call[0]]: result } : {});
  expect(await conversation(plugin).get(path)?.(body)).toEqual(answer);
  expect(calls).toEqual(call ? [call] : []);
});

test('what Docker has set already is not answered again', async () => {
  const { plugin } = fake({ createEndpoint: { address: '10.42.0.9/16', mac: '02:00:00:00:00:09' } });
  const create = conversation(plugin).get('NetworkDriver.CreateEndpoint');
  const Interface = { Address: '10.42.0.9/16', AddressIPv6: '', MacAddress: '02:00:00:00:00:0A' };
  expect(await create?.({ ...ids, Interface, Options: null })).toEqual({ Interface: {} });
  expect(await create?.({ ...ids, Interface: null, Options: null })).toEqual({
    Interface: { Address: '10.42.0.9/16', MacAddress: '02:00:00:00:00:09' },
  });
});

test.each([
  ['NetworkDriver.CreateEndpoint', {}],
  ['NetworkDriver.Join', ids],
  ['NetworkDriver.Leave', { NetworkID: network, EndpointID: '' }],
  ['NetworkDriver.DeleteNetwork', undefined],
  ['IpamDriver.RequestAddress', { Address: '' }],
  ['IpamDriver.ReleaseAddress', { PoolID: 'p1', Address: '' }],
  ['NetworkDriver.CreateNetwork', []],
])('%s of a wrong form does nothing', async (path, body) => {
  const { calls, plugin } = fake();
  await expect(conversation(plugin).get(path)?.(body)).rejects.toMatchObject({ name: 'MalformedRequest' });
  expect(calls).toEqual([]);
});

test("pools that are not Trama's, and parts of pools, are refused", async () => {
  const { calls, plugin } = fake();
  const answers = conversation(plugin);
  const IPv4Data = [{ AddressSpace: 'LocalDefault', Gateway: '10.44.0.1/16', Pool: '10.44.0.0/16' }];
  const created = answers.get('NetworkDriver.CreateNetwork')?.({ NetworkID: network, Options: {}, IPv4Data });
  await expect(created).rejects.toBeInstanceOf(Failure);
  const pool = { Pool: '10.42.0.0/16', SubPool: '10.42.1.0/24', Options: {}, V6: false };
  await expect(answers.get('IpamDriver.RequestPool')?.(pool)).rejects.toThrow('--ip-range');
  expect(calls).toEqual([]);
});
