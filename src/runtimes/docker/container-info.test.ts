import { expect, test } from 'vitest';
import { inspectAnswer, inspectedContainer, listAnswer, listedContainer, runtimeNetworks } from './container-info.ts';

const endpoint = { NetworkID: 'n1', EndpointID: 'e1', IPAddress: '10.42.0.9', MacAddress: '02:42:0a:2a:00:09' };

/** As old engines tell them, and new ones. */
const dnsNames = { Aliases: ['www', 'c1'], DNSNames: ['web', 'www', 'c1', 'host'] };

const inspected = (Status: string, Links: string[] | null = null) =>
  inspectedContainer(
    inspectAnswer.parse({
      Id: 'c1',
      Name: '/web',
      Config: { Image: 'busybox', Labels: null },
      State: {
        Status,
        ExitCode: 137,
        StartedAt: Status === 'created' ? '0001-01-01T00:00:00Z' : '2026-01-01T00:00:00Z',
      },
      HostConfig: { Dns: ['192.0.2.53'] },
      NetworkSettings: { Networks: { app: { ...endpoint, ...dnsNames, Links } } },
    }),
  );

test('a container that runs is on its networks and has no exit code', () => {
  expect(inspected('running')).toEqual({
    id: 'c1',
    name: 'web',
    image: 'busybox',
    state: 'running',
    startedAt: Date.UTC(2026, 0, 1),
    labels: {},
    networks: [
      { name: 'app', endpointId: 'e1', address: '10.42.0.9', mac: '02:42:0a:2a:00:09', aliases: ['www', 'host'] },
    ],
    dns: ['192.0.2.53'],
  });
});

test('its links are told with their network, in each form that the engine reads', () => {
  const [app] = inspected('running', ['db:database', 'cache', '/store:/web/shop']).networks;
  expect(app?.links).toEqual([
    { container: 'db', alias: 'database' },
    { container: 'cache', alias: 'cache' },
    { container: 'store', alias: 'shop' },
  ]);
});

test.each([
  ['always', { restarts: true, error: 'refused' }],
  ['no', { error: 'refused' }],
  ['', { error: 'refused' }],
])('policy %j: what is known of its next start is %j', (Name, known) => {
  const told = inspectAnswer.parse({
    ...{ Id: 'c1', Name: '/web', Config: { Image: 'busybox' }, NetworkSettings: {} },
    State: { Status: 'exited', ExitCode: 137, StartedAt: '2026-01-01T00:00:00Z', Error: 'refused' },
    HostConfig: { RestartPolicy: { Name } },
  });
  const { restarts, error } = inspectedContainer(told);
  expect({ restarts, error }).toEqual({ restarts: undefined, ...known });
});

test('one that has ended keeps no address, whatever the engine still shows', () => {
  const networks = [{ name: 'app', endpointId: '', address: '', mac: '' }];
  expect(inspected('exited')).toMatchObject({ exitCode: 137, networks });
  const created = inspected('created');
  expect(created).toMatchObject({ networks });
  expect(created).not.toHaveProperty('startedAt');
  expect(created).not.toHaveProperty('exitCode');
});

const listed = (State: string, Status: string) =>
  listAnswer.parse([
    {
      Id: 'c1',
      Names: ['/other/alias', '/web'],
      Image: 'busybox',
      Labels: { a: 'b' },
      State,
      Status,
      NetworkSettings: { Networks: { app: endpoint } },
    },
  ]);

test.each([
  ['exited', 'Exited (137) 3 seconds ago', 137],
  ['exited', 'Exited (0) 2 weeks ago', 0],
  ['running', 'Up 3 seconds', undefined],
  ['created', 'Created', undefined],
  ['restarting', 'Restarting (1) 5 seconds ago', undefined],
])('in a list: %s, %s', (state, status, exitCode) => {
  const [info] = listed(state, status).map(listedContainer);
  expect(info).toMatchObject({ name: 'web', state, labels: { a: 'b' } });
  expect(info?.exitCode).toBe(exitCode);
});

test('networks count the containers that run in them', () => {
  const networks = ['n1', 'n2'].map((Id) => ({ Id, Name: Id, Driver: 'trama', Options: null, Labels: null }));
  expect(runtimeNetworks(networks, listed('running', 'Up 1 second')).map(({ containers }) => containers)).toEqual([
    1, 0,
  ]);
});
