/** A cluster of simulated hosts whose server keeps everything in an etcd of three members, one on each host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  LabEtcd,
  type LabHost,
  startCluster,
  untilReady,
} from '../../src/lab/lab.ts';
import { containers, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let etcd: LabEtcd;
const names = ['h1', 'h2', 'h3'];

/** From the container `cli`, by its engine: no server is asked. */
const ping = (address: string) => cluster.host('h3').docker('exec', 'cli', 'ping', '-c1', '-W2', address);

beforeAll(async () => {
  lab = await createLab();
  const startEtcd = async (hosts: readonly LabHost[]) => {
    etcd = await LabEtcd.start(hosts);
    return ['--store', etcd.url];
  };
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
  await cluster.startServer('h1');
  await untilReady(cluster);
  expect(await containers(cluster)).toEqual(before);
  expect(await ping(before.find(({ name }) => name === 'web')?.networks[0]?.address ?? '')).toContain(
    '1 packets received',
  );
});

test('any one member of etcd is killed: what is asked for still happens', async () => {
  for (const name of names) {
    await etcd.killMember(name);
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
    await etcd.startMember(name);
  }
  expect(await containers(cluster)).toHaveLength(5);
});

test('with no etcd at all traffic goes on, and a command says what is missing; with it back, all is as before', async () => {
  const before = await containers(cluster);
  await Promise.all(names.map((name) => etcd.killMember(name)));
  expect(await ping(before.find(({ name }) => name === 'web')?.networks[0]?.address ?? '')).toContain(
    '1 packets received',
  );
  const refused = await cluster.host('h1').trama('network', 'create', 'more');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/etcd at .* does not answer/) });
  await Promise.all(names.map((name) => etcd.startMember(name)));
  await eventually(
    'the store answers',
    async () => (await cluster.host('h1').trama('network', 'create', 'more')).code === 0,
  );
  await untilReady(cluster);
  expect(await containers(cluster)).toEqual(before);
  expect((await cluster.json<NodeShown[]>('node', 'ls')).length).toBe(3);
});
