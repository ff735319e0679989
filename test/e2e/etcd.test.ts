/** A cluster of simulated hosts whose server keeps everything in an etcd of three members, one on each host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  type Started,
  startCluster,
  untilReady,
  untilThere,
} from '../../src/lab/lab.ts';
import { containers, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let store: string;
const members = new Map<string, Started>();
const names = ['h1', 'h2', 'h3'];

async function startMember(host: LabHost, all: readonly LabHost[]): Promise<void> {
  const url = ({ address }: LabHost, port: number) => `http://${address}:${port}`;
  const member = await host.start(
    [
      ...(['etcd', '--name', host.name, '--data-dir', '/var/lib/etcd-of-lab', '--log-level', 'error'] as const),
      ...['--listen-client-urls', url(host, 2379), '--advertise-client-urls', url(host, 2379)],
      ...['--listen-peer-urls', url(host, 2380), '--initial-advertise-peer-urls', url(host, 2380)],
      ...['--initial-cluster', all.map((each) => `${each.name}=${url(each, 2380)}`).join(',')],
      ...['--auto-compaction-mode', 'revision', '--auto-compaction-retention', '10000'],
    ],
    { name: 'etcd' },
  );
  members.set(host.name, member);
}

async function startEtcd(hosts: readonly LabHost[]): Promise<readonly string[]> {
  await Promise.all(hosts.map((host) => startMember(host, hosts)));
  const [first] = hosts as [LabHost];
  await eventually('etcd has a leader', async () => {
    const line = ['etcdctl', '--endpoints', `http://${first.address}:2379`, 'get', 'x'] as const;
    return (await first.run(line, { env: { ETCDCTL_API: '3' } })).code === 0;
  });
  store = `etcd://${hosts.map(({ address }) => address).join(',')}`;
  return ['--store', store];
}

async function startServer(): Promise<void> {
  cluster.server = await cluster.host('h1').startServer(['--store', store]);
  await untilThere(cluster.host('h1'), '/run/trama/server.sock', cluster.server);
  await untilReady(cluster);
}

/** From the container `cli`, by its engine: no server is asked. */
const ping = (address: string) => cluster.host('h3').docker('exec', 'cli', 'ping', '-c1', '-W2', address);

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: names, serverArguments: startEtcd });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await run(cluster, 'web', 'h2', 'app', 'httpd', '-f');
  await run(cluster, 'cli', 'h3', 'app');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('the server is killed and comes back: it knows everything, and has nothing of it on its own disk', async () => {
  const before = await containers(cluster);
  expect(before.map(({ name, status }) => [name, status]).sort()).toEqual([
    ['cli', 'running'],
    ['web', 'running'],
  ]);
  cluster.server.kill('SIGKILL');
  await cluster.server.ended;
  expect((await cluster.host('h1').run(['test', '-e', '/var/lib/trama/server/store.db'])).code).toBe(1);
  await startServer();
  expect(await containers(cluster)).toEqual(before);
  expect(await ping(before.find(({ name }) => name === 'web')?.networks[0]?.address ?? '')).toContain(
    '1 packets received',
  );
});

test('any one member of etcd is killed: what is asked for still happens', async () => {
  for (const name of names) {
    members.get(name)?.kill('SIGKILL');
    await members.get(name)?.ended;
    const made = `while-${name}-is-gone`;
    await eventually(`${made} runs`, async () => {
      await cluster.host('h1').trama('rm', '-f', made);
      return run(cluster, made, 'h2', 'app').then(
        () => true,
        () => false,
      );
    });
    const container = (await containers(cluster)).find((each) => each.name === made);
    expect(await ping(container?.networks[0]?.address ?? '')).toContain('1 packets received');
    await startMember(cluster.host(name), cluster.hosts);
  }
  expect(await containers(cluster)).toHaveLength(5);
});

test('with no etcd at all traffic goes on, and a command says what is missing; with it back, all is as before', async () => {
  const before = await containers(cluster);
  for (const [, member] of members) member.kill('SIGKILL');
  await Promise.all([...members.values()].map((member) => member.ended));
  expect(await ping(before.find(({ name }) => name === 'web')?.networks[0]?.address ?? '')).toContain(
    '1 packets received',
  );
  const refused = await cluster.host('h1').trama('network', 'create', 'more');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/etcd at .* does not answer/) });
  await Promise.all(cluster.hosts.map((host) => startMember(host, cluster.hosts)));
  await eventually(
    'the store answers',
    async () => (await cluster.host('h1').trama('network', 'create', 'more')).code === 0,
  );
  await untilReady(cluster);
  expect(await containers(cluster)).toEqual(before);
  expect((await cluster.json<NodeShown[]>('node', 'ls')).length).toBe(3);
});
