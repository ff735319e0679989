/** One host, one command: server and agent in one process, killed and started again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabHost,
  labImage,
  type Started,
  untilThere,
} from '../../src/lab/lab.ts';
import type { Container, NodeShown } from './steps.ts';

let lab: Lab;
let host: LabHost;
let up: Started;

const program = new URL('../../bin/trama', import.meta.url).pathname;

async function start(): Promise<void> {
  up = await host.start([program, 'up'], { name: 'up' });
  await untilThere(host, '/run/docker/plugins/trama.sock', up);
  await eventually('the node is ready', async () => (await json<NodeShown[]>('node', 'ls'))[0]?.status === 'ready');
}

async function trama(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.trama(...args);
  expect({ code, stderr }, args.join(' ')).toMatchObject({ code: 0 });
  return stdout;
}

const json = async <T>(...args: string[]) => JSON.parse(await trama(...args, '-o', 'json')) as T;

beforeAll(async () => {
  lab = await createLab();
  host = await lab.host('h1');
  await start();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('containers of one host are on one network', async () => {
  await trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await trama('run', '-d', '--name', 'web', '--network', 'app', labImage, 'httpd', '-f');
  await trama('run', '-d', '--name', 'cli', '--network', 'app', labImage, 'sleep', '100000');
  const web = await json<Container>('inspect', 'web');
  expect(await trama('exec', 'cli', 'ping', '-c1', '-W2', web.networks[0]?.address ?? '')).toContain(
    '1 packets received',
  );
});

test('a file is applied, changed, and taken back', async () => {
  const file = (command: string) =>
    `name: shop\nnetworks: {app: {external: true}}\nservices: {shop: {image: ${labImage}, command: ${command}, networks: [app], environment: {A: b}}}\n`;
  const apply = async (text: string, ...flags: string[]) =>
    host.output([program, 'apply', '-f', '-', '--yes', ...flags], { input: text });
  expect(await apply(file('sleep 100000'))).toBe(
    `= keep network app\n+ create container shop: ${labImage}\ncontainer shop created\n`,
  );
  // What the server keeps of it is what the file says.
  expect(await apply(file('sleep 100000'))).toBe('= keep network app\n= keep container shop\n');
  expect(await apply(file('sleep 200000'))).toMatch(/~ replace container shop: command: .*\ncontainer shop replaced\n/);
  expect((await json<Container>('inspect', 'shop')).status).toBe('running');
  expect(await apply('name: shop\nservices: {}\n', '--prune')).toContain('container shop removed\n');
  expect(await json<Container[]>('ps', '-a', '--filter', 'label=trama.applied=shop')).toEqual([]);
});

test('killed with -9 and started again, it is the same node, and nothing that was acknowledged is lost', async () => {
  const before = await json<Container[]>('ps');
  up.kill('SIGKILL');
  await up.ended;
  await start();
  expect(await json<Container[]>('ps')).toEqual(before);
  expect(await json<NodeShown[]>('node', 'ls')).toHaveLength(1);
  expect((await json<{ name: string }[]>('network', 'ls')).map((each) => each.name)).toEqual(['app']);
  const { networks } = await json<Container>('inspect', 'web');
  expect((await host.pingFromContainer('cli', networks[0]?.address ?? '')).reached).toBe(true);
});

test('both tell of themselves, each at its port', async () => {
  for (const [port, role] of [
    [4700, 'server'],
    [4704, 'agent'],
  ] as const) {
    const get = (path: string) =>
      host.output(['socat', '-t', '5', '-', `TCP:127.0.0.1:${port},shut-none`], {
        input: `GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`,
      });
    await eventually(`the ${role} is ready`, async () => (await get('/readyz')).endsWith('\r\n\r\nready\n'));
    expect(await get('/metrics')).toContain(`role="${role}"`);
  }
});

test('a second one says that there is one', async () => {
  const second = await host.start([program, 'up'], { name: 'second' });
  expect(await second.ended).toBe(1);
  expect((await second.output()).trim().split('\n').at(-1)).toMatch(/^trama: .*(already|in use|open)/);
});

test('a pulled plug and a boot: the containers that should run, run', async () => {
  await trama('run', '-d', '--name', 'ever', '--network', 'app', '--restart', 'always', labImage, 'httpd', '-f');
  await host.pullPlug();
  await host.boot({ docker: false });
  // As at a real boot: the network plugin is there before the engine asks for it, and forwarding is off.
  await host.output(['sysctl', '-qw', 'net.ipv4.ip_forward=0']);
  up = await host.start([program, 'up'], { name: 'up' });
  await untilThere(host, '/run/docker/plugins/trama.sock', up);
  await host.startDocker();
  // Docker sets it only if it finds forwarding off.
  expect(await host.output(['iptables', '-S', 'FORWARD'])).toContain('-P FORWARD DROP');
  await eventually('its container runs', async () => (await json<Container>('inspect', 'ever')).status === 'running');
  const { networks } = await json<Container>('inspect', 'ever');
  await eventually('it answers', async () => (await host.pingFromHost(networks[0]?.address ?? '')).reached);
});

test('it leaves in order, and the server goes on', async () => {
  await trama('node', 'leave');
  expect((await host.run(['ip', 'netns', 'list'])).stdout).not.toContain('trama');
  expect(await host.docker('ps', '-aq')).toBe('');
  // Its agent ends a moment after the answer, and the client finds the server behind it.
  await eventually('no node', async () => (await json<NodeShown[]>('node', 'ls')).length === 0);
  expect((await json<{ name: string }[]>('network', 'ls')).map((each) => each.name)).toEqual(['app']);
  expect((await host.run(['test', '-e', '/run/docker/plugins/trama.sock'])).code).toBe(1);
  expect(await up.output()).toContain('this host has left the cluster; its server goes on');
  up.kill('SIGTERM');
  expect(await up.ended).toBe(0);
});

test('started again, the host joins again', async () => {
  await start();
  expect((await json<NodeShown[]>('node', 'ls')).map((each) => each.name)).toEqual(['h1']);
});
