/** Networks whose hosts are joined by routes: real engines, containers on a bridge and on links of their own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/doctor.ts';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, inNamespaceOf, monitorOf, type NodeShown } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

const networks = [
  ['routed', 'fast', []],
  ['point to point', 'links', ['--attach', 'p2p']],
] as const;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, {
    hosts: ['h1', 'h2'],
  });
  for (const [, name, flags] of networks)
    await cluster.trama('network', 'create', name, '--driver', 'routed', ...flags);
  await cluster.trama('network', 'create', 'over');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const addressOf = async (name: string): Promise<string> =>
  (await cluster.json<Container>('inspect', name)).networks[0]?.address ?? '';

async function pings(from: string, on: string, target: string): Promise<boolean> {
  const inside = await inNamespaceOf(cluster.host(on), from);
  return (await inside('ping', '-c1', '-W1', target)).code === 0;
}

const routesOf = (host: string) => cluster.host(host).output(['ip', 'route', 'show', 'proto', '84']);

describe.each(networks)('%s', (_what, network) => {
  const [a, b, c] = [`${network}-a`, `${network}-b`, `${network}-c`];

  test('containers of trama and of docker reach one another by name, across hosts, at the underlay’s MTU', async () => {
    for (const [name, node] of [
      [a, 'h1'],
      [b, 'h2'],
    ] as const)
      await cluster.trama('run', '-d', '--name', name, '--node', node, '--network', network, labImage, 'httpd', '-f');
    await cluster.host('h1').docker('run', '-d', '--name', c, '--network', network, labImage, 'sleep', '100000');
    for (const [from, on, to] of [
      [a, 'h1', b],
      [b, 'h2', a],
      [c, 'h1', a],
      [b, 'h2', c],
    ] as const) {
      const said = await cluster.host(on).docker('exec', from, 'ping', '-c1', '-W2', to);
      expect(said).toContain('1 packets received');
    }
    const inside = await inNamespaceOf(cluster.host('h1'), a);
    expect((await inside('ping', '-c1', '-W2', '-Mdo', '-s1472', await addressOf(b))).code).toBe(0);
  });

  test('hosts reach them all, and they the other host and its name server', async () => {
    for (const host of ['h1', 'h2'])
      for (const name of [a, b])
        expect((await cluster.host(host).run(['ping', '-c1', '-W2', await addressOf(name)])).code).toBe(0);
    expect(await pings(a, 'h1', cluster.host('h2').address)).toBe(true);
  });

  test('the first hop is the host, by its address in the network', async () => {
    const inside = await inNamespaceOf(cluster.host('h1'), c);
    const gateway = /^default via (\S+)/.exec((await inside('ip', 'route', 'show', 'default')).stdout)?.[1];
    const hops = await inside('busybox', 'traceroute', '-n', '-q1', '-w1', '-m1', await addressOf(b));
    expect(/^ 1 {2}(\S+)/m.exec(hops.stdout)?.[1], hops.stdout).toBe(gateway);
    const way = await cluster.host('h1').output(['ip', 'route', 'get', await addressOf(c)]);
    expect(way).toContain(` src ${gateway} `);
  });

  test('a port published on either host leads there from outside, from the hosts, and from the network', async () => {
    const port = network === 'fast' ? '8081' : '8082';
    await cluster.trama(
      'run',
      '-d',
      '--name',
      `${network}-web`,
      '--node',
      'h2',
      '--network',
      network,
      '-p',
      `${port}:80`,
      labImage,
      'httpd',
      '-f',
    );
    const url = `${cluster.host('h2').address}`;
    const answers = async (inside: (...argv: [string, ...string[]]) => Promise<{ code: number }>) =>
      (await inside('busybox', 'nc', '-w', '2', url, port)).code === 0;
    await eventually('it listens', () => answers((...argv) => cluster.host('h1').run(argv)));
    expect(await answers((...argv) => cluster.host('h2').run(argv))).toBe(true);
    expect((await cluster.host('h2').run(['busybox', 'nc', '-w', '2', '127.0.0.1', port])).code).toBe(0);
    for (const [name, on] of [
      [a, 'h1'],
      [b, 'h2'],
    ] as const)
      expect(await answers(await inNamespaceOf(cluster.host(on), name)), name).toBe(true);
    await cluster.trama('rm', '-f', `${network}-web`);
  });

  test('a route that somebody deletes is there again', async () => {
    const before = await routesOf('h1');
    const [route = ''] = before.split('\n').filter((line) => line.includes(` via ${cluster.host('h2').address} `));
    expect(route).not.toBe('');
    await cluster.host('h1').output(['ip', 'route', 'del', route.split(' ')[0] ?? '']);
    await eventually('it is repaired', async () => (await routesOf('h1')) === before);
  });
});

test('networks do not reach one another', async () => {
  await cluster.trama(
    'run',
    '-d',
    '--name',
    'over-a',
    '--node',
    'h1',
    '--network',
    'over',
    labImage,
    'sleep',
    '100000',
  );
  const tries = [
    ['fast-a', 'links-a'],
    ['links-a', 'fast-a'],
    ['fast-a', 'links-b'],
    ['links-a', 'fast-b'],
    ['over-a', 'fast-b'],
    ['over-a', 'links-a'],
    ['fast-a', 'over-a'],
    ['links-a', 'over-a'],
  ] as const;
  const reached = await Promise.all(tries.map(async ([from, to]) => pings(from, 'h1', await addressOf(to))));
  expect(reached).toEqual(tries.map(() => false));
});

test('an agent that is killed and comes back changes nothing', async () => {
  const before = await Promise.all(['h1', 'h2'].map(routesOf));
  await using monitor = await monitorOf(cluster.host('h1'), 'route');
  const agent = cluster.agents.get('h1');
  agent?.kill('SIGKILL');
  await agent?.ended;
  cluster.agents.set('h1', await cluster.host('h1').startAgent([]));
  await eventually('it is back', async () =>
    (await cluster.json<{ status: string }[]>('node', 'ls')).every(({ status }) => status === 'ready'),
  );
  expect(await pings('fast-a', 'h1', await addressOf('fast-b'))).toBe(true);
  expect(await Promise.all(['h1', 'h2'].map(routesOf))).toEqual(before);
  expect(await monitor.output()).toBe('');
  // Its routes to the other host are no others' that would lead past the network.
  const { events } = await cluster.json<NodeShown>('node', 'inspect', 'h1');
  expect(events.filter(({ kind }) => kind !== 'repair')).toEqual([]);
  const { stdout } = await cluster.host('h1').trama('doctor', '-o', 'json');
  const findings = JSON.parse(stdout) as Finding[];
  expect(findings.filter(({ check, status }) => check === 'routes' && status !== 'pass')).toEqual([]);
});

test('to a host that is lost no routes lead, until it is back', async () => {
  const toward = () => routesOf('h1').then((routes) => routes.includes(cluster.host('h2').address));
  expect(await toward()).toBe(true);
  await cluster.host('h2').cutLink();
  await eventually('its routes are gone', async () => !(await toward()), 10_000);
  await cluster.host('h2').healLink();
  await eventually('they are back', toward, 10_000);
  await eventually('traffic, too', async () => pings('links-a', 'h1', await addressOf('links-b')), 10_000);
});

test('of removed networks nothing stays', async () => {
  for (const [, network] of networks) {
    for (const name of ['a', 'b']) await cluster.trama('rm', '-f', `${network}-${name}`);
    await cluster.host('h1').docker('rm', '-f', `${network}-c`);
  }
  await cluster.trama('rm', '-f', 'over-a');
  for (const network of ['fast', 'links', 'over']) await cluster.trama('network', 'rm', network);
  for (const host of ['h1', 'h2']) {
    await eventually(`${host} is clean`, async () => {
      const links = await cluster.host(host).output(['ip', '-o', 'link']);
      const rules = await cluster.host(host).output(['iptables-save']);
      return (await routesOf(host)) === '' && !/ trg/.test(links) && !rules.includes('-o trg+ -j ACCEPT');
    });
  }
});
