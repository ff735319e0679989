/** Images from a real registry, and hosts whose engine is not as it should be. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, containers } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let image: string;

const registryConfig = (root: string) => `version: 0.1
storage: { filesystem: { rootdirectory: ${root} } }
http: { addr: ":5000" }
`;

beforeAll(async () => {
  lab = await createLab();
  const registry = `${lab.outside.address}:5000`;
  image = `${registry}/team/web:1`;
  await lab.outside.writeFile('/etc/registry.yml', registryConfig('/var/lib/registry'));
  const serving = await lab.outside.start(['docker-registry', 'serve', '/etc/registry.yml'], { name: 'registry' });
  const hostOptions = { dockerArguments: [`--insecure-registry=${registry}`] };
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'], hostOptions });
  await eventually('the registry', async () => (await serving.output()).includes('listening on'));
  const h1 = cluster.host('h1');
  await h1.docker('tag', labImage, image);
  await h1.docker('push', image);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('an image that the node has not is pulled, and progress is shown', async () => {
  expect(await cluster.host('h2').docker('images', '-q', image)).toBe('');
  const { code, stderr } = await cluster
    .host('h1')
    .trama('run', '-d', '--name', 'web', '--node', 'h2', image, 'httpd', '-f');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^web: .*pull/im) });
  expect((await containers(cluster))[0]).toMatchObject({ name: 'web', image, status: 'running' });
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
