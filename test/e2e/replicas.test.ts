/** Three servers over an etcd of three members: any of them may die, and nobody notices more than a moment. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { containers, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
const names = ['h1', 'h2', 'h3'];

const networks = async () => (await cluster.json<{ name: string }[]>('network', 'ls')).map(({ name }) => name).sort();

const serversOf = async (name: string): Promise<string[]> => {
  const identity = JSON.parse(await cluster.host(name).readFile('/var/lib/trama/agent/identity.json'));
  return identity.servers.map(({ host }: { host: string }) => host).sort();
};

async function killServer(name: string): Promise<void> {
  const server = cluster.servers.get(name);
  server?.kill('SIGKILL');
  await server?.ended;
}

/** Every server takes every node for ready, and is connected to it. */
const whole = () =>
  eventually('every agent is connected to every server', async () => {
    for (const name of names) {
      const { stdout } = await cluster.host(name).run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:4700/metrics']);
      if (!stdout.includes('\ntrama_connected_nodes 3\n')) return false;
    }
    return true;
  });

/** From the container `cli`, by its engine: no server is asked. */
const ping = (address: string) => cluster.host('h3').docker('exec', 'cli', 'ping', '-c1', '-W2', address);

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: names, servers: 3 });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await run(cluster, 'web', 'h2', 'app', 'httpd', '-f');
  await run(cluster, 'cli', 'h3', 'app');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('every agent knows all servers, and every server every node, whichever was there first', async () => {
  const all = cluster.hosts.map(({ address }) => address).sort();
  for (const name of names) expect(await serversOf(name)).toEqual(all);
  for (const name of names) {
    const nodes = JSON.parse(await cluster.tramaOn(name, 'node', 'ls', '-o', 'json')) as NodeShown[];
    expect(nodes.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready']);
  }
});

test('any server tells which there are, and which of them keeps house', async () => {
  const told: string[] = [];
  for (const name of names) {
    const { servers } = JSON.parse(await cluster.tramaOn(name, 'info', '-o', 'json'));
    expect(servers.map(({ host }: { host: string }) => host)).toEqual(cluster.hosts.map(({ address }) => address));
    const keepers = servers.filter(({ keepsHouse }: { keepsHouse: boolean }) => keepsHouse);
    told.push(keepers.map(({ id }: { id: string }) => id).join());
  }
  expect(new Set(told).size).toBe(1);
  expect(told[0]).toMatch(/^[\d.]+:4701$/);
});

test('each server is killed in turn while people work: nothing is lost, nothing is done twice', async () => {
  await whole();
  const made: string[] = [];
  let going = true;
  /** Each of several people makes a network, and removes every second one. What fails, fails the test. */
  const works = async (host: string, who: string) => {
    for (let number = 0; going; number += 1) {
      const name = `of-${who}-${number}`;
      const subnet = `10.${who === 'a' ? 100 : who === 'b' ? 101 : 102}.${number}.0/24`;
      expect(await cluster.tramaOn(host, 'network', 'create', name, '--subnet', subnet)).toContain(name);
      if (number % 2 === 0) await cluster.tramaOn(host, 'network', 'rm', name);
      else made.push(name);
    }
  };
  const working = Promise.all([works('h1', 'a'), works('h2', 'b'), works('h3', 'c')]);
  // Told at the end.
  working.catch(() => {});
  try {
    for (const name of names) {
      await killServer(name);
      const container = `while-${name}-is-gone`;
      await run(cluster, container, 'h2', 'app');
      const one = (await containers(cluster)).find((each) => each.name === container);
      expect(await ping(one?.networks[0]?.address ?? '')).toContain('1 packets received');
      await cluster.startServer(name);
      await whole();
    }
  } finally {
    going = false;
  }
  await working;
  expect(made.length).toBeGreaterThan(5);
  expect(await networks()).toEqual(['app', ...made].sort());
  expect(await containers(cluster)).toHaveLength(5);
});

test('all but one are killed, each time another one stays: every host is served', async () => {
  for (const stays of names) {
    await whole();
    const others = names.filter((name) => name !== stays);
    await Promise.all(others.map(killServer));
    for (const host of names) {
      const container = `at-${host}-by-${stays}`;
      await cluster.tramaOn(
        host,
        'run',
        '-d',
        '--name',
        container,
        '--node',
        host,
        '--network',
        'app',
        labImage,
        'sleep',
        '1000',
      );
      await cluster.tramaOn(host, 'rm', '-f', container);
    }
    await Promise.all(others.map((name) => cluster.startServer(name)));
  }
  await whole();
});

test('a server that is paused holds nobody up for long, and does nothing twice when it goes on', async () => {
  for (const name of names) {
    const server = cluster.servers.get(name);
    server?.kill('SIGSTOP');
    try {
      for (const host of names) {
        const began = performance.now();
        await cluster.tramaOn(host, 'network', 'create', `${host}-${name}`, '--internal');
        // The command itself, on a busy machine, and its hosts, which take a network within three seconds or later.
        expect(performance.now() - began).toBeLessThan(8000);
      }
    } finally {
      server?.kill('SIGCONT');
    }
    await whole();
    for (const host of names) await cluster.tramaOn(host, 'network', 'rm', `${host}-${name}`);
  }
});

test('a server that is cut off from its etcd is passed over, by its own host too', async () => {
  const h1 = cluster.host('h1');
  const rules = ['add table inet cut', 'add chain inet cut out { type filter hook output priority 0; }'];
  await h1.run(['nft', '-f', '-'], { input: `${rules.join('\n')}\nadd rule inet cut out tcp dport 2379 drop\n` });
  try {
    // Whoever asks it at once waits until its store has not answered for some seconds.
    for (const host of names) await cluster.tramaOn(host, 'network', 'create', `${host}-split`, '--internal');
    const began = performance.now();
    for (const host of names) await cluster.tramaOn(host, 'network', 'rm', `${host}-split`);
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await networks()).filter((name) => name.endsWith('-split'))).toEqual([]);
  } finally {
    await h1.run(['nft', 'delete', 'table', 'inet', 'cut']);
  }
  await eventually('its store answers it again', async () => {
    const { stdout } = await h1.run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:4700/readyz']);
    return stdout.includes('ready');
  });
});

test('with all servers dead: traffic, names, ports, and containers on known networks; back, they know of these', async () => {
  const [h1, h2, h3] = names.map((name) => cluster.host(name));
  await h2?.docker(
    'run',
    '-d',
    '--name',
    'shown',
    '--network',
    'app',
    '-p',
    '8080:80',
    labImage,
    'httpd',
    '-f',
    '-h',
    '/etc',
  );
  await Promise.all(names.map(killServer));
  const web = (await h2?.docker('inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}}', 'web')) ?? '';
  expect(await ping(web)).toContain('1 packets received');
  expect(await h3?.docker('exec', 'cli', 'ping', '-c1', '-W2', 'web')).toContain('1 packets received');
  expect((await h1?.run(['busybox', 'wget', '-qO-', `http://${h2?.address}:8080/hostname`]))?.code).toBe(0);
  await h3?.docker('run', '-d', '--name', 'later', '--network', 'app', labImage, 'sleep', '1000');
  expect(await h3?.docker('exec', 'later', 'ping', '-c1', '-W2', web)).toContain('1 packets received');
  const refused = await h1?.trama('network', 'create', 'more');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^trama: no server answers/) });
  // An agent that is restarted meanwhile, and then finds the only one there is: not the one that it knew first.
  const agent = cluster.agents.get('h3');
  agent?.kill('SIGKILL');
  await agent?.ended;
  await cluster.startAgent('h3');
  await h3?.docker('run', '-d', '--name', 'much-later', '--network', 'app', labImage, 'sleep', '1000');
  await cluster.startServer('h2');
  await eventually('the server knows what was started without it', async () => {
    const known = (await containers(cluster)).map(({ name }) => name);
    return known.includes('later') && known.includes('much-later');
  });
  await cluster.tramaOn('h3', 'network', 'create', 'more');
  await Promise.all(['h1', 'h3'].map((name) => cluster.startServer(name)));
  await whole();
});

test('a server comes up on another port: agents go there, and try the former for a while', async () => {
  await killServer('h1');
  const store = cluster.etcd?.url ?? '';
  const moved = await cluster
    .host('h1')
    .startServer(['--store', store, '--requests-port', '4801', '--feed-port', '4802']);
  cluster.servers.set('h1', moved);
  await whole();
  await Promise.all(['h2', 'h3'].map(killServer));
  await cluster.tramaOn('h2', 'network', 'create', 'by-the-moved-one');
  await Promise.all(['h2', 'h3'].map((name) => cluster.startServer(name)));
});
