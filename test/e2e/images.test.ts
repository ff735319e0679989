/** Images from a real registry, and hosts whose engine is not as it should be. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, containers } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let image: string;

const program = new URL('../../bin/trama', import.meta.url).pathname;

const registryConfig = (port: number, more = '') => `version: 0.1
storage: { filesystem: { rootdirectory: /var/lib/registry-${port} } }
http: { addr: ":${port}" }
${more}`;

/** Of the private registry: `team` with the password `secret`, as bcrypt. */
const passwords = 'team:$2b$04$cvJCPxLeSFKrTjVn8hpQBemLOLsyIuFz36TQFrv1Ur4K.qJY6PrH6\n';
const asksForPassword = 'auth: { htpasswd: { realm: trama, path: /etc/registry-passwords } }\n';
const privatePort = 5002;

/** Where `docker login` leaves what it was told. */
const logins = { DOCKER_CONFIG: '/etc/docker-logins' };

beforeAll(async () => {
  lab = await createLab();
  const registry = `${lab.outside.address}:5000`;
  image = `${registry}/team/web:1`;
  const serving = await serveRegistry(5000);
  const guarded = `${lab.outside.address}:${privatePort}`;
  const hostOptions = { dockerArguments: [registry, guarded].map((each) => `--insecure-registry=${each}`) };
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'], hostOptions });
  await eventually('the registry', async () => (await serving.output()).includes('listening on'));
  const h1 = cluster.host('h1');
  // Large enough for its pull to be seen.
  const pack = 'cd "$(mktemp -d)" && mkdir bin && cp /bin/busybox bin/httpd && head -c 40000000 /dev/urandom > noise';
  await h1.output(['sh', '-c', `${pack} && tar c . | docker import - ${image}`], { timeoutMs: 60_000 });
  await h1.docker('push', image);
});

async function serveRegistry(port: number, more?: string) {
  const config = `/etc/registry-${port}.yml`;
  await lab.outside.writeFile(config, registryConfig(port, more));
  return lab.outside.start(['docker-registry', 'serve', config], { name: `registry-${port}` });
}

/** An image that no other host has a layer of. */
async function pushNew(name: string, env: Record<string, string> = {}): Promise<void> {
  const pack =
    'cd "$(mktemp -d)" && head -c 1000000 /dev/urandom > noise && cp /bin/busybox sleep && tar c . | docker import -';
  await cluster.host('h1').output(['sh', '-c', `${pack} ${name}`], { env, timeoutMs: 60_000 });
  // Docker waits 15 s for a registry's first answer, which a busy machine does not always give.
  const push = async () =>
    (await cluster.host('h1').run(['docker', 'push', name], { env, timeoutMs: 60_000 })).code === 0;
  await eventually(`${name} is pushed`, push, 60_000);
}

afterAll(() => lab?.[Symbol.asyncDispose]());

test('an image that the node has not is pulled, and progress is shown', async () => {
  expect(await cluster.host('h2').docker('images', '-q', image)).toBe('');
  const { code, stderr } = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'web', '--node', 'h2', image, 'httpd', '-f');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^web: .*pull/im) });
  expect((await containers(cluster))[0]).toMatchObject({ name: 'web', image, status: 'running' });
});

describe('what there is to choose from', () => {
  interface Shown {
    readonly name: string;
    readonly tags?: readonly string[];
    readonly nodes?: readonly string[];
  }

  test('images of the nodes, with the nodes that have them; completion offers them', async () => {
    const all = await cluster.json<Shown[]>('image', 'ls');
    expect(all).toContainEqual(expect.objectContaining({ name: labImage, nodes: ['h1', 'h2'] }));
    const names = (await cluster.tramaOn('h2', 'image', 'ls', '-q', '--node', 'h1')).split('\n');
    expect(names).toEqual(expect.arrayContaining([image, labImage]));
    expect((await cluster.trama('__complete', 'image')).split('\n')).toContain(image);
  });

  test('what a registry has, asked from any node', async () => {
    const [registry = ''] = image.split('/');
    const name = `${registry}/team/web`;
    const found = await cluster.json<Shown[]>('image', 'ls', '--registry', registry, '--node', 'h2');
    expect(found).toContainEqual({ name, tags: ['1'], more: false });
    const names = (await cluster.tramaOn('h2', 'image', 'ls', '-q', '--registry', registry)).split('\n');
    expect(names).toContain(image);
    expect(await cluster.json<Shown[]>('image', 'ls', '--registry', registry, 'team/web')).toHaveLength(1);
  });

  test.each([
    [
      'no registry',
      () => `${lab.outside.address}:5001`,
      /registry \S+:5001 cannot be reached from this host \(ECONNREFUSED\)/,
    ],
    ['what has no catalogue', () => 'docker.io', /Docker Hub has no catalogue: name a repository/],
  ])('%s is said', async (_, registry, sentence) => {
    const { code, stderr } = await cluster.host('h1').trama('image', 'ls', '--registry', registry());
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(sentence) });
  });
});

test.each([
  ['an unknown tag', () => image.replace(':1', ':2'), /2.*(not found|unknown|no such)/i],
  ['a registry that is not there', () => `${lab.outside.address}:5001/team/web:1`, /5001.*(reach|refused|connect)/i],
])('%s is said, and nothing stays', async (_, reference, sentence) => {
  const { code, stderr } = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'none', '--node', 'h2', reference(), 'true');
  expect(code).toBe(1);
  expect(stderr).toMatch(sentence);
  expect((await cluster.json<Container[]>('ps', '-a')).map((each) => each.name)).not.toContain('none');
});

test('a node without an engine says so', async () => {
  const host = await lab.host('bare', { docker: false });
  const token = (await cluster.trama('token', 'create')).trim();
  await host.startAgent(['--join', `${token}@${cluster.host('h1').address}`]);
  await eventually('it is ready', async () => (await cluster.trama('node', 'ls')).match(/bare .*ready/) !== null);
  const { code, stderr } = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'none', '--node', 'bare', labImage, 'true');
  expect(code).toBe(1);
  expect(stderr).toMatch(/Docker is not installed or not running/);
  expect(await cluster.trama('node', 'inspect', 'bare')).toMatch(/Engine: .*not installed or not running/);
});

test('an engine that stops and comes back is said, and used again', async () => {
  const h2 = cluster.host('h2');
  await h2.stopDocker();
  const { code, stderr } = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'none', '--node', 'h2', labImage, 'true');
  expect(code).toBe(1);
  expect(stderr).toMatch(/Docker is not .*running/);
  await h2.startDocker();
  await cluster.trama('run', '-d', '--name', 'back', '--node', 'h2', labImage, 'sleep', '1000');
  expect((await containers(cluster)).map((each) => each.name)).toContain('back');
});

test('a full disk is said, and nothing stays', async () => {
  const name = `${lab.outside.address}:5000/team/large:1`;
  await pushNew(name);
  const h2 = cluster.host('h2');
  // Where the engine puts what it downloads.
  await h2.output(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/var/lib/docker/tmp']);
  const refused = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'large', '--node', 'h2', name, '/sleep', '1000');
  await h2.output(['umount', '/var/lib/docker/tmp']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/large cannot run: docker could not pull \S+large:1: the disk is full.*free space/i);
  expect((await cluster.json<Container[]>('ps', '-a')).map((each) => each.name)).not.toContain('large');
  await cluster.trama('run', '-d', '--name', 'large', '--node', 'h2', name, '/sleep', '1000');
});

describe('a private registry', () => {
  const name = () => `${lab.outside.address}:${privatePort}/team/secret:1`;
  const runIt = (container: string, ...flags: string[]) => [
    ...['run', '-d', '--name', container, '--node', 'h2', ...flags],
    ...[name(), '/sleep', '1000'],
  ];
  const login = { env: { ...logins, DOCKER_HOST: 'unix:///var/run/docker.sock' }, input: 'secret', timeoutMs: 30_000 };
  const dockerLogin = () => ['docker', 'login', '-u', 'team', '--password-stdin', name().split('/')[0] ?? ''] as const;

  beforeAll(async () => {
    await lab.outside.writeFile('/etc/registry-passwords', passwords);
    const serving = await serveRegistry(privatePort, asksForPassword);
    await eventually('the registry', async () => (await serving.output()).includes('listening on'));
    await cluster.host('h1').output(['docker', ...dockerLogin().slice(1)], login);
    await pushNew(name(), logins);
  });

  test('without a login the image is refused, and what to do is said', async () => {
    const { code, stderr } = await cluster.host('h1').trama(...runIt('private'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/docker login/) });
  });

  test('what it has is shown to who has a login: the node, or whoever asks', async () => {
    const h1 = cluster.host('h1');
    const [registry = ''] = name().split('/');
    const ask = ['image', 'ls', '--node', 'h2', '--registry', registry];
    const refused = await h1.trama(...ask);
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /node h2: registry \S+:5002 asks for a login .*"docker login \S+:5002" on it first/,
      ),
    });
    const asked = await h1.run([program, ...ask, '-q', '--registry-auth'], { env: logins });
    expect({ code: asked.code, stdout: asked.stdout }).toEqual({ code: 0, stdout: `${name()}\n` });
  });

  test('--registry-auth shows it the login of who asks, which is stored nowhere', async () => {
    const h1 = cluster.host('h1');
    const none = await h1.run([program, ...runIt('private', '--registry-auth')], {
      env: { DOCKER_CONFIG: '/etc/none' },
    });
    expect({ code: none.code, stderr: none.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/docker has no login for \S+:5002 on this host/),
    });
    const asked = await h1.run([program, ...runIt('private', '--registry-auth')], { env: logins, timeoutMs: 60_000 });
    expect({ code: asked.code, stderr: asked.stderr }).toMatchObject({ code: 0 });
    const secret = Buffer.from('team:secret').toString('base64');
    const isStored = (text: string) => ['grep', '-rqaF', text, '/var/lib/trama'] as const;
    expect((await h1.run(isStored(name()))).code).toBe(0);
    for (const host of cluster.hosts) {
      for (const text of [secret, 'registryAuth']) expect((await host.run(isStored(text))).code).toBe(1);
    }
    await cluster.trama('rm', '-f', 'private');
    await cluster.host('h2').docker('rmi', name());
  });

  test('a node that was logged in by docker pulls with that', async () => {
    const h2 = cluster.host('h2');
    await h2.output(dockerLogin(), login);
    cluster.agents.get('h2')?.kill();
    await cluster.agents.get('h2')?.ended;
    cluster.agents.set('h2', await h2.startAgent([], logins));
    await eventually('h2 is back', async () => (await cluster.host('h1').trama(...runIt('private'))).code === 0);
    expect(await containers(cluster)).toContainEqual(expect.objectContaining({ name: 'private', status: 'running' }));
  });
});
