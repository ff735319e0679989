/** Nodes that fall silent: fenced and unnamed at once, given up after a while, and right again when they come back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

/** Longer than a node is given by default, on a machine that has other work, too: how long it takes is for the bench to say. Milliseconds. */
const fencedWithin = 20_000;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'], serverArguments: ['--evict-after', '20s'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  for (const [name, node] of [
    ['ca', 'h1'],
    ['cb', 'h2'],
    ['cc', 'h3'],
  ] as const)
    await run(cluster, name, node, 'app');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

type Node = NodeShown & { readonly address: string; readonly reason: string };
const node = (name: string) => cluster.json<Node>('node', 'inspect', name);
const becomes = (name: string, status: string, patience?: number) =>
  eventually(`${name} is ${status}`, async () => (await node(name)).status === status, patience);
const inspect = (name: string) => cluster.json<Container>('inspect', name);
const addressOf = async (name: string) => (await inspect(name)).networks[0]?.address ?? '';

const pings = async (from: string, to: string) =>
  (await cluster.host('h1').trama('exec', from, 'ping', '-c1', '-W1', to)).code === 0;
const isNamed = async (name: string, from = 'cc') =>
  (await cluster.host('h1').trama('exec', from, 'nslookup', '-type=a', name)).code === 0;

/** What the kernel of h3 holds about another host. */
async function knows(host: string): Promise<boolean> {
  const inData = ['nsenter', '--net=/run/netns/trama'] as const;
  const address = cluster.host(host).address;
  const h3 = cluster.host('h3');
  const entries = await h3.output([...inData, 'bridge', 'fdb', 'show']);
  const allowed = await h3.output(['nft', 'list', 'set', 'inet', 'trama', 'vteps']);
  const both = [entries.includes(`dst ${address} `), allowed.includes(` ${address}`)];
  expect(new Set(both).size, `${entries}\n${allowed}`).toBe(1);
  return both[0] ?? false;
}

test('a host that is cut off: its peers fence it and its names go; with the link back all is as it was', async () => {
  const address = await addressOf('cb');
  await eventually('c knows b', async () => (await isNamed('cb')) && (await pings('cc', address)));
  expect(await knows('h2')).toBe(true);
  const h2 = cluster.host('h2');
  await h2.cutLink();
  await eventually('h3 has fenced it', async () => !(await knows('h2')), fencedWithin);
  await eventually('its names are gone', async () => !(await isNamed('cb')), fencedWithin);
  expect(await knows('h1')).toBe(true);
  expect(await isNamed('ca')).toBe(true);
  expect((await node('h2')).reason).toMatch(/answers neither this server nor h1 and h3: it is off, or its link is cut/);
  expect(await inspect('cb')).toMatchObject({ status: 'unknown', message: expect.stringMatching(/h2 is down/) });

  await h2.healLink();
  await eventually('c reaches b', async () => (await isNamed('cb')) && (await pings('cc', address)), fencedWithin);
  expect(await knows('h2')).toBe(true);
  expect(await addressOf('cb')).toBe(address);
  await becomes('h2', 'ready');
  // What happened is told right after what is.
  await eventually('its return is told', async () =>
    (await node('h2')).events.some(({ message }) => message === 'back, with all it had'),
  );
});

test('a paused agent is told apart from a host that is off', async () => {
  const agent = cluster.agents.get('h2');
  if (agent === undefined) throw new Error('h2 has an agent');
  agent.kill('SIGSTOP');
  try {
    await becomes('h2', 'down', fencedWithin);
    expect((await node('h2')).reason).toMatch(/answers, and its agent is connected and says nothing: it is paused/);
    expect(await knows('h2')).toBe(false);
  } finally {
    agent.kill('SIGCONT');
  }
  await becomes('h2', 'ready');
  await eventually(
    'c reaches b',
    async () => (await isNamed('cb')) && (await pings('cc', await addressOf('cb'))),
    10_000,
  );
});

test('an evicted host: what it had is others’; when it is back it takes from its containers what is not its own', async () => {
  const h2 = cluster.host('h2');
  await cluster.trama(
    'run',
    '-d',
    '--name',
    'moved',
    '--node',
    'h2',
    '--network',
    'app',
    '--on-node-loss',
    'reschedule',
    labImage,
    'sleep',
    '100000',
  );
  await h2.docker('run', '-d', '--name', 'taken', '--network', 'app', labImage, 'sleep', '100000');
  await h2.docker('run', '-d', '--name', 'kept', '--network', 'app', labImage, 'sleep', '100000');
  const [taken, kept] = [await addressOf('taken'), await addressOf('kept')];
  await h2.cutLink();
  await becomes('h2', 'evicted');
  await eventually('it runs elsewhere', async () => {
    const { node: where, status } = await inspect('moved');
    return where !== 'h2' && status === 'running';
  });
  const left = await cluster.json<Container[]>('ps', '-a');
  expect(left.filter((each) => each.node === 'h2')).toEqual([]);
  expect(await cluster.host('h1').trama('inspect', 'cb')).toMatchObject({ code: 1 });
  await cluster.trama(
    'run',
    '-d',
    '--name',
    'successor',
    '--node',
    'h3',
    '--network',
    'app',
    '--ip',
    taken,
    labImage,
    'sleep',
    '100000',
  );
  expect(await pings('ca', taken)).toBe(true);

  await h2.healLink();
  await becomes('h2', 'ready');
  const successor = (await inspect('successor')).networks[0];
  expect(successor?.address).toBe(taken);
  expect(await pings('ca', taken)).toBe(true);
  await eventually('it is off the network', async () => {
    const networks = await h2.docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'taken');
    return Object.keys(JSON.parse(networks)).length === 0;
  });
  expect((await node('h2')).events.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(new RegExp(`container taken is off network app: its address ${taken} was given to another`)),
  );
  // What nobody had taken is its own again.
  await eventually('kept is reached', () => pings('ca', kept), fencedWithin);
  expect((await inspect('kept')).node).toBe('h2');
  await eventually('no container of former workloads is left', async () => {
    const names = (await h2.docker('ps', '-a', '--format', '{{.Names}}')).trim().split('\n');
    return !names.includes('cb') && !names.includes('moved');
  });
  await run(cluster, 'anew', 'h2', 'app');
  await eventually('a new one is reached', async () => pings('cc', await addressOf('anew')), fencedWithin);
  const all = (await cluster.json<Container[]>('ps')).flatMap(({ networks }) => networks.map(({ address }) => address));
  expect(new Set(all).size).toBe(all.length);
});
