import { expect, test } from 'vitest';
import type { WorkloadSpec } from '../../domain/domain.ts';
import type { ContainerSpec } from '../runtimes.ts';
import { createBodies } from './create-body.ts';

const spec: WorkloadSpec = {
  image: 'busybox',
  command: [],
  env: [],
  networks: [],
  ports: [],
  restart: 'no',
  tty: false,
  stdin: false,
  labels: {},
};

test('a plain workload has the command of its image, and without networks none', () => {
  expect(createBodies(spec, {}, (name) => name)).toEqual({
    container: {
      Image: 'busybox',
      Env: [],
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Labels: {},
      ExposedPorts: {},
      HostConfig: { RestartPolicy: { Name: 'no' }, PortBindings: {}, NetworkMode: 'none' },
    },
    further: [],
  });
});

test('everything a workload can say', () => {
  const port = { containerPort: 53, protocol: 'udp' as const };
  const full: WorkloadSpec = {
    ...spec,
    command: ['sh', '-c', 'x'],
    env: ['A=b'],
    networks: [
      { network: 'app', address: '10.42.0.9', aliases: ['api', 'v1'] },
      { network: 'db', aliases: [] },
    ],
    ports: [
      { ...port, hostPort: 5353 },
      { ...port, hostPort: 53, hostAddress: '10.0.0.1' },
      { ...port, hostPort: 0 },
      { ...port, hostPort: 54, hostPortEnd: 59 },
    ],
    restart: 'unless-stopped',
    stdin: true,
    hostname: 'web1',
    labels: { a: 'theirs', b: 'theirs' },
  };
  expect(createBodies(full, { b: 'ours' }, (name) => `trama-${name}`)).toEqual({
    container: {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'x'],
      Env: ['A=b'],
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      Hostname: 'web1',
      Labels: { a: 'theirs', b: 'ours' },
      ExposedPorts: { '53/udp': {} },
      HostConfig: {
        RestartPolicy: { Name: 'unless-stopped' },
        PortBindings: {
          '53/udp': [
            { HostIp: '', HostPort: '5353' },
            { HostIp: '10.0.0.1', HostPort: '53' },
            { HostIp: '', HostPort: '' },
            { HostIp: '', HostPort: '54-59' },
          ],
        },
        NetworkMode: 'trama-app',
      },
      NetworkingConfig: {
        EndpointsConfig: {
          'trama-app': {
            IPAMConfig: { IPv4Address: '10.42.0.9' },
            Aliases: ['api', 'v1'],
            DriverOpts: { b: 'ours' },
          },
        },
      },
    },
    further: [{ network: 'trama-db', endpoint: { DriverOpts: { b: 'ours' } } }],
  });
});

test('the input of a terminal survives the client that leaves it', () => {
  const { container } = createBodies({ ...spec, stdin: true, tty: true }, {}, (name) => name);
  expect(container).toMatchObject({ Tty: true, OpenStdin: true, StdinOnce: false });
});

test('a workload without networks of its own, and tools for a look at it', () => {
  const hostConfig = (more: Partial<ContainerSpec>) =>
    createBodies({ ...spec, ...more }, {}, (name) => name).container.HostConfig;
  expect(hostConfig({ networkMode: 'none' })).toMatchObject({ NetworkMode: 'none' });
  expect(hostConfig({ networkMode: 'host', pid: 'host' })).toMatchObject({ NetworkMode: 'host', PidMode: 'host' });
  const joined = { networkMode: { container: 'c1' }, pid: { container: 'c2' }, capabilities: ['SYS_PTRACE'] };
  expect(hostConfig(joined)).toMatchObject({
    NetworkMode: 'container:c1',
    PidMode: 'container:c2',
    CapAdd: ['SYS_PTRACE'],
  });
});
