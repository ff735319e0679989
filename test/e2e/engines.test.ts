/**
 * Other Docker Engines than the machine's own: Debian 13's, which the set-up of the tests fetches, and those in the
 * directories that TRAMA_TEST_ENGINES names (as PATH does; each with dockerd, docker and docker-proxy).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
} from '../../src/lab/lab.ts';
import { output, spawn } from '../../src/platform/platform.ts';
import { type Container, containers, type NodeShown } from './steps.ts';

const fetched = new URL('../../.cache/docker-trixie', import.meta.url).pathname;
const others = (process.env.TRAMA_TEST_ENGINES ?? '').split(':').filter((each) => each !== '');

/** Without what is each host's own. */
const look = "ip -br link | sed 's/[@ ].*//'; ip netns; ip route | sed 's/ src .*//'; nft list tables; iptables -S";

describe.each([fetched, ...others])('with the engine in %s', (engine) => {
  let lab: Lab;
  let cluster: LabCluster;
  let h1: LabHost;
  let h2: LabHost;
  let cold: string;

  /** Whatever of Trama's and of containers' a host's kernel shows. */
  const shown = (host: LabHost) => host.output(['sh', '-c', look]);

  beforeAll(async () => {
    lab = await createLab();
    const bare = await lab.host('bare', { path: [engine] });
    cold = await shown(bare);
    cluster = await startCluster(lab, { hosts: ['h1', 'h2'], hostOptions: { path: [engine] } });
    [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
    await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
    await cluster.trama('network', 'create', 'back');
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  const addressOf = (host: LabHost, name: string, network = 'app') =>
    host.docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
  const fetchedBy = (host: LabHost, url: string) =>
    host.output(['curl', '-sS', '-m', '3', url]).then((text) => text.trim());
  const inContainer = (host: LabHost, name: string, ...command: string[]) => host.docker('exec', name, ...command);
  const idle = (host: LabHost, name: string, ...options: string[]) =>
    host.docker('run', '-d', '--name', name, ...options, labImage, 'sleep', '100000');
  /** `web` on h1 is found by name and address from h2, and by its port from everywhere. */
  const works = async () => {
    const reached = async () => (await fetchedBy(lab.outside, `http://${h1.address}:8080/`)) === 'hello';
    await eventually('web is there', reached);
    await eventually('it is found', async () => (await h2.pingFromContainer('cli', 'web')).reached);
    expect(await inContainer(h2, 'cli', 'wget', '-qO-', `http://${await addressOf(h1, 'web')}/`)).toBe('hello');
  };

  test('it is that engine', async () => {
    const version = /version ([^,\s]+)/.exec(await output(spawn, { argv: [`${engine}/dockerd`, '--version'] }))?.[1];
    expect(await h1.docker('version', '-f', '{{.Server.Version}}')).toBe(version);
    expect(await cluster.json('node', 'inspect', 'h1')).toMatchObject({
      engine: expect.stringContaining(`${version}`.split('+')[0] ?? ''),
    });
  });

  test('containers of plain docker find one another by name, alias and published port, from the first moment', async () => {
    await h1.docker(
      ...['run', '-d', '--name', 'web', '--network', 'app', '--network-alias', 'store', '-p', '8080:80'],
      ...['--restart', 'always', labImage, 'httpd', '-f'],
    );
    // Docker answers a moment before its events are heard.
    await eventually('it is told of', async () => (await containers(cluster)).some(({ name }) => name === 'web'), 2000);
    const first = await h2.docker('run', '--rm', '--network', 'app', labImage, 'ping', '-c1', '-W1', 'store.app');
    expect(first).toContain('1 packets received');
    await idle(h2, 'cli', '--network', 'app', '--restart', 'always');
    await works();
    for (const host of [h1, h2]) expect(await fetchedBy(host, `http://${h1.address}:8080/`)).toBe('hello');
    expect(await inContainer(h1, 'web', 'wget', '-qO-', `http://${h1.address}:8080/`)).toBe('hello');
    expect(await containers(cluster)).toMatchObject([
      { name: 'cli', node: 'h2', status: expect.stringContaining('running') },
      { name: 'web', node: 'h1', networks: [{ network: 'app', address: await addressOf(h1, 'web') }] },
    ]);
  });

  test('a container is connected, to several networks, and disconnected', async () => {
    await idle(h2, 'both', '--network', 'back');
    expect((await h2.pingFromContainer('both', await addressOf(h1, 'web'))).reached).toBe(false);
    await h2.docker('network', 'connect', '--alias', 'twin', 'app', 'both');
    expect((await h2.pingFromContainer('both', 'web')).reached).toBe(true);
    expect((await h1.pingFromContainer('web', 'twin')).reached).toBe(true);
    await h2.docker('network', 'disconnect', 'app', 'both');
    expect((await h1.pingFromContainer('web', 'twin')).reached).toBe(false);
    await h2.docker('rm', '-f', 'both');
  });

  test('an address and a MAC are given, and refused to a second', async () => {
    const chosen = ['--network', 'app', '--ip', '10.42.9.9', '--mac-address', '02:11:22:33:44:55'];
    await idle(h2, 'chosen', ...chosen);
    expect((await h1.pingFromContainer('web', '10.42.9.9')).reached).toBe(true);
    expect(await inContainer(h2, 'chosen', 'ip', 'link', 'show', 'eth0')).toContain('02:11:22:33:44:55');
    const second = await h1.run(['docker', 'run', '--rm', ...chosen.slice(0, 4), labImage, 'true']);
    expect(second).toMatchObject({ code: 125, stderr: expect.stringMatching(/10\.42\.9\.9 .*(chosen|h2)/) });
    await h2.docker('rm', '-f', 'chosen');
  });

  test('a Docker network of another name stands for the same network', async () => {
    await h1.docker('network', 'create', '-d', 'trama', '-o', 'network=app', '--ipam-driver', 'trama', 'mine');
    expect(await h1.docker('run', '--rm', '--network', 'mine', labImage, 'ping', '-c1', '-W1', 'cli')).toContain(
      '1 packets received',
    );
    await h1.docker('network', 'rm', 'mine');
  });

  test('a restarted container keeps its address; a removed one’s name goes', async () => {
    const address = await addressOf(h1, 'web');
    await h1.docker('restart', '-t', '1', 'web');
    expect(await addressOf(h1, 'web')).toBe(address);
    await works();
    await idle(h1, 'brief', '--network', 'app');
    expect((await h2.pingFromContainer('cli', 'brief')).reached).toBe(true);
    await h1.docker('rm', '-f', 'brief');
    await eventually('its name is gone', async () => !(await h2.pingFromContainer('cli', 'brief')).reached, 2000);
  });

  test('Trama runs containers, shows what they say, and what runs in them', async () => {
    await cluster.trama(
      'run',
      '-d',
      '--name',
      'own',
      '--node',
      'h2',
      '--network',
      'app',
      labImage,
      'sh',
      '-c',
      'echo said; sleep 100000',
    );
    expect(await cluster.trama('exec', 'own', 'ping', '-c1', '-W1', 'web')).toContain('1 packets received');
    expect(await cluster.trama('logs', 'own')).toBe('said\n');
    const { networks } = await cluster.json<Container>('inspect', 'own');
    expect(networks).toMatchObject([{ network: 'app', address: await addressOf(h2, 'own') }]);
    await cluster.trama('rm', '-f', 'own');
  });

  test('the engine is restarted, killed, and restarted with its containers alive', async () => {
    await h1.restartDocker();
    await works();
    await h1.killDocker();
    await h1.startDocker();
    await works();
    await h1.restartDocker({ liveRestore: true });
    await works();
    const [pid, address] = [await h1.docker('inspect', '-f', '{{.State.Pid}}', 'web'), await addressOf(h1, 'web')];
    await h1.restartDocker({ liveRestore: true });
    await works();
    expect([await h1.docker('inspect', '-f', '{{.State.Pid}}', 'web'), await addressOf(h1, 'web')]).toEqual([
      pid,
      address,
    ]);
    for (const name of ['h1', 'h2']) {
      expect((await cluster.json<NodeShown>('node', 'inspect', name)).events).toEqual([]);
    }
  });

  test('nothing stays behind', async () => {
    await h1.docker('rm', '-f', 'web');
    await h2.docker('rm', '-f', 'cli');
    for (const name of ['app', 'back']) await cluster.trama('network', 'rm', name);
    const left = await h2.trama('node', 'leave');
    expect(left).toMatchObject({ code: 0 });
    expect(await shown(h2)).toBe(cold);
  });
});
