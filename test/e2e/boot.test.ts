/** After a boot, and whatever else ends containers without a word, only what is a trouble or a repair is told as one. */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
const twins = ['twin', 'twin2'];
/** Plain containers that Docker starts by itself: of those in one network it does not say for which it asks. */
const started = ['ever', ...twins];
/** In the namespace of one of them. (Docker 20.10 takes what is to run `unless-stopped` for stopped when it has died itself.) */
const beside = ['--name', 'beside', '--restart', 'always'];
/** An agent was killed in the middle of a start, and left something to be repaired. */
let cutShort = false;
/** When the test did; ms since the epoch. */
let begun = 0;
/** Given by Docker's first start. */
const addresses: Record<string, string> = {};

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  host = cluster.host('h2');
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await run(cluster, 'far', 'h1', 'app');
  await run(cluster, 'web', 'h2', 'app');
  await run(cluster, 'db', 'h2', 'app');
  const plain = ['run', '-d', '--network', 'app'];
  await host.docker(...plain, '--name', 'ever', '--restart', 'always', '-p', '8080:80', labImage, 'sleep', '100000');
  await host.docker(...plain, '--name', 'once', labImage, 'sleep', '100000');
  for (const name of twins)
    await host.docker(...plain, '--name', name, '--restart', 'always', labImage, 'sleep', '100000');
  await cluster.trama('network', 'create', 'two');
  await host.docker('network', 'connect', 'two', 'twin');
  await host.docker('run', '-d', '--network', 'container:twin', ...beside, labImage, 'sleep', '100000');
  for (const name of started) addresses[name] = await addressOf(name);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function startAgent(): Promise<void> {
  const agent = await host.startAgent();
  cluster.agents.set('h2', agent);
  await untilThere(host, '/run/docker/plugins/trama.sock', agent);
}

/** In the agent's place. Nobody at all Docker would ask for 15 s, each thing; one who refuses, once. @returns its end */
async function refuseAll(): Promise<() => Promise<void>> {
  const socket = '/run/docker/plugins/trama.sock';
  const refuse = `require('node:http').createServer((_, answer) => answer.writeHead(500).end('{}')).listen('${socket}')`;
  await host.output(['rm', '-f', socket]);
  const refusing = await host.start([process.execPath, '-e', refuse], { name: 'refusing' });
  await untilThere(host, socket, refusing);
  return async () => {
    refusing.kill('SIGKILL');
    await refusing.ended;
    await host.output(['rm', '-f', socket]);
  };
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
  for (const name of ['web', 'db', ...started, 'beside']) {
    const reached = async () => (await host.pingFromContainer(name, networks[0]?.address ?? '')).reached;
    await eventually(`${name} reaches another host`, reached);
  }
  await eventually('its port leads to it', async () =>
    (await published()).includes(`: ${await addressOf('ever')} . 80`),
  );
}

const addressOf = (name: string) => host.docker('inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}}', name);
/** Of host port 8080, held by the agent. */
const published = () =>
  host.output(['sh', '-c', 'ss -Hltn | grep -q ":8080 " && nft get element inet trama published "{ tcp . 8080 }"']);

beforeEach(() => {
  [cutShort, begun] = [false, Date.now()];
});

afterEach(async () => {
  await works();
  for (const name of started) expect(await addressOf(name), name).toBe(addresses[name]);
  const log = (await cluster.agents.get('h2')?.output()) ?? '';
  const { events } = await cluster.json<NodeShown>('node', 'inspect', 'h2');
  const troubles = events.filter(({ kind, time }) => time >= begun && !(cutShort && kind === 'repair'));
  expect(troubles, log).toEqual([]);
  const told = log.split('\n').filter((line) => / error |kind=repair|underlay changed/.test(line));
  expect(told.filter((line) => !(cutShort && line.includes('kind=repair')))).toEqual([]);
  // What ended is known to have ended.
  if (cutShort) await eventually('what was begun has ended', async () => (await endpoints()).length === 8, 60_000);
  expect(await endpoints()).toHaveLength(8);
});

test('the plug is pulled, and the agent is there before Docker', async () => {
  await host.pullPlug();
  await host.boot({ docker: false });
  await startAgent();
  expect(await endpoints()).toEqual([expect.stringContaining('gateway'), expect.stringContaining('gateway')]);
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

test('Docker is told to end and comes back: of what it stops nothing is started before it has ended', async () => {
  await host.stopDocker();
  const log = `${host.disk}/log`;
  const newest = Math.max(...(await readdir(log)).map((name) => Number(/^dockerd-(\d+)\.log$/.exec(name)?.[1] ?? 0)));
  const said = await readFile(`${log}/dockerd-${newest}.log`, 'utf8');
  expect(said).toContain('Daemon shutdown complete');
  expect(said.split('\n').filter((line) => line.includes('/start returned error'))).toEqual([]);
  await host.startDocker();
});

test('Docker is told to end, then the agent, as by a reboot, and both come back', async () => {
  await host.stopDocker();
  const agent = cluster.agents.get('h2');
  agent?.kill('SIGTERM');
  await agent?.ended;
  await startAgent();
  await host.startDocker();
});

test('Docker gives up what it is to start, as nobody answers for the agent, which starts it when it comes', async () => {
  await host.killDocker();
  const agent = cluster.agents.get('h2');
  agent?.kill('SIGKILL');
  await agent?.ended;
  const refused = await refuseAll();
  await host.startDocker();
  expect(await host.docker('ps', '-q')).toBe('');
  await refused();
  await startAgent();
});

test('the agent dies between what it puts off and what it starts, and the next one knows of both', async () => {
  await host.killDocker();
  await host.startDocker();
  await eventually(
    'the first of them is started',
    async () => (await host.docker('ps', '-q', '--filter', 'name=ever|twin')) !== '',
  );
  cluster.agents.get('h2')?.kill('SIGKILL');
  cutShort = true;
  await startAgent();
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

describe('Docker with live-restore', () => {
  const pidOf = (name: string) => host.docker('inspect', '-f', '{{.State.Pid}}', name);
  const running = async () => {
    const names = ['web', 'db', ...started];
    return await Promise.all(names.map(async (name) => [name, await pidOf(name), await addressOf(name)]));
  };
  const killAgent = () => cluster.agents.get('h2')?.kill('SIGKILL');
  let before: string[][];

  test('comes in place of one without', async () => {
    await host.restartDocker({ liveRestore: true });
    await works();
    before = await running();
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is restarted', () => host.restartDocker({ liveRestore: true })],
    ['dies', () => host.killDocker().then(() => host.startDocker({ liveRestore: true }))],
    [
      'dies, the agent with it, and the agent is first',
      async () => {
        await host.killDocker();
        killAgent();
        await startAgent();
        await host.startDocker({ liveRestore: true });
      },
    ],
    [
      'dies, the agent with it, and the agent is last',
      async () => {
        killAgent();
        await host.killDocker();
        const docker = host.startDocker({ liveRestore: true });
        await startAgent();
        await docker;
      },
    ],
  ])('%s: its containers go on as they are', async (_, happens) => {
    await happens();
    await works();
    expect(await running()).toEqual(before);
  });

  test('what ends afterwards leaves nothing', async () => {
    const address = await addressOf('ever');
    await host.docker('rm', '-f', 'ever');
    expect(await endpoints()).toHaveLength(7);
    const again = ['--name', 'ever', '--network', 'app', '--ip', address, '-p', '8080:80'];
    await host.docker('run', '-d', ...again, labImage, 'sleep', '100000');
  });
});

test('a container ends while the agent is down, and Docker gives up telling it: its port and address are free again', async () => {
  const startedAt = Date.parse(await host.docker('inspect', '-f', '{{.State.StartedAt}}', 'ever'));
  await eventually('it is older than a start takes', async () => Date.now() - startedAt > 31_000, 35_000);
  const agent = cluster.agents.get('h2');
  agent?.kill('SIGKILL');
  await agent?.ended;
  const refused = await refuseAll();
  await host.docker('kill', 'ever');
  await refused();
  // Where Docker has put it back.
  expect(await host.output(['ip', '-o', 'link'])).toMatch(/ trp[0-9a-f]+/);
  await startAgent();
  expect(await endpoints()).toHaveLength(7);
  await host.docker('start', 'ever');
  expect(await host.output(['ip', '-o', 'link'])).not.toMatch(/ trp[0-9a-f]+/);
});
