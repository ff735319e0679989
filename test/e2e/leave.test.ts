/** A host that leaves is what it was before; a network that goes leaves nothing; what is not Trama's stays. */
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
import { run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** Everything of a host that Trama could have touched, as text that does not change by itself. */
async function stateOf(host: LabHost): Promise<Record<string, string>> {
  const parts: Record<string, [string, ...string[]]> = {
    namespaces: ['ip', 'netns', 'list'],
    links: ['sh', '-c', "ip -o link | sed 's/state [A-Z]*//; s/<[^>]*>//'"],
    addresses: ['ip', '-4', '-o', 'address'],
    routes: ['ip', '-4', 'route', 'show', 'table', 'all'],
    nft: ['nft', '-s', 'list', 'ruleset'],
    iptables: ['sh', '-c', "iptables-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'"],
    sysctls: [
      'sh',
      '-c',
      'sysctl -a 2>/dev/null | grep -E "^net\\.(ipv4\\.ip_forward|ipv4\\.conf\\.(all|default)\\.|bridge\\.)" | sort',
    ],
    docker: ['docker', 'network', 'ls', '--format', '{{.Name}} {{.Driver}}'],
    containers: ['docker', 'ps', '-a', '--format', '{{.Names}}'],
    files: ['sh', '-c', 'ls -A /var/lib/trama /run/trama /run/docker/plugins 2>/dev/null'],
  };
  const entries = Object.entries(parts).map(async ([name, argv]) => {
    const { stdout } = await host.run(argv, { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' } });
    return [name, stdout] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** A host of its own, with things on it that are nobody's business. */
async function hostWithBelongings(name: string): Promise<LabHost> {
  const host = await lab.host(name);
  await host.output(['ip', 'link', 'add', 'mine0', 'type', 'bridge']);
  await host.output(['ip', 'address', 'add', '203.0.113.1/24', 'dev', 'mine0']);
  await host.output(['nft', 'add table inet mine; add chain inet mine input { type filter hook input priority 0; }']);
  await host.output(['iptables', '-A', 'DOCKER-USER', '-s', '192.0.2.1', '-j', 'DROP']);
  await host.docker('network', 'create', 'theirs');
  await host.docker('run', '-d', '--name', 'neighbour', '--network', 'theirs', labImage, 'sleep', '100000');
  return host;
}

async function join(host: LabHost) {
  const token = (await cluster.trama('token', 'create')).trim();
  const agent = await host.startAgent(['--join', `${token}@${cluster.host('h1').address}`]);
  await untilThere(host, '/run/docker/plugins/trama.sock', agent);
  await eventually('network app in its Docker', async () => (await host.docker('network', 'ls')).includes(' app '));
  return agent;
}

const said = async (host: LabHost, ...args: string[]) => {
  const result = await host.trama(...args);
  expect(result, result.stderr).toMatchObject({ code: 0 });
  return result.stdout;
};

test('after network rm, a host is as it was with no network', async () => {
  const host = await hostWithBelongings('h2');
  await join(host);
  await cluster.trama('network', 'create', 'other', '--subnet', '10.43.0.0/16');
  await run(cluster, 'first', 'h2', 'app');
  await eventually('network other in its Docker', async () => (await host.docker('network', 'ls')).includes(' other '));
  const before = await stateOf(host);
  await run(cluster, 'second', 'h2', 'other');
  const refused = await cluster.host('h1').trama('network', 'rm', 'other');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/other.*second/);
  await cluster.trama('rm', '-f', 'second');
  await cluster.trama('network', 'rm', 'other');
  const { docker, ...rest } = before;
  await eventually('the state before', async () => {
    const { docker: networks, ...now } = await stateOf(host);
    return JSON.stringify(now) === JSON.stringify(rest) && networks === docker?.replace(/^other .*\n/m, '');
  });
});

test('after node leave, a host is as it was before it joined', async () => {
  const host = await hostWithBelongings('h3');
  const before = await stateOf(host);
  const agent = await join(host);
  await run(cluster, 'here1', 'h3', 'app');
  await run(cluster, 'here2', 'h3', 'app');
  await host.docker('run', '-d', '--name', 'stranger', '--network', 'app', labImage, 'sleep', '100000');

  const plan = await said(host, 'node', 'leave', '--dry-run');
  expect(plan).toContain('docker rm -f here1');
  expect(plan).toContain('ip netns del trama');
  expect((await host.docker('ps', '--format', '{{.Names}}')).split('\n').sort()).toEqual([
    'here1',
    'here2',
    'neighbour',
    'stranger',
  ]);

  const refused = await host.trama('node', 'leave');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('stranger');
  await host.docker('rm', '-f', 'stranger');

  await said(host, 'node', 'leave');
  await agent.ended;
  expect(await stateOf(host)).toEqual(before);
  expect(await cluster.trama('node', 'ls')).not.toContain('h3');
  expect(await cluster.trama('ps', '-a')).not.toContain('here1');

  await join(host);
  await run(cluster, 'again', 'h3', 'app');
  await cluster.trama('rm', '-f', 'again');
});

test('a removed node is refused from then on, and told so', async () => {
  const host = cluster.host('h1');
  await host.trama('node', 'rm', '--force', 'h3');
  const h3 = lab.hosts.get('h3') as LabHost;
  await eventually('its agent knows', async () => {
    const { stderr } = await h3.trama('ps');
    return /does not know|removed/i.test(stderr);
  });
});
