/** A routed network of hosts in two LANs, with a router between them that has routes to their blocks. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { spawn } from '../../src/platform/platform.ts';
import { type Container, inNamespaceOf } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

/** The router's own addresses, and the second host's, which is in the other LAN. */
const [near, far, second] = ['10.99.0.1', '10.98.0.1', '10.98.0.12'];

/** On the router: the lab's own, which joins the LANs of hosts' first and second interfaces. */
const onRouter = (...argv: [string, ...string[]]) =>
  spawn({ argv: ['ip', 'netns', 'exec', `tl${lab.session}-underlay`, ...argv] });

async function router(line: string): Promise<void> {
  const { code, stderr } = await onRouter('ip', ...line.split(' '));
  expect(code, stderr).toBe(0);
}

interface NetworkShown {
  readonly nodes: readonly { readonly node: string; readonly gateway: string; readonly blocks: readonly string[] }[];
}

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, {
    hosts: ['h1', 'h2'],
    hostOptions: (name) => (name === 'h2' ? { second } : {}),
    // Before anything of Trama's: h2 is in the second LAN alone.
    serverArguments: async (hosts) => {
      const host = hosts.find(({ name }) => name === 'h2');
      for (const line of ['addr flush dev eth0', 'link set eth0 down', `route add default via ${far} dev eth1`])
        await host?.output(['ip', ...line.split(' ')]);
      return [];
    },
  });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const addressOf = async (name: string): Promise<string> =>
  (await cluster.json<Container>('inspect', name)).networks[0]?.address ?? '';

const run = (name: string, node: string, ...more: string[]) =>
  cluster.trama('run', '-d', '--name', name, '--node', node, '--network', 'far', ...more, labImage, 'httpd', '-f');

/** As the router's keeper would: what `network inspect` lists, by way of the node that has it. */
async function teachRouter(): Promise<void> {
  const { nodes } = await cluster.json<NetworkShown>('network', 'inspect', 'far');
  expect(nodes.map(({ node }) => node).sort()).toEqual(['h1', 'h2']);
  for (const { node, blocks } of nodes) {
    expect(blocks.length, node).toBeGreaterThan(0);
    for (const block of blocks)
      await router(`route replace ${block} via ${node === 'h1' ? cluster.host('h1').address : second}`);
  }
}

const pings = (from: string, on: string, to: string): Promise<boolean> =>
  cluster
    .host(on)
    .docker('exec', from, 'ping', '-c1', '-W2', to)
    .then(
      (said) => said.includes('1 packets received'),
      () => false,
    );

test('containers reach one another both ways, by name, by way of the router, and so do hosts', async () => {
  await cluster.trama('network', 'create', 'far', '--driver', 'routed', '--via', `${near},${far}`);
  await run('c1', 'h1');
  await run('c2', 'h2', '-p', '8080:80');
  await teachRouter();
  for (const [host, gateway] of [
    ['h1', near],
    ['h2', far],
  ] as const)
    await eventually(`${host} has a route`, async () =>
      (await cluster.host(host).output(['ip', 'route', 'show', 'proto', '84'])).includes(` via ${gateway} `),
    );
  expect(await pings('c1', 'h1', 'c2')).toBe(true);
  expect(await pings('c2', 'h2', 'c1')).toBe(true);
  const inside = await inNamespaceOf(cluster.host('h1'), 'c1');
  const hops = await inside('busybox', 'traceroute', '-n', '-q1', '-w1', '-m6', await addressOf('c2'));
  expect(hops.stdout).toMatch(new RegExp(`^ 2  ${near.replaceAll('.', '\\.')} `, 'm'));
  for (const host of ['h1', 'h2'])
    for (const name of ['c1', 'c2'])
      expect((await cluster.host(host).run(['ping', '-c1', '-W2', await addressOf(name)])).code, host).toBe(0);
});

test('a published port is reached from the other LAN, by hosts and by containers', async () => {
  const asks = ['busybox', 'nc', '-w', '2', second, '8080'] as const;
  await eventually('it listens', async () => (await cluster.host('h1').run([...asks])).code === 0);
  const inside = await inNamespaceOf(cluster.host('h1'), 'c1');
  expect((await inside(...asks)).code).toBe(0);
});

test('what the router delivers is let in from that network alone', async () => {
  const { nodes } = await cluster.json<NetworkShown>('network', 'inspect', 'far');
  const gateway = nodes.find(({ node }) => node === 'h2')?.gateway ?? '';
  expect((await cluster.host('h1').run(['ping', '-c1', '-W2', gateway])).code).toBe(0);
  for (const address of [await addressOf('c1'), await addressOf('c2'), gateway])
    expect((await onRouter('ping', '-n', '-c1', '-W1', address)).code, address).toBe(1);
});

test('to a host that is lost no routes lead, until it is back', async () => {
  const toward = async () => (await cluster.host('h1').output(['ip', 'route', 'show', 'proto', '84'])).includes(near);
  expect(await toward()).toBe(true);
  await router('link set h2-lan down');
  await eventually('its routes are gone', async () => !(await toward()), 20_000);
  await router('link set h2-lan up');
  // The link took the way out with it, which is whoever's it was.
  await cluster.host('h2').output(['ip', 'route', 'replace', 'default', 'via', far, 'dev', 'eth1']);
  await eventually('they are back', toward, 20_000);
  await eventually('traffic, too', () => pings('c1', 'h1', 'c2'), 20_000);
  expect(await pings('c2', 'h2', 'c1')).toBe(true);
});

test('a host that has no router of the network in its LAN is refused, with what to do', async () => {
  await cluster.trama('network', 'create', 'half', '--driver', 'routed', '--via', near);
  const why = /router 10\.99\.0\.1 is not in the LAN of node h2, 10\.98\.0\.0\/24: .* --via 10\.99\.0\.1,ADDRESS/;
  const half = ['--name', 'lost', '--network', 'half', labImage, 'true'];
  await expect(cluster.trama('run', '--node', 'h2', ...half)).rejects.toThrow(why);
  await expect(cluster.host('h2').docker('run', ...half)).rejects.toThrow(why);
  await cluster.trama('run', '-d', '--name', 'near', '--network', 'half', labImage, 'httpd', '-f');
  expect((await cluster.json<Container>('inspect', 'near')).node).toBe('h1');
});
