/** The conversation of a real Docker Engine with Trama's plugin, in front of a NetworkPlugin that makes plain veth pairs. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { NetworkPlugin } from '../../src/agent/agent.ts';
import { Failure } from '../../src/domain/domain.ts';
import { createLab, labImage as image, type Lab, type LabHost } from '../../src/lab/lab.ts';
import { silentLog } from '../../src/platform/platform.ts';
import { serveLibnetwork } from '../../src/plugins/libnetwork/libnetwork.ts';
import { createEngine } from '../../src/runtimes/docker/engine.ts';

vi.setConfig({ testTimeout: 60_000 });

let lab: Lab;
let host: LabHost;
let served: AsyncDisposable;
/** Name of each call and its argument, in order. */
let calls: [string, unknown][] = [];
let refusal: Failure | undefined;

beforeAll(async () => {
  lab = await createLab();
  host = await lab.host('h1');
  served = await serve();
}, 60_000);

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await served?.[Symbol.asyncDispose]();
}, 60_000);

beforeEach(() => {
  calls = [];
});

const serve = () =>
  serveLibnetwork({
    socketPath: `/proc/${host.init}/root/run/docker/plugins/trama.sock`,
    plugin: recorded(vethPlugin()),
    log: silentLog,
  });

/** What only asks is left out: how often it does depends on the engine's version. */
const names = () => calls.map(([name]) => name).filter((name) => name !== 'endpointInfo');
const call = (name: string) => calls.find(([called]) => called === name)?.[1];

function recorded(plugin: NetworkPlugin): NetworkPlugin {
  return new Proxy(plugin, {
    get: (target, name: keyof NetworkPlugin) => async (argument: never) => {
      calls.push([name, argument]);
      if (name === 'join' && refusal !== undefined) throw refusal;
      return target[name](argument);
    },
  });
}

/** One bridge in the host; addresses counted upwards. */
function vethPlugin(): NetworkPlugin {
  let next = 10;
  const given = new Map<string, string>();
  return {
    requestPool: async ({ network, pool }) => ({ poolId: `pool-${network}`, pool: pool ?? '10.42.0.0/16' }),
    releasePool: async () => {},
    requestAddress: async ({ address, gateway }) => {
      if (address !== undefined) return { cidr: `${address}/16` };
      if (gateway) return { cidr: '10.42.0.1/16' };
      next += 1;
      return { cidr: `10.42.0.${next}/16` };
    },
    releaseAddress: async () => {},
    createNetwork: async () => {},
    deleteNetwork: async () => {},
    createEndpoint: async ({ endpointId, address = '' }) => {
      given.set(endpointId, address);
      const bytes = address.replace(/\/.*/, '').split('.').map(Number);
      return { mac: ['02', '42', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':') };
    },
    join: async ({ endpointId }) => {
      const [outer, inner] = [`vo${endpointId.slice(0, 8)}`, `vi${endpointId.slice(0, 8)}`];
      if (!(await host.output(['ip', '-br', 'link'])).includes('trama0')) {
        await host.output(['ip', 'link', 'add', 'trama0', 'type', 'bridge']);
        await host.output(['ip', 'addr', 'add', '10.42.0.2/16', 'dev', 'trama0']);
        await host.output(['ip', 'link', 'set', 'trama0', 'up']);
        // Docker drops what is forwarded, bridged frames too.
        await host.output(['iptables', '-I', 'DOCKER-USER', '-i', 'trama0', '-j', 'ACCEPT']);
      }
      await host.output(['ip', 'link', 'add', outer, 'type', 'veth', 'peer', 'name', inner]);
      await host.output(['ip', 'link', 'set', outer, 'master', 'trama0', 'up']);
      return {
        sourceName: inner,
        destinationPrefix: 'eth',
        // Not the gateway that IPAM gave.
        gateway: '10.42.0.2',
        routes: [{ destination: '10.99.0.0/16' }, { destination: '10.98.0.0/16', nextHop: '10.42.0.2' }],
        disableGatewayService: true,
      };
    },
    leave: async ({ endpointId }) => {
      await host.output(['sh', '-c', `ip link del vo${endpointId.slice(0, 8)} || true`]);
    },
    publish: async () => {},
    unpublish: async () => {},
    deleteEndpoint: async () => {},
    endpointInfo: async ({ endpointId }) => ({ address: given.get(endpointId) ?? '' }),
  };
}

test('a network and containers live and go in the expected order', async () => {
  const create = ['network', 'create', '-d', 'trama', '--ipam-driver', 'trama', '-o', 'network=app'];
  await host.docker(...create, '--ipam-opt', 'network=app', '--subnet', '10.42.0.0/16', 'app');
  expect(calls).toEqual([
    ['requestPool', { network: 'app', pool: '10.42.0.0/16', v6: false }],
    ['requestAddress', { poolId: 'pool-app', gateway: true }],
    [
      'createNetwork',
      {
        dockerNetworkId: expect.stringMatching(/^[0-9a-f]{64}$/),
        network: 'app',
        subnet: '10.42.0.0/16',
        gateway: '10.42.0.1',
        internal: false,
        ipv6: false,
        options: { network: 'app' },
      },
    ],
  ]);

  calls = [];
  await host.docker('run', '-d', '--name', 'web', '--network', 'app', '-p', '8080:80', image, 'sleep', 'infinity');
  expect(names()).toEqual(['requestAddress', 'createEndpoint', 'join', 'publish']);
  expect(call('publish')).toMatchObject({ ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] });
  expect(call('requestAddress')).toEqual({ poolId: 'pool-app', gateway: false });
  expect(call('createEndpoint')).toMatchObject({ address: '10.42.0.11/16' });
  expect(call('join')).toMatchObject({ sandboxPath: expect.stringMatching(/^\/var\/run\/docker\/netns\/\w+$/) });
  const format = '{{json .NetworkSettings.Networks.app}}';
  expect(JSON.parse(await host.docker('inspect', '-f', format, 'web'))).toMatchObject({
    IPAddress: '10.42.0.11',
    MacAddress: '02:42:0a:2a:00:0b',
    Gateway: '10.42.0.2',
  });
  const routes = await host.docker('exec', 'web', 'ip', 'route');
  expect(routes).toContain('default via 10.42.0.2 dev eth0');
  expect(routes).toContain('10.98.0.0/16 via 10.42.0.2 dev eth0');
  expect(routes).toMatch(/10\.99\.0\.0\/16 dev eth0/);
  expect(await host.docker('run', '--rm', '--network', 'app', image, 'ping', '-c1', '-W2', '10.42.0.11')).toContain(
    '0% packet loss',
  );

  calls = [];
  await host.docker('rm', '-f', 'web');
  expect(names()).toEqual(['unpublish', 'leave', 'deleteEndpoint', 'releaseAddress']);
  expect(call('releaseAddress')).toEqual({ poolId: 'pool-app', address: '10.42.0.11' });
});

test('a fixed address and MAC are asked for', async () => {
  using engine = createEngine(`/proc/${host.init}/root/run/docker.sock`);
  const body = {
    Image: image,
    Cmd: ['true'],
    MacAddress: '02:00:00:00:07:0A',
    HostConfig: { NetworkMode: 'app' },
    NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: '10.42.7.7' } } } },
  };
  const path = '/containers/create';
  await engine.call({ method: 'POST', path, query: { name: 'fixed' }, body, doing: 'create a container' });
  await host.docker('start', 'fixed');
  await host.docker('rm', '-f', 'fixed');
  expect(call('requestAddress')).toEqual({ poolId: 'pool-app', address: '10.42.7.7', gateway: false });
  expect(call('createEndpoint')).toMatchObject({ address: '10.42.7.7/16', mac: '02:00:00:00:07:0a' });
});

test("the plugin's sentence reaches whoever starts the container, and what was begun is undone", async () => {
  refusal = new Failure('exhausted', 'The network app has no free address left.');
  try {
    const started = host.docker('run', '--rm', '--network', 'app', image, 'true');
    await expect(started).rejects.toThrow('remote: The network app has no free address left.');
  } finally {
    refusal = undefined;
  }
  expect(names()).toEqual(['requestAddress', 'createEndpoint', 'join', 'deleteEndpoint', 'releaseAddress']);
});

test('a network without its IPAM is refused', async () => {
  const created = host.docker('network', 'create', '-d', 'trama', '--subnet', '10.44.0.0/16', 'half');
  await expect(created).rejects.toThrow('-o network=NAME --ipam-driver trama');
  expect(calls).toEqual([]);
});

test('the agent may restart between two calls', async () => {
  await host.docker('run', '-d', '--name', 'kept', '--network', 'app', image, 'sleep', 'infinity');
  await served[Symbol.asyncDispose]();
  const removed = host.docker('rm', '-f', 'kept');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  served = await serve();
  await removed;
  expect(names().slice(-3)).toEqual(['leave', 'deleteEndpoint', 'releaseAddress']);
});

test('a killed engine gives back what its containers had, and does not create the network again', async () => {
  await host.docker('run', '-d', '--name', 'lost', '--network', 'app', image, 'sleep', 'infinity');
  const endpoint = call('createEndpoint') as { dockerNetworkId: string; endpointId: string };
  await host.killDocker();
  calls = [];
  await host.startDocker();
  expect(names()).toEqual(['unpublish', 'leave', 'deleteEndpoint', 'releaseAddress']);
  expect(call('deleteEndpoint')).toEqual({
    dockerNetworkId: endpoint.dockerNetworkId,
    endpointId: endpoint.endpointId,
  });
  calls = [];
  await host.docker('start', 'lost');
  expect(names()).toEqual(['requestAddress', 'createEndpoint', 'join', 'publish']);
  await host.docker('rm', '-f', 'lost');

  calls = [];
  await host.docker('network', 'rm', 'app');
  expect(names()).toEqual(['releaseAddress', 'releasePool', 'deleteNetwork']);
});
