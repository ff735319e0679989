/** What plain docker asks for and may collide with: a MAC that another container has, the port that names are asked at. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { inNamespaceOf, type NodeShown } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  for (const each of cluster.hosts)
    await eventually('network', async () => (await each.docker('network', 'ls')).includes(' app '));
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const host = (name: string) => cluster.host(name);
const mac = '02:11:22:33:44:55';

/** Of the engine's own age: a newer client asks for a MAC in a way that this one does not know. */
const docker = '/usr/bin/docker';
const withMac = (on: string, name: string) =>
  host(on).run(
    [docker, 'run', '-d', '--name', name, '--network', 'app', '--mac-address', mac, labImage, 'sleep', '100000'],
    { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' }, timeoutMs: 60_000 },
  );
const addressOf = (on: string, name: string, network = 'app') =>
  host(on).docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
const reaches = async (on: string, container: string, address: string) =>
  (await (await inNamespaceOf(host(on), container))('ping', '-c1', '-W2', address)).code === 0;

test('a MAC that a container has is refused to others, on its node and elsewhere, and it stays reachable', async () => {
  expect(await withMac('h1', 'm1')).toMatchObject({ code: 0 });
  const address = await addressOf('h1', 'm1');
  // The engine tells a container's name after the container.
  await eventually('m1 is named', async () =>
    (await cluster.trama('network', 'inspect', 'app', '-o', 'json')).includes('"m1"'),
  );
  for (const on of ['h1', 'h2']) {
    const refused = await withMac(on, 'late');
    expect(refused.code, on).not.toBe(0);
    expect(refused.stderr).toContain(
      `MAC ${mac} of network app is in use by container m1 on node h1 (${address}): choose another`,
    );
    await host(on).docker('rm', '-f', 'late');
    await host(on).docker('run', '-d', '--name', 'near', '--network', 'app', labImage, 'sleep', '100000');
    await eventually('m1 is reached', () => reaches(on, 'near', address));
  }
  // Its own again, and another's after it.
  await host('h1').docker('restart', '-t', '0', 'm1');
  await host('h1').docker('rm', '-f', 'm1');
  expect(await withMac('h2', 'm2')).toMatchObject({ code: 0, stderr: '' });
  const moved = await addressOf('h2', 'm2');
  await eventually('m2 is reached', () => reaches('h1', 'near', moved));
  await host('h2').docker('rm', '-f', 'm2');
});

test('of two that ask for a MAC at once on two hosts, one gets it', async () => {
  const both = await Promise.all([withMac('h1', 'r1'), withMac('h2', 'r2')]);
  expect(both.filter(({ code }) => code === 0)).toHaveLength(1);
  const [won, lost] = both[0]?.code === 0 ? ['h1', 'h2'] : ['h2', 'h1'];
  const winner = won === 'h1' ? 'r1' : 'r2';
  const address = await addressOf(won, winner);
  for (const on of [won, lost]) await eventually('the winner is reached', () => reaches(on, 'near', address));
  await host('h1').docker('rm', '-f', 'r1');
  await host('h2').docker('rm', '-f', 'r2');
});

test('while no server answers, what is known is refused; what could not be known is told truly afterwards', async () => {
  cluster.server.kill('SIGKILL');
  await cluster.server.ended;
  expect(await withMac('h1', 'alone')).toMatchObject({ code: 0, stderr: '' });
  expect(await withMac('h2', 'astray')).toMatchObject({ code: 0, stderr: '' });
  const again = await withMac('h1', 'again');
  expect(again.stderr).toMatch(new RegExp(`MAC ${mac} of network app is in use by container \\S+ on node h1 `));
  cluster.server = await host('h1').startServer();
  const told = async () => {
    const shown = await Promise.all(['h1', 'h2'].map((name) => cluster.json<NodeShown>('node', 'inspect', name)));
    return shown.flatMap(({ events }) => events.map(({ message }) => message)).join('\n');
  };
  await eventually(
    'the node of the one that came second says so',
    async () =>
      /container (alone|astray) of this node at \S+ is not known to other nodes: MAC \S+ of network app is in use by container (alone|astray) on node h[12]/.test(
        await told().catch(() => ''),
      ),
    30_000,
  );
  expect(await told()).not.toContain('now belongs to another endpoint');
  for (const on of ['h1', 'h2'])
    await host(on)
      .docker('rm', '-f', 'alone', 'again', 'astray')
      .catch(() => {});
});

test('a container that serves names has port 53 of its host, and containers ask the node’s name server as before', async () => {
  const command = ['sh', '-c', 'while :; do echo served | nc -l -p 53; done'];
  const ports = ['-p', '53:53', '-p', '53:53/udp'];
  await host('h1').docker('run', '-d', '--name', 'dns', '--network', 'app', ...ports, labImage, ...command);
  const asked = () => host('h2').run(['socat', '-T2', '-', `TCP:${host('h1').address}:53`]);
  await eventually('served from elsewhere', async () => (await asked()).stdout === 'served\n');
  const own = async (...dig: string[]) => {
    const inside = await inNamespaceOf(host('h1'), 'near');
    return (await inside('dig', '+short', '+time=2', '+tries=1', '@127.0.0.11', ...dig, 'dns')).stdout.trim();
  };
  const address = await addressOf('h1', 'dns');
  expect(await own()).toBe(address);
  expect(await own('+tcp')).toBe(address);
  // A network that comes later has names, too.
  await cluster.trama('network', 'create', 'later');
  await eventually('network', async () => (await host('h1').docker('network', 'ls')).includes(' later '));
  await host('h1').docker('network', 'connect', 'later', 'near');
  await host('h1').docker('run', '-d', '--name', 'other', '--network', 'later', labImage, 'sleep', '100000');
  const other = await addressOf('h1', 'other', 'later');
  const inside = await inNamespaceOf(host('h1'), 'other');
  await eventually('names in the later network', async () => {
    const { stdout } = await inside('dig', '+short', '+time=1', '+tries=1', '@127.0.0.11', 'other');
    return stdout.trim() === other;
  });
  const second = await host('h1')
    .docker('run', '-d', '--name', 'dns2', '--network', 'app', ...ports, labImage, ...command)
    .catch(String);
  expect(second).toContain('published by the container dns already');
});

test('a network has the name that this host’s Docker has for it', async () => {
  await host('h2').docker(
    ...['network', 'create', '-d', 'trama', '--ipam-driver', 'trama', '-o', 'network=app', '--ipam-opt', 'network=app'],
    'Shop_back',
  );
  for (const name of ['db', 'shop'])
    await host('h2').docker('run', '-d', '--name', name, '--network', 'Shop_back', labImage, 'sleep', '100000');
  const inside = await inNamespaceOf(host('h2'), 'shop');
  const address = await addressOf('h2', 'db', 'Shop_back');
  for (const name of ['db.Shop_back', 'db.shop_back', 'db.app'])
    await eventually(name, async () => {
      const { stdout } = await inside('dig', '+short', '+time=1', '+tries=1', '@127.0.0.11', name);
      return stdout.trim() === address;
    });
});
