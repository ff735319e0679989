import { beforeEach, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, RuntimeNetwork } from '../runtimes/runtimes.ts';
import { MissedStarts } from './missed-starts.ts';
import { workloadLabel } from './workloads.ts';

const networks = [
  ['app', 'trama'],
  ['bridge', 'bridge'],
  ['theirs', 'weave'],
].map(([name, driver]) => ({ name, driver }) as RuntimeNetwork);

const missing = 'plugin "trama" not found';

/** One that Docker was to start, and could not for want of the plugin. */
const missed = (id: string, but: Partial<ContainerInfo> = {}): ContainerInfo => ({
  ...{ id, name: id, image: 'i', state: 'exited', labels: {}, startedAt: 1, restarts: true, startError: missing },
  networks: [{ name: 'app', endpointId: '', address: '', mac: '' }],
  ...but,
});

const on = (name: string) => ({ networks: [{ name, endpointId: '', address: '', mac: '' }] });

const started: string[] = [];
const reports: string[] = [];
beforeEach(() => {
  started.length = 0;
  reports.length = 0;
});

/** An engine with these containers. @param start what becomes of a start */
function scene(containers: ContainerInfo[], start: (id: string) => Promise<void> = async () => {}, leaving = false) {
  return new MissedStarts({
    runtime: {
      networks: async () => networks,
      list: async () => containers.map(({ startedAt: _, restarts: __, startError: ___, ...told }) => told),
      inspect: async (id) => containers.find((each) => each.id === id) as ContainerInfo,
      start: async (id) => {
        started.push(id);
        await start(id);
      },
    },
    ...{ report: (message) => reports.push(message), leaving: () => leaving, log: silentLog },
  });
}

test.each([
  missing,
  'could not find plugin trama in v1 plugin registry: plugin "trama" not found',
  'Post "http://%2Frun%2Fdocker%2Fplugins%2Ftrama.sock/IpamDriver.RequestAddress": dial unix /run/docker/plugins/trama.sock: connect: connection refused',
  'failed to set up container networking: remote: Docker comes up and starts 2 containers in network app',
  'legacy plugin: Plugin.Activate: {}',
  'NetworkDriver.Join: no address left',
])('what Docker could not start because of Trama is started: %s', async (startError) => {
  await scene([missed('web', { startError })]).startAll();
  expect(started).toEqual(['web']);
  expect(reports).toEqual([]);
});

test.each<[string, Partial<ContainerInfo>]>([
  ['runs', { state: 'running' }],
  ['has ended by itself', { startError: undefined as never }],
  ['could not be started for another reason', { startError: 'exec: "nothing": executable file not found in $PATH' }],
  ['is not to be restarted', { restarts: undefined as never }],
  ['has never run', { state: 'created', startedAt: undefined as never }],
  ['is on networks of others alone', on('theirs')],
  ['Trama runs', { labels: { [workloadLabel]: 'w1' } }],
])('one that %s is left as it is', async (_, but) => {
  await scene([missed('web', but)]).startAll();
  expect(started).toEqual([]);
});

test('they are started one after the other, and those that had joined one of them after it', async () => {
  const over: string[] = [];
  const containers = [
    missed('beside', {
      networks: [],
      joined: 'web',
      startError: 'cannot join network of a non running container: web',
    }),
    missed('other', { networks: [], joined: 'db', startError: 'cannot join network of a non running container: db' }),
    missed('web'),
    missed('last'),
  ];
  const missedStarts = scene(containers, async (id) => {
    expect(over).toEqual(started.slice(0, -1));
    await new Promise((done) => setImmediate(done));
    over.push(id);
  });
  await missedStarts.startAll();
  expect(over).toEqual(['web', 'last', 'beside']);
});

test('one that cannot be started is told of, and does not keep the others', async () => {
  const failures: Record<string, Failure> = {
    web: new Failure('conflict', 'port 80 is taken'),
    gone: new Failure('not-found', 'no such container'),
    ending: new Failure('unavailable', 'Docker does not answer'),
  };
  await scene([missed('web'), missed('gone'), missed('ending'), missed('last')], async (id) => {
    if (failures[id] !== undefined) throw failures[id];
  }).startAll();
  expect(started).toEqual(['web', 'gone', 'ending', 'last']);
  expect(reports).toEqual(['container web is to be restarted by Docker, and could not be started: port 80 is taken']);
});

test('nothing is started twice by two that look at once, or on a host that is left', async () => {
  const containers = [missed('web')];
  const missedStarts = scene(containers, async () => {
    await new Promise((done) => setImmediate(done));
    containers[0] = missed('web', { state: 'running' });
  });
  await Promise.all([missedStarts.startAll(), missedStarts.startAll()]);
  expect(started).toEqual(['web']);
  await scene([missed('db')], undefined, true).startAll();
  expect(started).toEqual(['web']);
});
