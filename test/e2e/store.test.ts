/**
 * A cluster that moves from SQLite to an etcd and back, and one that is restored from a backup of before half of it was made. What
 * counts is seen from outside: by the hosts' engines, in the containers' namespaces, by packets.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type Started,
  startCluster,
  untilReady,
  untilThere,
} from '../../src/lab/lab.ts';
import { containers, type NodeShown, run } from './steps.ts';

interface NetworkShown {
  readonly name: string;
  readonly id: string;
  readonly subnet: string;
  readonly nodes: readonly { readonly node: string; readonly gateway: string; readonly blocks: readonly string[] }[];
}

let lab: Lab;
let cluster: LabCluster;
const hosts = ['h1', 'h2'] as const;
/** The lab's hosts have little of a disk of their own. */
const backup = '/var/lib/trama/cluster.backup';

async function stopServer(): Promise<void> {
  cluster.server.kill('SIGTERM');
  await cluster.server.ended;
}

async function startServer(...words: string[]): Promise<void> {
  cluster.server = await cluster.host('h1').startServer(words);
  await untilThere(cluster.host('h1'), '/run/trama/server.sock', cluster.server);
}

async function shown() {
  const nodes = await cluster.json<NodeShown[]>('node', 'ls');
  const networks = await cluster.json<NetworkShown[]>('network', 'ls');
  return { nodes: nodes.map(({ name }) => name), networks, containers: await containers(cluster) };
}

/** Pings from one container to another, ten times a second, until it is ended. @returns how many answers never came */
async function pinging(host: string, from: string, address: string): Promise<() => Promise<number>> {
  const on = cluster.host(host);
  const pid = (await on.docker('inspect', '-f', '{{.State.Pid}}', from)).trim();
  const ping = await on.start(['nsenter', `--net=/proc/${pid}/ns/net`, 'ping', '-i', '0.1', address], {
    name: `ping-${from}`,
  });
  return async () => {
    ping.kill('SIGINT');
    await ping.ended;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await ping.output()) ?? [];
    expect(Number(sent)).toBeGreaterThan(10);
    return Number(sent) - Number(received);
  };
}

const reaches = (host: string, from: string, address: string): Promise<void> =>
  eventually(`${from} reaches ${address}`, async () =>
    (await cluster.host(host).docker('exec', from, 'ping', '-c1', '-W1', address)).includes('1 packets received'),
  );

async function addressOf(name: string, network: string): Promise<string> {
  const container = (await containers(cluster)).find((each) => each.name === name);
  return container?.networks.find((each) => each.network === network)?.address ?? '';
}

/** Every container's and every node's address and MAC in the cluster's networks, as the hosts' kernels have them. */
async function inKernels(): Promise<{ addresses: string[]; macs: string[] }> {
  const [addresses, macs]: [string[], string[]] = [[], []];
  for (const host of cluster.hosts) {
    const ids = (await host.docker('ps', '-q')).trim().split('\n');
    for (const id of ids) {
      const pid = (await host.docker('inspect', '-f', '{{.State.Pid}}', id)).trim();
      const { stdout } = await host.run(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-j', 'address', 'show', 'up']);
      const links = JSON.parse(stdout) as {
        address: string;
        link_type: string;
        addr_info: { family: string; local: string }[];
      }[];
      for (const { link_type, address, addr_info } of links.filter((link) => link.link_type !== 'loopback')) {
        if (link_type === 'ether') macs.push(address);
        addresses.push(...addr_info.filter(({ family }) => family === 'inet').map(({ local }) => local));
      }
    }
  }
  for (const { nodes } of await cluster.json<NetworkShown[]>('network', 'ls'))
    addresses.push(...nodes.map(({ gateway }) => gateway).filter((gateway) => gateway !== ''));
  return { addresses, macs };
}

const expectEachOnce = (values: readonly string[]) => expect([...values].sort()).toEqual([...new Set(values)].sort());

/** What an engine calls a container that never ended. */
const identities = async (host: string) =>
  (await cluster.host(host).docker('ps', '--no-trunc', '--format', '{{.Names}} {{.ID}}')).trim().split('\n').sort();

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts });
  // Blocks of four: they are used up soon.
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/27');
  await Promise.all(hosts.map((host) => run(cluster, `a-${host}`, host, 'app')));
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('a cluster moves to an etcd and back: nobody joins anew, traffic goes on, all is as it was, what is new works', async () => {
  const first = cluster.host('h1');
  const url = `http://${first.address}:2379`;
  const peer = `http://${first.address}:2380`;
  const etcd: Started = await first.start(
    [
      ...(['etcd', '--name', 'm', '--data-dir', '/var/lib/etcd-of-lab', '--log-level', 'error'] as const),
      ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peer],
      ...['--initial-advertise-peer-urls', peer, '--initial-cluster', `m=${peer}`],
    ],
    { name: 'etcd' },
  );
  const store = `etcd://${first.address}`;
  await eventually('etcd has a leader', async () => {
    const look = ['etcdctl', '--endpoints', url, 'get', 'x'] as const;
    return (await first.run(look, { env: { ETCDCTL_API: '3' } })).code === 0;
  });
  const lost = await pinging('h1', 'a-h1', await addressOf('a-h2', 'app'));
  for (const [at, [from, to]] of [['sqlite', store] as const, [store, 'sqlite'] as const].entries()) {
    const before = await shown();
    const running = await Promise.all(hosts.map(identities));
    const busy = await first.trama('store', 'migrate', '--from', from, '--to', to);
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringMatching(/in use/) });
    await stopServer();
    expect(await cluster.trama('store', 'migrate', '--from', from, '--to', to)).toBe('');
    const former = await first.startServer(['--store', from]);
    await former.ended;
    expect(await former.output()).toMatch(/the cluster has moved from this store to /);
    await startServer('--store', to);
    await untilReady(cluster);
    await expect.poll(shown, { timeout: 20_000 }).toEqual(before);
    await Promise.all(hosts.map((host) => run(cluster, `b${at}-${host}`, host, 'app')));
    await reaches('h1', `b${at}-h1`, await addressOf(`b${at}-h2`, 'app'));
    const { addresses, macs } = await inKernels();
    expectEachOnce(addresses);
    expectEachOnce(macs);
    for (const [index, host] of hosts.entries())
      expect(await identities(host)).toEqual(expect.arrayContaining(running[index] ?? []));
  }
  expect(await lost()).toBe(0);
  etcd.kill('SIGKILL');
  await etcd.ended;
});

test('an older backup is restored: what runs goes on and is known again, no address is there twice', async () => {
  await run(cluster, 'gone', 'h1', 'app');
  await run(cluster, 'stopped', 'h2', 'app');
  expect(await cluster.trama('store', 'backup', backup)).toBe('');
  expect((await cluster.host('h1').run(['stat', '-c', '%a', backup])).stdout.trim()).toBe('600');
  const first = cluster.host('h1');
  await first.run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', '/mnt']);
  const full = await first.trama('store', 'backup', '/mnt/b');
  expect(full).toMatchObject({ code: 1, stdout: '', stderr: 'trama: /mnt/b cannot be used: its disk is full\n' });
  expect((await first.run(['ls', '-A', '/mnt'])).stdout).toBe('');
  for (const [words, sentence] of [
    [['backup', backup], /is there already/],
    [['restore', '/var/lib/trama/none'], /there is no such file/],
    [['restore', '/etc/hostname'], /is no backup of Trama/],
    [['backup', '/none/b'], /there is no such file or directory/],
    [['backup', '--store', `etcd://${first.address}:1`, '/x'], /does not answer/],
    [['backup', '--state', '/var/lib/nowhere', '/x'], /there is no store at/],
  ] as const)
    expect(await first.trama('store', ...words)).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
  // What the backup does not know: a network, containers, and blocks for them.
  const blocksThen = await blocksOf('app');
  await cluster.trama('network', 'create', 'late', '--subnet', '10.43.0.0/24');
  const made = async (host: string) => {
    await run(cluster, `late-${host}`, host, 'late');
    for (const each of ['c', 'd', 'e', 'f']) await run(cluster, `${each}-${host}`, host, 'app');
  };
  await Promise.all(hosts.map(made));
  await cluster.trama('rm', '-f', 'gone');
  await cluster.trama('stop', '-t', '0', 'stopped');
  await eventually('what was removed is gone', async () => (await addressOf('gone', 'app')) === '');
  const blocksNow = await blocksOf('app');
  expect(blocksNow.filter((block) => !blocksThen.includes(block)).length).toBeGreaterThan(0);
  const before = await containers(cluster);
  const running = await Promise.all(hosts.map(identities));
  const lost = [
    await pinging('h1', 'late-h1', await addressOf('late-h2', 'late')),
    await pinging('h2', 'c-h2', await addressOf('c-h1', 'app')),
  ];

  // One host's agent is away while it happens.
  cluster.agents.get('h2')?.kill('SIGKILL');
  await cluster.agents.get('h2')?.ended;
  await stopServer();
  const refused = await cluster.host('h1').trama('store', 'restore', backup);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/the store is not empty/) });
  await cluster.trama('store', 'restore', '--force', backup);
  // And once more, as on another machine: without anything that the server had, its keys included.
  await first.run(['rm', '-rf', '/var/lib/trama/server']);
  await cluster.trama('store', 'restore', backup);
  expect((await first.run(['stat', '-c', '%a', '/var/lib/trama/server/keys.json'])).stdout.trim()).toBe('600');
  await startServer();
  // Nothing is given away that h2 may have.
  await eventually('h1 has told what it has', async () => {
    const { stderr } = await cluster.host('h1').trama('network', 'create', 'other');
    return /h2 has not told yet what is there/.test(stderr) && !/h1/.test(stderr);
  });
  const early = await cluster.host('h1').trama('run', '-d', '--node', 'h1', '--network', 'app', '--name', 'early', 'x');
  expect(early).toMatchObject({ code: 1, stderr: expect.stringMatching(/h2 has not told yet/) });
  cluster.agents.set('h2', await cluster.host('h2').startAgent([]));
  await untilReady(cluster);
  await eventually(
    'the cluster is settled',
    async () => (await cluster.host('h1').trama('network', 'create', 'other', '--subnet', '10.44.0.0/24')).code === 0,
  );

  // Everything that ran is listed with the addresses that it has, and never ended; what was removed since is there again.
  const others = async () => (await containers(cluster)).filter(({ name }) => name !== 'gone');
  await expect.poll(others, { timeout: 20_000 }).toEqual(before);
  for (const [index, host] of hosts.entries())
    expect(await identities(host)).toEqual(expect.arrayContaining(running[index] ?? []));
  await eventually('what was removed after the backup runs again', async () => (await addressOf('gone', 'app')) !== '');
  for (const each of lost) expect(await each()).toBe(0);
  expect(await blocksOf('app')).toEqual(expect.arrayContaining(blocksNow));

  await Promise.all(
    hosts.flatMap((host) => [run(cluster, `new-${host}`, host, 'app'), run(cluster, `new-late-${host}`, host, 'late')]),
  );
  await reaches('h1', 'new-h1', await addressOf('new-h2', 'app'));
  await reaches('h2', 'new-late-h2', await addressOf('late-h1', 'late'));
  await reaches('h1', 'late-h1', await addressOf('new-late-h2', 'late'));
  const { addresses, macs } = await inKernels();
  expectEachOnce(addresses);
  expectEachOnce(macs);
});

async function blocksOf(network: string): Promise<string[]> {
  const found = await cluster.json<NetworkShown>('network', 'inspect', network);
  return found.nodes.flatMap(({ blocks }) => blocks);
}
