/** Unmodified Compose on cluster networks: files with `external: true` and with `driver: trama`, over hosts, again and again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
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
import { containers, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const external = `
networks: { default: { name: app, external: true } }`;
const ofDriver = (ipam: string) => `
networks:
  default:
    driver: trama
    driver_opts: { network: app }
    ipam: ${ipam}`;

const stack = (services: Record<string, string>, networks: string) => `version: "3.5"
services:${Object.entries(services)
  .map(([name, more]) => `\n  ${name}: { image: "${labImage}", ${more} }`)
  .join('')}
${networks}
`;

/** Docker Compose as a person runs it on the host, with a file of the project in a directory of the same name. */
async function compose(host: LabHost, project: string, file: string, ...args: string[]): Promise<string> {
  const path = `/tmp/${project}/docker-compose.yml`;
  await host.output(['mkdir', '-p', `/tmp/${project}`]);
  await host.output(['tee', path], { input: file });
  const { code, stdout, stderr } = await host.run(['docker-compose', '-f', path, '-p', project, ...args], {
    timeoutMs: 120_000,
    env: { DOCKER_HOST: 'unix:///var/run/docker.sock', COMPOSE_HTTP_TIMEOUT: '60' },
  });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout + stderr;
}

test('services of two projects on two hosts, in an external network, find one another by name', async () => {
  const [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
  await eventually('app on both', async () =>
    (await Promise.all([h1, h2].map((host) => host.docker('network', 'ls')))).every((text) => text.includes(' app ')),
  );
  const front = stack({ front: 'command: sleep 100000' }, external);
  const back = stack({ back: 'command: httpd -f' }, external);
  await Promise.all([compose(h1, 'one', front, 'up', '-d'), compose(h2, 'two', back, 'up', '-d')]);
  await eventually(
    'back reached by its service name from the other host',
    async () => (await h1.docker('exec', 'one_front_1', 'wget', '-q', '-O', '-', 'http://back/')) === 'hello',
    10_000,
  );
  const shown = await containers(cluster);
  expect(shown.find((each) => each.name === 'two_back_1')).toMatchObject({ node: 'h2', status: 'running' });
  await Promise.all([compose(h1, 'one', front, 'down'), compose(h2, 'two', back, 'down')]);
  await eventually('gone from ps', async () => (await containers(cluster)).length === 0, 5000);
  expect(await h1.docker('network', 'ls')).toContain(' app ');
});

test.each([
  '{ driver: trama }',
  '{ driver: trama, options: { network: app } }',
  '{ driver: trama, config: [{ subnet: 10.42.0.0/16 }] }',
])('a network of the file with driver trama is the cluster network: ipam %s', async (ipam) => {
  const h1 = cluster.host('h1');
  await run(cluster, 'other', 'h2', 'app');
  const file = stack({ web: 'command: sleep 100000' }, ofDriver(ipam));
  await compose(h1, 'owned', file, 'up', '-d');
  await eventually(
    'the container on the other host by its name',
    async () => (await h1.docker('exec', 'owned_web_1', 'ping', '-c1', '-W1', 'other')).includes('1 packets received'),
    10_000,
  );
  await compose(h1, 'owned', file, 'down');
  expect(await h1.docker('network', 'ls')).not.toContain('owned_default');
  await cluster.trama('rm', '-f', 'other');
});

test('a network that docker makes with driver trama is the cluster network, also after Docker and the agent died', async () => {
  const h1 = cluster.host('h1');
  await run(cluster, 'other', 'h2', 'app');
  await h1.docker('network', 'create', '-d', 'trama', '-o', 'network=app', '--ipam-driver', 'trama', 'mine');
  const reaches = (name: string) =>
    eventually(
      `${name} reaches the container on the other host by its name`,
      async () => (await h1.docker('exec', name, 'ping', '-c1', '-W1', 'other')).includes('1 packets received'),
      10_000,
    );
  await h1.docker('run', '-d', '--name', 'first', '--network', 'mine', labImage, 'sleep', '100000');
  await reaches('first');
  await h1.killDocker();
  cluster.agents.get('h1')?.kill('SIGKILL');
  const agent = await h1.startAgent();
  cluster.agents.set('h1', agent);
  await untilThere(h1, '/run/docker/plugins/trama.sock', agent);
  await h1.startDocker();
  await h1.docker('start', 'first');
  await h1.docker('run', '-d', '--name', 'second', '--network', 'mine', labImage, 'sleep', '100000');
  for (const name of ['first', 'second']) await reaches(name);
  expect(await h1.docker('exec', 'second', 'ip', 'addr')).toMatch(/10\.42\.\d+\.\d+\/16/);
  await h1.docker('rm', '-f', 'first', 'second');
  await h1.docker('network', 'rm', 'mine');
  await cluster.trama('rm', '-f', 'other');
});

test('a Docker network that stands for no network of the cluster is refused with what to write', async () => {
  const h1 = cluster.host('h1');
  const create = ['network', 'create', '-d', 'trama', '--ipam-driver', 'trama'];
  await expect(h1.docker(...create, 'x')).rejects.toThrow('no Trama network was named');
  await expect(h1.docker(...create, '-o', 'network=nope', 'x')).rejects.toThrow('nope');
  await expect(h1.docker(...create, '--subnet', '10.77.0.0/16', 'x')).rejects.toThrow('no Trama network has subnet');
  await untilNetwork(h1, 'app');
  const app = ['-o', 'network=app'];
  await expect(h1.docker(...create, ...app, '-o', 'foo=bar', 'x')).rejects.toThrow('no option foo');
  await expect(h1.docker(...create, ...app, '--internal', 'x')).rejects.toThrow('network app has a way out');
  for (const pool of [[], ['--ipam-opt', 'network=app']]) {
    const subnet = [...create, ...app, ...pool, '--subnet', '10.42.0.0/16'];
    await expect(h1.docker(...subnet, '--gateway', '10.42.0.99', 'x')).rejects.toThrow('leave out --gateway');
    await expect(h1.docker(...subnet, '--aux-address', 'printer=10.42.0.50', 'x')).rejects.toThrow('leave it out');
    await h1.docker(...subnet, '--gateway', '10.42.0.1', 'y');
    // Nobody has what was asked for in vain.
    await h1.docker('run', '--rm', '--network', 'y', '--ip', '10.42.0.50', labImage, 'true');
    await h1.docker('network', 'rm', 'y');
  }
  expect(await h1.docker('network', 'ls')).not.toContain(' x ');
});

test('a Docker network that stands for an internal network of the cluster has no way out, said so or not', async () => {
  const h1 = cluster.host('h1');
  await cluster.trama('network', 'create', 'inner', '--internal', '--subnet', '10.45.0.0/16');
  await untilNetwork(h1, 'inner');
  const create = ['network', 'create', '-d', 'trama', '--ipam-driver', 'trama', '-o', 'network=inner'];
  // Docker's own option, which it is left to.
  await h1.docker(...create, '-o', 'com.docker.network.container_iface_prefix=eth', 'silent');
  await h1.docker(...create, '--internal', 'said');
  for (const name of ['silent', 'said']) {
    await h1.docker('run', '-d', '--name', name, '--network', name, labImage, 'sleep', '100000');
    const inside = (...argv: string[]) => h1.run(['docker', 'exec', name, ...argv], { env: dockerHost });
    expect((await inside('ip', '-o', 'link')).stdout.match(/^\d+: eth/gm)).toHaveLength(1);
    expect((await inside('ip', 'route')).stdout).not.toContain('default');
    // With a route of its own making, too.
    const pid = await h1.docker('inspect', '-f', '{{.State.Pid}}', name);
    const gateway = await h1.output(['sh', '-c', "ip -o -4 addr | grep -o '10\\.45\\.[0-9]*\\.[0-9]*/' | tr -d /"]);
    const enter = ['nsenter', `--net=/proc/${pid}/ns/net`] as const;
    await h1.output([...enter, 'ip', 'route', 'add', 'default', 'via', gateway.trim()]);
    expect((await h1.run([...enter, 'ping', '-c1', '-W1', cluster.host('h2').address])).code).toBe(1);
  }
  await h1.docker('rm', '-f', 'silent', 'said');
  await h1.docker('network', 'rm', 'silent', 'said');
});

const untilNetwork = (host: LabHost, name: string) =>
  eventually(`network ${name}`, async () => (await host.docker('network', 'ls')).includes(` ${name} `));

const dockerHost = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

test('driver trama without saying which network is refused with what to write', async () => {
  const h1 = cluster.host('h1');
  const file = stack({ web: 'command: sleep 1' }, '\nnetworks: { default: { driver: trama } }');
  await h1.output(['mkdir', '-p', '/tmp/bare']);
  await h1.output(['tee', '/tmp/bare/docker-compose.yml'], { input: file });
  const { code, stderr } = await h1.run(['docker-compose', '-f', '/tmp/bare/docker-compose.yml', 'up', '-d'], {
    timeoutMs: 60_000,
    env: { DOCKER_HOST: 'unix:///var/run/docker.sock' },
  });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/network=NAME/);
});

/** What twenty rounds must leave as it was. */
async function stateOf(host: LabHost): Promise<Record<string, string>> {
  const commands = {
    links: "ip -j link | tr '}' '\\n' | grep -o '\"ifname\":\"[^\"]*\"' | sort",
    dataLinks: "ip -n trama -j link | tr '}' '\\n' | grep -o '\"ifname\":\"[^\"]*\"' | sort",
    nft: 'nft -s list ruleset; nsenter --net=/run/netns/trama nft -s list ruleset',
    iptables: "iptables-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'",
    neighbours:
      'ip -n trama neigh show nud permanent | sort; bridge -n trama fdb show | grep -v "33:33\\|01:00" | sort',
    // Docker removes the empty files that namespaces were mounted on a minute later.
    namespaces: 'ip netns list; awk \'$3=="nsfs"{print $2}\' /proc/self/mounts | sort',
    networks: 'docker network ls -q | sort',
  };
  const entries = Object.entries(commands).map(async ([name, command]) => {
    const { stdout } = await host.run(['sh', '-c', command], { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' } });
    return [name, stdout] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

interface NetworkShown {
  readonly nodes: readonly { readonly node: string; readonly blocks: readonly string[] }[];
  readonly containers: readonly { readonly address: string }[];
}

test('twenty times up and down leave everything as before', { timeout: 300_000 }, async () => {
  const h1 = cluster.host('h1');
  // Stays, so that the network stays on the host.
  await run(cluster, 'resident', 'h1', 'app');
  await run(cluster, 'remote', 'h2', 'app');
  const services = {
    a: 'command: sleep 100000, ports: ["18080:80"]',
    b: 'command: httpd -f',
  };
  const file = stack(services, external);
  const resting = () => cluster.json<NetworkShown>('network', 'inspect', 'app');
  const before = await stateOf(h1);
  const table = await resting();
  for (let round = 0; round < 20; round += 1) {
    await compose(h1, 'again', file, 'up', '-d', '-t', '0');
    if (round % 10 === 0) expect((await containers(cluster)).length).toBe(4);
    await compose(h1, 'again', file, 'down', '-t', '0');
  }
  await eventually('only the two that stay', async () => (await containers(cluster)).length === 2, 10_000);
  await eventually(
    'the kernel as before',
    async () => JSON.stringify(await stateOf(h1)) === JSON.stringify(before),
    20_000,
  ).catch(async (error) => {
    expect(await stateOf(h1)).toEqual(before);
    throw error;
  });
  // So many addresses that they fit into the block that the host had.
  expect(await resting()).toEqual(table);
});
