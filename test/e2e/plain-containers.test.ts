/** Containers that people start with docker on Trama's networks are members like those that Trama runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, containers, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await cluster.trama('network', 'create', 'db', '--subnet', '10.43.0.0/16');
  for (const host of cluster.hosts) {
    await eventually('networks', async () => (await host.docker('network', 'ls')).match(/ (app|db) /g)?.length === 2);
  }
});

afterAll(() => lab?.[Symbol.asyncDispose]());

interface Shown extends Container {
  readonly managed: boolean;
  readonly id: string;
  readonly ports: readonly string[];
}

const trama = (...args: string[]) => cluster.host('h1').trama(...args);
const shown = async (name: string) => (await containers(cluster)).filter((one) => one.name === name) as Shown[];
const inspected = (name: string) => cluster.json<Shown>('inspect', name);

/** Of plain docker, on a host. */
async function plain(host: string, name: string, network: string, ...command: string[]): Promise<void> {
  const what = command.length === 0 ? ['sleep', '100000'] : command;
  await cluster.host(host).docker('run', '-d', '--name', name, '--network', network, labImage, ...what);
  await eventually(`${name} is known`, async () => (await shown(name)).some(({ node }) => node === host));
}

async function addressIn(name: string, network: string): Promise<string> {
  const { networks } = await inspected(name);
  return networks.find((one) => one.network === network)?.address ?? '';
}

const pings = async (from: string, address: string) =>
  (await trama('exec', from, 'ping', '-c1', '-W2', address)).code === 0;

describe('a container that somebody started with docker', () => {
  test('is listed with its node, image and addresses, from every host', async () => {
    await plain('h2', 'solo', 'app', 'sh', '-c', 'echo begun; sleep 100000');
    const [solo] = await shown('solo');
    expect(solo).toMatchObject({ node: 'h2', image: labImage, status: 'running', managed: false });
    expect(solo?.networks).toEqual([
      { network: 'app', address: expect.stringMatching(/^10\.42\./), mac: expect.any(String) },
    ]);
    expect(await cluster.trama('ps')).toMatch(/^solo +h2 +\S+ +app:10\.42\.\S+ .*running \(docker\)$/m);
    expect(await cluster.trama('ps', '-q', '--network', 'app')).toContain(solo?.id);
    expect((await cluster.host('h2').trama('ps')).stdout).toContain('solo');
  });

  test('shows the host ports that it really has, as a workload does', async () => {
    await cluster
      .host('h2')
      .docker(
        'run',
        '-d',
        '--name',
        'open',
        '--network',
        'app',
        '-p',
        '8088:80',
        '-p',
        '81',
        labImage,
        'sleep',
        '9999',
      );
    await eventually('it is known', async () => (await shown('open'))[0]?.ports.length === 2);
    const [open] = await shown('open');
    expect(open?.ports).toEqual(
      expect.arrayContaining(['8088->80/tcp', expect.stringMatching(/^[1-9]\d{3,4}->81\/tcp$/)]),
    );
    await cluster.trama(
      'run',
      '-d',
      '--name',
      'own',
      '--node',
      'h1',
      '--network',
      'app',
      '-p',
      '82',
      labImage,
      'sleep',
      '9999',
    );
    await eventually('it has one', async () => /^[1-9]\d{3,4}->82\/tcp$/.test((await shown('own'))[0]?.ports[0] ?? ''));
    expect(await cluster.trama('ps')).toMatch(/^own .* [1-9]\d{3,4}->82\/tcp .*running/m);
    await cluster.trama('rm', '-f', 'open', 'own');
  });

  test('is looked at, listened to and worked in by its name or id', async () => {
    const { id, status } = await inspected('solo');
    expect(status).toBe('running');
    expect((await trama('logs', 'solo')).stdout).toBe('begun\n');
    for (const name of ['solo', id, 'h2/solo', `h2/${id}`]) {
      expect(await trama('exec', name, 'sh', '-c', 'hostname -i; exit 5')).toMatchObject({
        code: 5,
        stdout: `${await addressIn('solo', 'app')}\n`,
      });
    }
    expect(await trama('exec', 'solo', 'nosuch')).toMatchObject({
      code: 127,
      stdout: '',
      stderr: 'trama: the container has no executable nosuch: check the command\n',
    });
    expect((await trama('inspect', 'h1/solo')).stderr).toBe('trama: there is no container solo on node h1\n');
    expect((await trama('inspect', 'h9/solo')).stderr).toMatch(/^trama: there is no node "h9"/);
  });

  test('is stopped, started and removed, from another host', async () => {
    expect(await trama('rm', 'solo')).toMatchObject({
      code: 1,
      stderr: 'trama: container solo is running: stop it first or use -f\n',
    });
    expect(await trama('stop', '-t', '0', 'solo')).toMatchObject({ code: 0, stdout: 'solo\n', stderr: '' });
    await eventually('it is no longer listed', async () => (await shown('solo')).length === 0);
    expect((await trama('inspect', 'solo')).stderr).toMatch(/^trama: there is no container "solo"/);
    expect(await inspected('h2/solo')).toMatchObject({ status: 'exited', managed: false });
    expect(await trama('start', 'h2/solo')).toMatchObject({ code: 0, stdout: 'h2/solo\n', stderr: '' });
    expect(await shown('solo')).toMatchObject([{ status: 'running' }]);
    expect(await trama('rm', '-f', 'solo')).toMatchObject({ code: 0, stdout: 'solo\n', stderr: '' });
    expect(await shown('solo')).toEqual([]);
    expect(await cluster.host('h2').docker('ps', '-aq', '--filter', 'name=solo')).toBe('');
  });

  test('stays when a workload of its name cannot start on its node, which is said at once', async () => {
    await plain('h2', 'wh2', 'app', 'sh', '-c', 'echo mine; sleep 100000');
    for (const flags of [['-d'], ['--rm']]) {
      const begun = Date.now();
      const argv = ['run', ...flags, '--name', 'wh2', '--node', 'h2', '--network', 'app', labImage, 'sleep', '10'];
      const { code, stdout, stderr } = await trama(...argv);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/trama: wh2 cannot run: /);
      expect(stderr.match(/^trama: /gm)).toHaveLength(1);
      expect(Date.now() - begun).toBeLessThan(30_000);
      expect(await shown('wh2')).toMatchObject([{ node: 'h2', managed: false, status: 'running' }]);
    }
    expect(await cluster.host('h2').docker('inspect', '-f', '{{.State.Running}} {{.RestartCount}}', 'wh2')).toBe(
      'true 0',
    );
    // One of its own name elsewhere goes, and who removes it does not wait for this one.
    await run(cluster, 'wh2', 'h1', 'app');
    expect(await trama('rm', '-f', 'wh2')).toMatchObject({ code: 0, stdout: 'wh2\n', stderr: '' });
    expect(await shown('wh2')).toMatchObject([{ node: 'h2', managed: false, status: 'running' }]);
    await cluster.trama('rm', '-f', 'h2/wh2');
  });

  test('of a name that several have is meant with its node; a workload comes first', async () => {
    for (const host of ['h1', 'h2']) await plain(host, 'twin', 'app');
    expect(await trama('exec', 'twin', 'true')).toMatchObject({
      code: 1,
      stderr: 'trama: containers on h1 and h2 are called "twin": say which is meant, like h1/twin\n',
    });
    expect(await trama('exec', 'h2/twin', 'hostname', '-i')).toMatchObject({ code: 0 });
    const [, second] = await shown('twin');
    expect((await trama('exec', second?.id ?? '', 'hostname', '-i')).stdout.trim()).toBe(second?.networks[0]?.address);
    expect(await trama('rm', '-f', 'h1/twin')).toMatchObject({ code: 0 });
    await run(cluster, 'twin', 'h1', 'app');
    expect(await shown('twin')).toMatchObject([
      { node: 'h1', managed: true },
      { node: 'h2', managed: false },
    ]);
    expect((await inspected('twin')).managed).toBe(true);
    await cluster.trama('rm', '-f', 'twin', 'h2/twin');
    expect(await shown('twin')).toEqual([]);
  });
});

describe('network connect', () => {
  test('joins a running container of another node to a network, and disconnect parts it', async () => {
    await plain('h2', 'roamer', 'app');
    await run(cluster, 'store', 'h1', 'db');
    const store = await addressIn('store', 'db');
    expect(await pings('roamer', store)).toBe(false);
    const connect = ['network', 'connect', 'db', 'roamer', '--ip', '10.43.0.77', '--alias', 'walker'];
    expect(await trama(...connect)).toMatchObject({ code: 0, stdout: 'roamer\n', stderr: '' });
    expect(await addressIn('roamer', 'db')).toBe('10.43.0.77');
    expect((await shown('roamer'))[0]?.networks).toHaveLength(2);
    expect(await pings('roamer', store)).toBe(true);
    expect(await pings('store', '10.43.0.77')).toBe(true);
    expect((await trama(...connect)).stderr).toBe('trama: container roamer is on network db already\n');
    expect(await trama('network', 'disconnect', 'db', 'roamer')).toMatchObject({ code: 0, stdout: 'roamer\n' });
    expect(await pings('roamer', store)).toBe(false);
    expect((await trama('network', 'disconnect', 'db', 'roamer')).stderr).toMatch(/is not on network db$/m);
  });

  test('refuses a network that there is not, and an address that another has', async () => {
    const store = await addressIn('store', 'db');
    expect((await trama('network', 'connect', 'nope', 'roamer')).stderr).toMatch(/^trama: there is no network "nope"/);
    expect((await trama('network', 'connect', 'db', 'nobody')).stderr).toMatch(
      /^trama: there is no container "nobody"/,
    );
    const taken = await trama('network', 'connect', 'db', 'roamer', '--ip', store);
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(taken.stderr).toMatch(/^trama: address \S+ of network db is in use by container store on node h1/);
    await cluster.host('h2').docker('restart', '-t', '0', 'roamer');
    expect(await cluster.host('h2').docker('inspect', '-f', '{{.State.Running}}', 'roamer')).toBe('true');
  });

  test('of a workload is for good: its container made anew has it too', async () => {
    await run(cluster, 'worker', 'h2', 'app');
    await cluster.trama('network', 'connect', 'db', 'worker', '--alias', 'toiler');
    const address = await addressIn('worker', 'db');
    expect(await pings('store', address)).toBe(true);
    const former = await cluster.host('h2').docker('inspect', '-f', '{{.Id}}', 'worker');
    await cluster.host('h2').docker('rm', '-f', 'worker');
    await eventually('it is made anew', async () => {
      const now = await cluster.host('h2').docker('inspect', '-f', '{{.Id}} {{.State.Running}}', 'worker');
      return now !== `${former} true` && now.endsWith('true');
    });
    await eventually('it is on both', async () => (await addressIn('worker', 'db')) === address);
    expect(await pings('store', address)).toBe(true);
    await cluster.trama('network', 'disconnect', 'db', 'worker');
    await eventually('it is told', async () => (await inspected('worker')).networks.length === 1);
    expect(await pings('store', address)).toBe(false);
    await cluster.trama('stop', '-t', '0', 'worker');
    await cluster.trama('start', 'worker');
    expect((await inspected('worker')).networks.map(({ network }) => network)).toEqual(['app']);
  });

  test('does not join the networks: neither the container on both nor its host leads over', async () => {
    await cluster.trama('network', 'connect', 'db', 'roamer');
    const [roamer, store] = [await addressIn('roamer', 'db'), await addressIn('store', 'db')];
    const gateway = (await cluster.json<{ nodes: { node: string; gateway: string }[] }>('network', 'inspect', 'db'))
      .nodes;
    for (const name of ['worker', 'roamer']) expect(await pings(name, await addressIn('roamer', 'app'))).toBe(true);
    expect(await pings('worker', roamer)).toBe(false);
    expect(await pings('worker', store)).toBe(false);
    for (const { gateway: address } of gateway) expect(await pings('worker', address)).toBe(false);
    // Not even told to go by way of the one that is on both.
    const through = await addressIn('roamer', 'app');
    const pid = await cluster.host('h2').docker('inspect', '-f', '{{.State.Pid}}', 'worker');
    const inside = ['nsenter', `--net=/proc/${pid}/ns/net`] as [string, ...string[]];
    await cluster.host('h2').output([...inside, 'ip', 'route', 'add', `${store}/32`, 'via', through]);
    expect((await cluster.host('h2').run([...inside, 'ping', '-c1', '-W2', store])).code).not.toBe(0);
    await cluster.trama('rm', '-f', 'roamer', 'store', 'worker');
    expect(await containers(cluster)).toEqual([]);
  });
});

test('whoever waits for a container learns that its node has died, and no later than is known', async () => {
  await run(cluster, 'doomed', 'h2', 'app');
  await cluster.host('h2').pullPlug();
  const { code, stderr } = await trama('stop', 'doomed');
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'doomed will be stopped when its node h2 is back\n' });
}, 60_000);
