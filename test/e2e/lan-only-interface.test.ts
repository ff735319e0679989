/** A LAN that is the underlay itself: the hosts' only interface gives up its place, and nobody notices. */
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
import { type Container, inNamespaceOf, monitorOf, type NodeShown } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let neighbour: LabHost;

const hosts = ['h1', 'h2'];
const before = new Map<string, unknown>();

beforeAll(async () => {
  lab = await createLab();
  neighbour = await lab.host('n1', { docker: false });
  cluster = await startCluster(lab, { hosts });
  // More than a lab's host has by itself.
  for (const [i, name] of hosts.entries()) {
    const extra = [
      `ip addr add 10.99.0.${200 + i}/24 label eth0:1 dev eth0`,
      `ip addr add 192.0.2.${200 + i}/32 dev eth0`,
      `ip -6 addr add fd99::${i + 1}/64 dev eth0 nodad`,
      'ip route add 203.0.113.0/24 via 10.99.0.1 dev eth0 metric 50 table 100',
      `ip route add 203.0.114.0/24 via 10.99.0.1 dev eth0 src 10.99.0.${200 + i} mtu 1400`,
      'ip -6 route add default via fd99::ff dev eth0',
      'ip rule add from 192.0.2.0/24 lookup 100',
      'ip neigh add 10.99.0.250 lladdr 02:00:00:00:00:fa dev eth0 nud permanent',
    ];
    await cluster.host(name).output(['sh', '-ec', extra.join('\n')]);
  }
  for (const network of ['app', 'group'])
    await cluster.trama('network', 'create', network, ...(network === 'group' ? ['--discovery', 'multicast'] : []));
  await cluster.trama('network', 'create', 'fast', '--driver', 'routed');
  for (const network of ['app', 'group', 'fast'])
    for (const [i, name] of hosts.entries()) await run(`${network}-${i + 1}`, name, network);
  // What the overlays need is there before and after.
  for (const name of hosts) before.set(name, await stateOf(name));
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const run = (name: string, node: string, network: string, ...more: string[]) =>
  cluster.trama('run', '-d', '--name', name, '--node', node, '--network', network, ...more, labImage, 'httpd', '-f');

/** Everything but what counts or passes by itself, and what is Trama's own. */
async function stateOf(name: string): Promise<unknown> {
  const host = cluster.host(name);
  const listings = [
    ['-d', 'addr'],
    ['-d', 'route', 'show', 'table', 'all'],
    ['rule'],
    ['neigh', 'show', 'nud', 'permanent'],
  ];
  const texts = await Promise.all(listings.map((each) => host.output(['ip', '-j', ...each] as never)));
  return texts.map((text) => {
    const all = JSON.parse(text || '[]', (key, value) =>
      key.endsWith('_timer') || ['tentative', 'link_index', 'ifindex'].includes(key) ? undefined : value,
    ) as { ifname?: string; dev?: string; protocol?: string }[];
    return all.filter(
      ({ ifname = '', dev = '', protocol }) => !/^tr/.test(ifname) && !/^tr/.test(dev) && protocol !== '84',
    );
  });
}

const addressOf = async (name: string): Promise<string> =>
  (await cluster.json<Container>('inspect', name)).networks[0]?.address ?? '';

async function pings(host: LabHost, to: string, container?: string): Promise<boolean> {
  const ping = ['ping', '-n', '-c1', '-W1', to] as const;
  if (container === undefined) return (await host.run([...ping])).code === 0;
  return (await (await inNamespaceOf(host, container))(...ping)).code === 0;
}

/** Longest silence, in ms, that something hears which asks every 10 ms while `act` goes on. */
async function silence(from: LabHost, to: string, act: () => Promise<unknown>): Promise<number> {
  const pinging = await from.start(['ping', '-n', '-D', '-i', '0.01', to], { name: 'ping' });
  await eventually('it is answered', async () => (await pinging.output()).includes('bytes from'));
  await act();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const until = Date.now();
  pinging.kill('SIGINT');
  await pinging.ended;
  const at = [...(await pinging.output()).matchAll(/^\[([\d.]+)\] \d+ bytes from/gm)].map(
    ([, time]) => Number(time) * 1000,
  );
  return Math.max(...[...at.slice(1), until].map((time, i) => time - (at[i] ?? time)));
}

const between = async (): Promise<boolean> => {
  const ways = await Promise.all(
    ['app', 'group', 'fast'].map(async (network) =>
      pings(cluster.host('h1'), await addressOf(`${network}-2`), `${network}-1`),
    ),
  );
  return ways.every(Boolean);
};

const createOffice = () => {
  const where = ['--parent', 'eth0', '--range', '10.99.0.128/26'];
  return cluster.trama('network', 'create', 'office', '--driver', 'lan', ...where);
};

test('the interface gives up its place within milliseconds: who pings the host, and who is connected to it, goes on', async () => {
  expect(await between()).toBe(true);
  await createOffice();
  const [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
  await using listener = await h1.start(['socat', 'TCP-LISTEN:7007,reuseaddr', 'EXEC:cat'], { name: 'socat' });
  await eventually('it listens', async () => (await h1.output(['ss', '-Htln', 'sport = :7007'])) !== '');
  const talk = 'i=0; while [ $i -lt 4000 ]; do echo $i; i=$((i+1)); sleep 0.05; done';
  await using client = await neighbour.start(['sh', '-c', `(${talk}) | socat -t5 - TCP:${h1.address}:7007`], {
    name: 'client',
  });
  const numbers = async () => (await client.output()).match(/^\d+$/gm)?.length ?? 0;
  await eventually('they talk', async () => (await numbers()) > 5);
  const longest = await silence(neighbour, h1.address, async () => {
    await run('c1', 'h1', 'office');
    await run('c2', 'h2', 'office');
  });
  expect(longest).toBeLessThan(1000);
  expect(await h1.output(['ip', '-o', '-4', 'addr', 'show', 'eth0'])).toBe('');
  expect(await h1.output(['ip', 'route', 'show', 'default'])).toMatch(/default via 10\.99\.0\.1 dev trl/);
  const said = await numbers();
  await eventually('they still talk', async () => (await numbers()) > said + 10).catch(async (cause: unknown) => {
    const ends = await Promise.all([client, listener].map(async (each) => (await each.output()).slice(-200)));
    const sockets = await Promise.all([neighbour, h1].map((each) => each.output(['ss', '-tnoi'])));
    throw new Error([...ends, ...sockets].join('\n--\n'), { cause });
  });
  const nodes = await cluster.json<NodeShown[]>('node', 'ls');
  expect(nodes.map(({ status }) => status)).toEqual(['ready', 'ready']);
  expect(await pings(neighbour, await addressOf('c1'))).toBe(true);
  expect(await pings(h2, await addressOf('c1'), 'c2')).toBe(true);
  expect(await pings(h1, await addressOf('c1'))).toBe(true);
  expect(await h1.docker('exec', 'c1', 'ping', '-c1', '-W2', 'c2')).toContain('1 packets received');
  void listener;
});

test('networks that go by it go on, by registry, by a group, and by routes', async () => {
  await eventually('all of them', between, 10_000);
  const h1 = cluster.host('h1');
  await eventually('routes lead by where the host is now', async () =>
    /via 10\.99\.0\.\d+ dev trl/.test(await h1.output(['ip', 'route', 'show', 'proto', '84'])),
  );
  const multicast = await h1.output(['sh', '-c', 'ip -n trama -d -o link show type vxlan']);
  expect(multicast).toContain('group 239.');
  // New ones, too.
  await run('late', 'h2', 'app');
  expect(await pings(h1, await addressOf('late'), 'app-1')).toBe(true);
  await cluster.trama('rm', '-f', 'late');
});

test('an agent that is killed comes back beside it and changes nothing', async () => {
  await using monitor = await monitorOf(cluster.host('h1'), 'address', 'route', 'link');
  cluster.agents.get('h1')?.kill('SIGKILL');
  await cluster.agents.get('h1')?.ended;
  await cluster.startAgent('h1');
  const ready = async () => (await cluster.json<NodeShown[]>('node', 'ls')).every(({ status }) => status === 'ready');
  await eventually('it is back', ready);
  expect(await pings(neighbour, await addressOf('c1'))).toBe(true);
  expect(await monitor.output()).toBe('');
});

test('when somebody takes the bridge away while no agent runs, the next agent gives the host back what it had', async () => {
  const h2 = cluster.host('h2');
  cluster.agents.get('h2')?.kill('SIGKILL');
  await cluster.agents.get('h2')?.ended;
  const place = (await h2.output(['sh', '-c', 'ls /sys/class/net | grep ^trl'])).trim();
  await h2.output(['ip', 'link', 'del', place]);
  expect(await pings(neighbour, h2.address)).toBe(false);
  await cluster.startAgent('h2');
  await eventually('the host is back', () => pings(neighbour, h2.address), 10_000);
  await eventually('its container too', async () => pings(neighbour, await addressOf('c2')), 10_000);
  await eventually('all of them', between, 15_000);
});

describe('the way back', () => {
  test('of a removed network', async () => {
    await cluster.trama('rm', '-f', 'c1', 'c2');
    const longest = await silence(neighbour, cluster.host('h1').address, async () => {
      await cluster.trama('network', 'rm', 'office');
      await eventually('it is there', async () =>
        /inet /.test(await cluster.host('h1').output(['ip', '-o', 'addr', 'show', 'eth0'])),
      );
    });
    expect(longest).toBeLessThan(1000);
    for (const name of hosts) await expect.poll(() => stateOf(name), { timeout: 10_000 }).toEqual(before.get(name));
    await eventually('all of them', between, 15_000);
  });

  test('of an agent that is killed in the midst of the move, wherever it is then', async () => {
    await createOffice();
    const h2 = cluster.host('h2');
    for (const delay of [150, 250, 350, 450]) {
      const starting = h2.run(
        ['docker', 'run', '--rm', '-d', '--name', 'k', '--network', 'office', labImage, 'sleep', '1000'],
        { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' } },
      );
      await new Promise((resolve) => setTimeout(resolve, delay));
      cluster.agents.get('h2')?.kill('SIGKILL');
      await cluster.agents.get('h2')?.ended;
      expect(await pings(neighbour, h2.address), `killed after ${delay} ms`).toBe(true);
      await cluster.startAgent('h2');
      await starting;
      await h2.run(['docker', 'rm', '-f', 'k'], { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' } });
      expect(await pings(neighbour, h2.address)).toBe(true);
    }
    await cluster.trama('network', 'rm', 'office');
    await expect.poll(() => stateOf('h2'), { timeout: 20_000 }).toEqual(before.get('h2'));
  });

  test('of a host that leaves while it carries a network', async () => {
    await createOffice();
    await run('c3', 'h2', 'office');
    expect(await pings(neighbour, await addressOf('c3'))).toBe(true);
    const h2 = cluster.host('h2');
    expect((await h2.trama('node', 'leave', '--dry-run')).stdout).toContain('ip link set dev eth0 nomaster');
    const longest = await silence(neighbour, h2.address, async () => {
      expect((await h2.trama('node', 'leave', '--force')).code).toBe(0);
    });
    expect(longest).toBeLessThan(1000);
    const [, routes] = (await stateOf('h2')) as [unknown, { dev: string }[]];
    expect(await h2.output(['ip', '-o', 'link'])).not.toMatch(/ tr[a-z]\d/);
    expect(routes).toEqual((before.get('h2') as unknown[])[1]);
    await expect.poll(() => stateOf('h2'), { timeout: 5000 }).toEqual(before.get('h2'));
  });
});
