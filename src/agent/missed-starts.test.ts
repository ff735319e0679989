import { beforeEach, describe, expect, test } from 'vitest';
import { Failure, forNow } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, RuntimeNetwork } from '../runtimes/runtimes.ts';
import { startedSoon } from './former-addresses.ts';
import { MissedStarts } from './missed-starts.ts';
import { workloadLabel } from './workloads.ts';

const networks = [
  ['app', 'trama'],
  ['bridge', 'bridge'],
  ['theirs', 'weave'],
].map(([name, driver]) => ({ name, driver }) as RuntimeNetwork);

const absent = 'plugin "trama" not found';

/** One that Docker was to start, and could not for want of the plugin. */
const missed = (id: string, but: Partial<ContainerInfo> = {}): ContainerInfo => ({
  ...{ id, name: id, image: 'i', state: 'exited', labels: {}, startedAt: 1, restarts: true, error: absent },
  networks: [{ name: 'app', endpointId: '', address: '', mac: '' }],
  ...but,
});

const on = (name: string) => ({ networks: [{ name, endpointId: '', address: '', mac: '' }] });

const joining = (id: string, other: string, kind = 'network'): ContainerInfo =>
  missed(id, { networks: [], error: `cannot join ${kind} of a non running container: ${other}` });

const turn = () => new Promise<void>((done) => setImmediate(done));

let containers: ContainerInfo[];
let started: string[];
let reports: string[];
/** What becomes of an inspection or a start, by id. */
let failures: Record<string, Promise<never>>;
let status: { available: boolean; message: string };
let leaving: boolean;
let now: number;

beforeEach(() => {
  [containers, started, reports, failures, leaving, now] = [[], [], [], {}, false, 0];
  status = { available: true, message: '' };
});

const failing = (id: string, ...why: ConstructorParameters<typeof Failure>): void => {
  failures[id] = Promise.reject(new Failure(...why));
  failures[id].catch(() => {});
};

const become = (id: string, but: Partial<ContainerInfo>): void => {
  containers = containers.map((each) => (each.id === id ? { ...each, ...but } : each));
};

/** The engine lists the newest first. */
const scene = (...all: ContainerInfo[]): MissedStarts => {
  containers = all.reverse();
  return new MissedStarts({
    runtime: {
      status: async () => status,
      networks: async () => networks,
      list: async () => containers.map(({ startedAt: _, restarts: __, error: ___, ...told }) => told),
      inspect: async (id) => {
        await failures[`inspect ${id}`];
        return containers.find((each) => each.id === id) as ContainerInfo;
      },
      start: async (id) => {
        started.push(id);
        await failures[id];
        become(id, { state: 'running' });
      },
    },
    ...{ report: (message) => reports.push(message), leaving: () => leaving },
    ...{ clock: { now: () => now, sleep: turn }, log: silentLog },
  });
};

describe('what Docker could not start', () => {
  test.each([
    absent,
    'could not find plugin trama in v1 plugin registry: plugin "trama" not found',
    'Post "http://%2Frun%2Fdocker%2Fplugins%2Ftrama.sock/IpamDriver.RequestAddress": dial unix /run/docker/plugins/trama.sock: connect: connection refused',
    'legacy plugin: Plugin.Activate: {}',
    `failed to set up container networking: remote: Docker comes up: ${startedSoon}`,
    `remote: no server answers ${forNow}`,
  ])('because of Trama is started: %s', async (error) => {
    await scene(missed('web', { error })).startAll();
    expect(started).toEqual(['web']);
    expect(reports).toEqual([]);
  });

  test.each<[string, Partial<ContainerInfo>]>([
    ['runs', { state: 'running' }],
    ['has ended by itself', { error: undefined as never }],
    ['could not be started for another reason', { error: 'exec: "nothing": executable file not found in $PATH' }],
    ['was refused what is another’s', { error: 'remote: host port 8080 of h1 is container blue’s' }],
    ['is not to be restarted', { restarts: undefined as never }],
    ['has never run', { startedAt: undefined as never }],
    ['was made and not started', { state: 'created' }],
    ['is on networks of others alone', on('theirs')],
    ['Trama runs', { labels: { [workloadLabel]: 'w1' } }],
  ])('is left as it is when it %s', async (_, but) => {
    await scene(missed('web', but)).startAll();
    expect(started).toEqual([]);
  });

  test('is started one after the other, the oldest first', async () => {
    await scene(missed('db'), missed('web')).startAll();
    expect(started).toEqual(['db', 'web']);
  });

  test('is not started twice by two that look at once, or on a host that is left', async () => {
    const missedStarts = scene(missed('web'));
    await Promise.all([missedStarts.startAll(), missedStarts.startAll()]);
    expect(started).toEqual(['web']);
    leaving = true;
    await scene(missed('db')).startAll();
    expect(started).toEqual(['web']);
  });
});

describe('what had joined another', () => {
  test.each(['network', 'PID'])('its %s, is started after that', async (kind) => {
    await scene(joining('beside', 'web', kind), missed('web')).startAll();
    expect(started).toEqual(['web', 'beside']);
  });

  test('is started after that where that had joined one itself', async () => {
    await scene(missed('web'), joining('beside', 'web'), joining('third', 'beside')).startAll();
    expect(started).toEqual(['web', 'beside', 'third']);
  });

  test('is started where that runs, whoever started it', async () => {
    const running = missed('web', { state: 'running', labels: { [workloadLabel]: 'w1' } });
    await scene(running, joining('beside', 'web')).startAll();
    expect(started).toEqual(['beside']);
  });

  test('is waited with until that runs, for a while', async () => {
    const missedStarts = scene(missed('web', { state: 'restarting' }), joining('beside', 'web'));
    await missedStarts.startAll();
    expect(started).toEqual([]);
    become('web', { state: 'running' });
    now = 30_000;
    await missedStarts.retry();
    expect(started).toEqual(['beside']);
    become('beside', { state: 'exited' });
    await missedStarts.retry();
    expect(started).toEqual(['beside']);
  });

  test('is left as it is where that is none of Trama’s', async () => {
    await scene(missed('web', { state: 'running', ...on('theirs') }), joining('beside', 'web')).startAll();
    expect(started).toEqual([]);
  });
});

describe('does not keep the others from starting', () => {
  test.each<[string, ConstructorParameters<typeof Failure>]>([
    ['is gone', ['not-found', 'no such container']],
    ['Docker cannot tell of', ['internal', 'RWLayer of container is unexpectedly nil']],
  ])('one that %s', async (_, why) => {
    failing('inspect web', ...why);
    await scene(missed('web'), missed('last')).startAll();
    expect(started).toEqual(['last']);
    expect(reports).toEqual([]);
  });

  test('one that Docker has in hand, which is looked at again', async () => {
    failures['inspect web'] = new Promise(() => {});
    const missedStarts = scene(missed('web'), missed('last'));
    await missedStarts.startAll();
    expect(started).toEqual(['last']);
    delete failures['inspect web'];
    await missedStarts.retry();
    expect(started).toEqual(['last', 'web']);
  });

  test('one that hangs', async () => {
    failures.web = new Promise(() => {});
    await scene(missed('web'), missed('last')).startAll();
    expect(started).toEqual(['web', 'last']);
  });

  test('one that cannot be started, of which is told once, and which is tried again while it may go well', async () => {
    failing('web', 'unavailable', 'Docker could not start it: no server answers');
    const missedStarts = scene(missed('web'), missed('last'));
    await missedStarts.startAll();
    await missedStarts.retry();
    expect(started).toEqual(['web', 'last', 'web']);
    const told = 'container web is to be restarted by Docker, and could not be started: ';
    expect(reports).toEqual([`${told}Docker could not start it: no server answers`]);
    become('web', { error: 'remote: host port 8080 of h1 is container blue’s' });
    await missedStarts.retry();
    await missedStarts.retry();
    expect(started).toEqual(['web', 'last', 'web']);
  });
});

test('while Docker ends nothing more is started, and nothing told of', async () => {
  failing('web', 'unavailable', 'Docker is not running');
  status = { available: false, message: 'Docker is not running' };
  const missedStarts = scene(missed('web'), missed('last'));
  await missedStarts.startAll();
  expect(started).toEqual(['web']);
  expect(reports).toEqual([]);
  delete failures.web;
  await missedStarts.retry();
  expect(started).toEqual(['web', 'web', 'last']);
});

test('what Docker gives up only after it has repeated its question for long is started, too', async () => {
  const missedStarts = scene(missed('web', { state: 'restarting' }));
  await missedStarts.startAll();
  now = 19_000;
  await missedStarts.retry();
  expect(started).toEqual([]);
  become('web', { state: 'exited', error: 'NetworkDriver.CreateEndpoint: The body of it is missing.' });
  now = 49_000;
  await missedStarts.retry();
  expect(started).toEqual(['web']);
});

test('what is refused for now while Docker runs is started now and then, also where Docker tells late that it failed', async () => {
  const missedStarts = scene(missed('web', { error: undefined as never }));
  await missedStarts.startAll();
  now = 30_000;
  await missedStarts.retry();
  missedStarts.refused();
  now = 34_000;
  await missedStarts.retry();
  expect(started).toEqual([]);
  become('web', { error: `remote: no server answers ${forNow}` });
  now = 64_000;
  failing('web', 'unavailable', 'no server answers');
  await missedStarts.retry();
  delete failures.web;
  await missedStarts.retry();
  expect(started).toEqual(['web', 'web']);
  become('web', { state: 'exited' });
  await missedStarts.retry();
  expect(started).toEqual(['web', 'web']);
});

test('what cannot be listed is asked for again, and nothing else is done now and then', async () => {
  const missedStarts = scene(missed('web'));
  const found = containers;
  containers = {
    map: () => {
      throw new Failure('unavailable', 'Docker is not running');
    },
  } as never;
  await missedStarts.startAll();
  expect(started).toEqual([]);
  containers = found;
  now = 30_000;
  await missedStarts.retry();
  expect(started).toEqual(['web']);
  become('web', { state: 'exited' });
  await missedStarts.retry();
  expect(started).toEqual(['web']);
});
