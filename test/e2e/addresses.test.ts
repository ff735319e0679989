/** A container keeps its address for as long as it exists, and nobody else gets it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
import type { Container } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let host: LabHost;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  host = cluster.host('h2');
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await cluster.trama('network', 'create', 'side', '--subnet', '10.43.0.0/16');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function startAgent(): Promise<void> {
  const agent = await host.startAgent();
  cluster.agents.set('h2', agent);
  await untilThere(host, '/run/docker/plugins/trama.sock', agent);
}

async function addressesOf(name: string): Promise<string[]> {
  const { networks, status } = await cluster.json<Container>('inspect', name);
  if (status !== 'running') throw new Error(`${name} is ${status}`);
  return networks.map(({ address }) => address).sort();
}

/** Waits until it runs, and answers. */
async function runs(name: string): Promise<string[]> {
  await eventually(`${name} runs`, async () => (await addressesOf(name)).every((address) => address !== ''));
  const addresses = await addressesOf(name);
  for (const address of addresses)
    await eventually(`${name} answers`, async () => (await host.pingFromHost(address)).reached);
  return addresses;
}

/** A container of plain Docker's, on the network app. */
const plain = (name: string, ...options: string[]) =>
  host.docker('run', '-d', '--name', name, '--network', 'app', ...options, labImage, 'sleep', '100000');

const plainAddress = (name: string) =>
  host.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);

describe('a container of plain Docker’s', () => {
  beforeAll(() => eventually('network app', async () => (await host.docker('network', 'ls')).includes(' app ')));

  test('keeps its address when it is restarted, and nobody else gets it', async () => {
    await plain('only');
    const address = await plainAddress('only');
    await host.docker('restart', '-t', '0', 'only');
    expect(await plainAddress('only')).toBe(address);
    await host.docker('stop', '-t', '0', 'only');
    await plain('newcomer');
    expect(await plainAddress('newcomer')).not.toBe(address);
    await host.docker('create', '--name', 'unborn', '--network', 'app', labImage, 'sleep', '100000');
    await host.docker('start', 'unborn');
    expect(await plainAddress('unborn')).not.toBe(address);
    await host.docker('start', 'only');
    expect(await plainAddress('only')).toBe(address);
    await host.docker('rm', '-f', 'only', 'newcomer', 'unborn');
  });

  test('keeps its address beside others that do not run, and they keep theirs', async () => {
    for (const name of ['so', 'also']) await plain(name);
    const [so, also] = [await plainAddress('so'), await plainAddress('also')];
    await host.docker('create', '--name', 'never', '--network', 'app', labImage, 'sleep', '100000');
    await host.docker('restart', '-t', '0', 'so');
    expect(await plainAddress('so')).toBe(so);
    await host.docker('stop', '-t', '0', 'also');
    await host.docker('restart', '-t', '0', 'so');
    expect(await plainAddress('so')).toBe(so);
    await host.docker('start', 'never');
    expect([so, also]).not.toContain(await plainAddress('never'));
    // One that runs already, and comes to the network.
    await host.docker('run', '-d', '--name', 'guest', '--network', 'side', labImage, 'sleep', '100000');
    await host.docker('network', 'connect', 'app', 'guest');
    expect(await host.docker('exec', 'guest', 'ip', '-4', 'addr')).not.toContain(` ${also}/`);
    await host.docker('start', 'also');
    expect(await plainAddress('also')).toBe(also);
    await host.docker('rm', '-f', 'so', 'also', 'never', 'guest');
  });
});

describe('a container that Trama runs', () => {
  let kept: string[];

  beforeAll(async () => {
    await cluster.trama(
      ...['run', '-d', '--name', 'web', '--node', 'h2', '--network', 'app', '--network', 'side'],
      ...['--restart', 'always', labImage, 'sleep', '100000'],
    );
    kept = await runs('web');
    expect(kept).toEqual([expect.stringMatching(/^10\.42\./), expect.stringMatching(/^10\.43\./)]);
  });

  test('keeps its addresses while it does not run, whoever starts meanwhile', async () => {
    await cluster.trama('stop', 'web');
    await plain('other');
    expect(kept).not.toContain(await plainAddress('other'));
    await expect(plain('thief', '--ip', kept[0] ?? '')).rejects.toThrow(
      `address ${kept[0]} of network app belongs to the container web, also while that does not run: choose another`,
    );
    await host.docker('rm', '-f', 'thief', 'other');
    await cluster.trama('start', 'web');
    expect(await runs('web')).toEqual(kept);
  });

  test('keeps them when Docker restarts it, or itself', async () => {
    await host.docker('restart', '-t', '0', 'web');
    expect(await runs('web')).toEqual(kept);
    await host.restartDocker();
    expect(await runs('web')).toEqual(kept);
    await host.killDocker();
    await host.startDocker();
    expect(await runs('web')).toEqual(kept);
  });

  test('keeps them when somebody removes it, and it is made again', async () => {
    const id = await host.docker('inspect', '-f', '{{.Id}}', 'web');
    await host.docker('rm', '-f', 'web');
    await eventually('it is made again', async () => (await host.docker('inspect', '-f', '{{.Id}}', 'web')) !== id);
    expect(await runs('web')).toEqual(kept);
  });

  test('keeps them when the plug is pulled and the host boots, the agent first', async () => {
    await host.pullPlug();
    await host.boot({ docker: false });
    await startAgent();
    await host.startDocker();
    expect(await runs('web')).toEqual(kept);
  });

  test('keeps them when the plug is pulled and the host boots, Docker first', async () => {
    await host.pullPlug();
    await host.boot({ docker: false });
    // It waits for the network plugin.
    const docker = host.startDocker();
    const socket = ['test', '-S', '/run/docker.sock'] as const;
    await eventually('Docker has begun', async () => (await host.run(socket)).code === 0);
    await startAgent();
    await docker;
    expect(await runs('web')).toEqual(kept);
  });

  test('leaves them to others when it is removed', async () => {
    await cluster.trama('rm', '-f', 'web');
    expect(await host.run(['ls', '/var/lib/trama/agent/kept-addresses'])).toMatchObject({ code: 0, stdout: '' });
    await plain('heir', '--ip', kept[0] ?? '');
    expect(await plainAddress('heir')).toBe(kept[0]);
    await host.docker('rm', '-f', 'heir');
  });

  test('keeps one that was chosen for it, outside its node’s blocks', async () => {
    await cluster.trama(
      ...['run', '-d', '--name', 'fixed', '--node', 'h2', '--network', 'app', '--ip', '10.42.200.7'],
      ...[labImage, 'sleep', '100000'],
    );
    await cluster.trama('stop', 'fixed');
    const thief = ['run', '--name', 'thief', '--network', 'app', '--ip', '10.42.200.7', labImage, 'true'];
    await expect(host.docker(...thief)).rejects.toThrow(/belongs to the container fixed/);
    await expect(cluster.host('h1').docker(...thief)).rejects.toThrow(/10\.42\.200\.7/);
    await cluster.trama('start', 'fixed');
    expect(await runs('fixed')).toEqual(['10.42.200.7']);
    await cluster.trama('rm', '-f', 'fixed');
    await cluster.host('h1').docker('rm', 'thief');
  });
});
