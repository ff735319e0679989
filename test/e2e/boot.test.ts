/** After a boot, and whatever else ends containers without a word, only what is a trouble or a repair is told as one. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
  untilThere,
} from '../../src/lab/lab.ts';
import { type Container, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let host: LabHost;

const workloads = ['web', 'db', 'far'];

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  host = cluster.host('h2');
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await run(cluster, 'far', 'h1', 'app');
  await run(cluster, 'web', 'h2', 'app');
  await run(cluster, 'db', 'h2', 'app');
  const plain = ['run', '-d', '--network', 'app'];
  await host.docker(...plain, '--name', 'ever', '--restart', 'always', labImage, 'sleep', '100000');
  await host.docker(...plain, '--name', 'once', labImage, 'sleep', '100000');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function startAgent(): Promise<void> {
  const agent = await host.startAgent();
  cluster.agents.set('h2', agent);
  await untilThere(host, '/run/docker/plugins/trama.sock', agent);
}

/** Files of what the agent holds for endpoints of this host. */
const endpoints = async () =>
  (await host.output(['ls', '/var/lib/trama/agent/endpoints'])).split('\n').filter((file) => file.endsWith('.json'));

/** Everything that should run does, and reaches everything. */
async function works(): Promise<void> {
  for (const name of workloads) {
    const status = async () => (await cluster.json<Container>('inspect', name)).status;
    await eventually(`${name} runs`, async () => (await status()) === 'running');
  }
  const { networks } = await cluster.json<Container>('inspect', 'far');
  for (const name of ['web', 'db', 'ever']) {
    const reached = async () => (await host.pingFromContainer(name, networks[0]?.address ?? '')).reached;
    await eventually(`${name} reaches another host`, reached);
  }
}

afterEach(async () => {
  await works();
  expect((await cluster.json<NodeShown>('node', 'inspect', 'h2')).events).toEqual([]);
  const log = (await cluster.agents.get('h2')?.output()) ?? '';
  expect(log.split('\n').filter((line) => / error |kind=repair|underlay changed/.test(line))).toEqual([]);
  // What ended is known to have ended.
  expect(await endpoints()).toHaveLength(4);
});

test('the plug is pulled, and the agent is there before Docker', async () => {
  await host.pullPlug();
  await host.boot({ docker: false });
  await startAgent();
  expect(await endpoints()).toEqual([expect.stringContaining('gateway')]);
  await host.startDocker();
});

test('the plug is pulled, and Docker begins before the agent', async () => {
  await host.pullPlug();
  await host.boot({ docker: false });
  const docker = host.startDocker();
  const socket = ['test', '-S', '/run/docker.sock'] as const;
  await eventually('Docker has begun', async () => (await host.run(socket)).code === 0);
  await startAgent();
  await docker;
});

test('Docker dies and comes back', async () => {
  await host.killDocker();
  await host.startDocker();
});

test('Docker and the agent die, and the agent comes back first', async () => {
  await host.killDocker();
  cluster.agents.get('h2')?.kill('SIGKILL');
  await startAgent();
  await host.startDocker();
});

test('the agent dies and comes back, and nothing of what runs is touched', async () => {
  const ids = () => host.output(['sh', '-c', 'ip -n trama -o link | cut -d: -f1,2']);
  const before = await ids();
  cluster.agents.get('h2')?.kill('SIGKILL');
  await startAgent();
  expect(await ids()).toBe(before);
});
