/** Names across the cluster, asked by unmodified containers of their stock resolver: plain docker on hosts with real engines. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
  untilReady,
  untilThere,
} from '../../src/lab/lab.ts';
import { inNamespaceOf } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

/** Knows example.test, and who asks it. */
const serverAt = (address: string) => `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('${address}', 53))
while True:
    q, who = s.recvfrom(4096)
    i, labels = 12, []
    while q[i]:
        labels.append(q[i+1:i+1+q[i]].decode().lower()); i += q[i] + 1
    name, kind = '.'.join(labels), q[i+2]
    print(name, flush=True)
    known = name == 'example.test' and kind == 1
    head = q[:2] + (b'\\x84\\x80' if name == 'example.test' else b'\\x84\\x83') + b'\\x00\\x01\\x00' + bytes([known]) + b'\\x00\\x00\\x00\\x00' + q[12:i+5]
    s.sendto(head + (b'\\xc0\\x0c\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x04\\xc0\\x00\\x02\\x63' if known else b''), who)
`;
/** The one that the hosts' resolv.conf names. */
let outside: Awaited<ReturnType<LabHost['start']>>;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'] });
  outside = await lab.outside.start(['python3', '-c', serverAt('198.51.100.1')]);
  for (const network of ['app', 'back']) await cluster.trama('network', 'create', network);
  for (const host of cluster.hosts)
    await eventually(`networks on ${host.name}`, async () => {
      const names = (await host.docker('network', 'ls', '--format', '{{.Name}}')).split('\n');
      return ['app', 'back'].every((name) => names.includes(name));
    });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const host = (name: string) => cluster.host(name);

async function run(on: string, name: string, network: string, ...options: string[]): Promise<string> {
  await host(on).docker('run', '-d', '--name', name, '--network', network, ...options, labImage, 'sleep', '100000');
  return addressOf(on, name, network);
}

const addressOf = (on: string, name: string, network: string) =>
  host(on).docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

/** What the container's own resolver answers, sorted; `status` of the answer when there is nothing. */
async function ask(on: string, container: string, ...question: string[]): Promise<string[]> {
  const inside = await inNamespaceOf(host(on), container);
  const { stdout } = await inside(
    'dig',
    '+noall',
    '+answer',
    '+comments',
    '+time=2',
    '+tries=1',
    '@127.0.0.11',
    ...question,
  );
  const answers = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  const last = answers.map((line) => line.split(/\s+/).at(-1)?.replace(/\.$/, '') ?? '').sort();
  return last.length > 0 ? last : [/status: (\w+)/.exec(stdout)?.[1] ?? 'no answer'];
}

async function finds(on: string, container: string, name: string, addresses: string[], patience = 2000) {
  const wanted = addresses.toSorted().join();
  let got: string[] = [];
  await eventually(
    `${name} = ${wanted} in ${container}`,
    async () => {
      got = await ask(on, container, name);
      return got.join() === wanted;
    },
    patience,
  ).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error} It is ${got.join()}.`);
  });
}

/** Tables of Trama's in the container's namespace. */
const tablesIn = async (on: string, container: string) =>
  (await (await inNamespaceOf(host(on), container))('nft', 'list', 'tables')).stdout.match(/trama/g)?.length ?? 0;

let web = '';
let api = '';

describe('containers on different hosts', () => {
  test('find each other by name, with what they have of themselves, at once', async () => {
    web = await run('h1', 'web', 'app', '--network-alias', 'front', '--hostname', 'webhost');
    api = await run('h2', 'api', 'app', '--network-alias', 'front');
    await finds('h1', 'web', 'api', [api], 1000);
    await finds('h2', 'api', 'web', [web], 1000);
    expect(await host('h1').docker('exec', 'web', 'cat', '/etc/resolv.conf')).toContain('nameserver 127.0.0.11');
    const looked = await host('h1').docker('exec', 'web', 'nslookup', 'api');
    expect(looked).toContain(`Address: ${api}`);
    expect(await host('h2').docker('exec', 'api', 'ping', '-c1', '-W2', 'web')).toContain('0% packet loss');
  });

  test('an alias over hosts is all addresses, wherever it is asked for; UDP and TCP', async () => {
    for (const [on, container] of [
      ['h1', 'web'],
      ['h2', 'api'],
    ] as const) {
      await finds(on, container, 'front', [web, api]);
      expect(await ask(on, container, '+tcp', 'front')).toEqual([web, api].sort());
    }
  });

  test('NAME.NETWORK, the suffix, the short id, nodes and PTR', async () => {
    const id = (await host('h2').docker('inspect', '-f', '{{.Id}}', 'api')).slice(0, 12);
    for (const name of ['api.app', 'api.app.trama', 'API.trama', id]) await finds('h1', 'web', name, [api]);
    await finds('h1', 'web', 'h3', [host('h3').address]);
    await finds('h1', 'web', 'h3.node.trama', [host('h3').address]);
    expect(await ask('h1', 'web', '-x', api)).toContain('api.app.trama');
    expect(await ask('h1', 'web', 'nobody.app.trama')).toEqual(['NXDOMAIN']);
  });

  test('AAAA is answered at once, and is no NXDOMAIN', async () => {
    expect(await ask('h1', 'web', 'api', 'AAAA')).toEqual(['NOERROR']);
    const inside = await inNamespaceOf(host('h1'), 'web');
    const { stdout } = await inside('dig', '+noall', '+stats', '@127.0.0.11', 'api', 'AAAA');
    expect(Number(/Query time: (\d+) msec/.exec(stdout)?.[1])).toBeLessThan(1000);
  });

  test('the first question of a process that has just begun is answered', async () => {
    for (let i = 0; i < 5; i += 1) {
      const told = await host('h1').docker('run', '--rm', '--network', 'app', labImage, 'nslookup', 'api.app.trama');
      expect(told).toContain(`Address: ${api}`);
    }
  });

  test('other names go to the host’s servers, or to those of --dns', async () => {
    await finds('h1', 'web', 'example.test', ['192.0.2.99']);
    expect(await ask('h1', 'web', 'unknown.test')).toEqual(['NXDOMAIN']);
    const asked = async () => (await outside.output()).split('\n');
    expect(await asked()).toContain('unknown.test');
    await run('h1', 'elsewhere', 'app', '--dns', '198.51.100.77');
    await finds('h1', 'elsewhere', 'api', [api]);
    expect(await ask('h1', 'elsewhere', 'private.test')).not.toEqual(['NXDOMAIN']);
    expect(await asked()).not.toContain('private.test');
    await host('h1').docker('rm', '-f', 'elsewhere');
  });

  test('a link is a name to its container alone, also over hosts, and to its first process at once', async () => {
    const linked = await run('h1', 'linked', 'app', '--link', 'api:store', '--link', 'api');
    for (const name of ['store', 'store.app', 'api']) await finds('h1', 'linked', name, [api]);
    expect(await ask('h1', 'web', 'store')).toEqual(['NXDOMAIN']);
    await finds('h2', 'api', 'linked', [linked]);
    await host('h1').docker('rm', '-f', 'linked');
    await host('h1').docker('network', 'connect', '--link', 'api:later', 'back', 'web');
    await run('h2', 'api2', 'back', '--network-alias', 'api');
    await finds('h1', 'web', 'later', [await addressOf('h2', 'api2', 'back')]);
    await host('h1').docker('network', 'disconnect', 'back', 'web');
    await host('h2').docker('rm', '-f', 'api2');
    for (let i = 0; i < 5; i += 1) {
      const options = ['--rm', '--network', 'app', '--link', 'api:store'];
      expect(await host('h1').docker('run', ...options, labImage, 'nslookup', 'store')).toContain(`Address: ${api}`);
    }
  });

  test('--dns 127.0.0.1 is the container’s own loopback, and never the host’s', async () => {
    await using host1 = await host('h1').start(['python3', '-c', serverAt('127.0.0.1')]);
    await run('h1', 'served', 'app', '--dns', '127.0.0.1');
    const pid = await host('h1').docker('inspect', '-f', '{{.State.Pid}}', 'served');
    await eventually('Docker answers', async () => (await tablesIn('h1', 'served')) === 0, 5000);
    await using inside = await host('h1').start([
      'nsenter',
      `--net=/proc/${pid}/ns/net`,
      'python3',
      '-c',
      serverAt('127.0.0.1'),
    ]);
    await finds('h1', 'served', 'example.test', ['192.0.2.99'], 5000);
    await finds('h1', 'served', 'web', [web]);
    expect(await inside.output()).toContain('example.test');
    expect(await host1.output()).not.toContain('example.test');
    await host('h1').docker('rm', '-f', 'served');
  });

  test('a name is gone within 2 s of its container’s end, and follows a rename', async () => {
    const brief = await run('h2', 'brief', 'app', '--network-alias', 'front');
    await finds('h1', 'web', 'front', [web, api, brief]);
    await host('h2').docker('rename', 'brief', 'short');
    await finds('h1', 'web', 'short', [brief]);
    await host('h2').docker('kill', 'short');
    await finds('h1', 'web', 'front', [web, api]);
    expect(await ask('h1', 'web', 'short.app.trama')).toEqual(['NXDOMAIN']);
    await host('h2').docker('rm', 'short');
  });
});

describe('networks', () => {
  test('what is on another network is not found, until one joins it; who leaves it finds it no more', async () => {
    const store = await run('h2', 'store', 'back');
    await finds('h2', 'store', 'store', [store]);
    expect(await ask('h1', 'web', 'store.back.trama')).toEqual(['NXDOMAIN']);
    expect(await ask('h1', 'web', 'store')).toEqual(['NXDOMAIN']);
    expect(await ask('h1', 'web', '-x', store)).toEqual(['NXDOMAIN']);
    await host('h1').docker('network', 'connect', 'back', 'web');
    await finds('h1', 'web', 'store', [store]);
    await finds('h1', 'web', 'api', [api]);
    await finds('h2', 'store', 'web', [await addressOf('h1', 'web', 'back')]);
    // The one that answered it until now.
    await host('h1').docker('network', 'disconnect', 'app', 'web');
    await finds('h1', 'web', 'store', [store]);
    expect(await ask('h1', 'web', 'api')).toEqual(['NXDOMAIN']);
    await host('h1').docker('network', 'connect', '--alias', 'front', 'app', 'web');
    web = await addressOf('h1', 'web', 'app');
    await finds('h1', 'web', 'api', [api]);
    await host('h1').docker('network', 'disconnect', 'back', 'web');
    await finds('h1', 'web', 'front', [web, api]);
    expect(await ask('h1', 'web', 'store')).toEqual(['NXDOMAIN']);
  });

  test('an internal network has names, and no way out by them', async () => {
    await cluster.trama('network', 'create', 'shut', '--internal');
    await eventually('network shut', async () => (await host('h3').docker('network', 'ls')).includes('shut'));
    const inside = await run('h3', 'inside', 'shut');
    await finds('h3', 'inside', 'inside', [inside]);
    expect(await ask('h3', 'inside', 'secret.test')).toEqual(['REFUSED']);
    expect((await outside.output()).includes('secret.test')).toBe(false);
    await host('h3').docker('rm', '-f', 'inside');
  });

  test('a network that stays on each host has the names of that host', async () => {
    await cluster.trama('network', 'create', 'near', '--driver', 'bridge');
    for (const on of ['h2', 'h3'])
      await eventually('network near', async () => (await host(on).docker('network', 'ls')).includes('near'));
    const here = await run('h3', 'here', 'near');
    await run('h2', 'there', 'near');
    await finds('h3', 'here', 'here.near', [here]);
    expect(await ask('h3', 'here', 'there')).toEqual(['NXDOMAIN']);
    await host('h3').docker('rm', '-f', 'here');
    await host('h2').docker('rm', '-f', 'there');
  });

  test('a container on a network of Docker’s own, too, finds both', async () => {
    await host('h1').docker('network', 'create', 'own');
    const cache = await run('h1', 'cache', 'own', '--network-alias', 'redis');
    await host('h1').docker('network', 'connect', 'own', 'web');
    for (const name of ['cache', 'redis', 'cache.own']) await finds('h1', 'web', name, [cache]);
    await finds('h1', 'web', 'api', [api]);
    // Off Trama's network its questions are Docker's again.
    await host('h1').docker('network', 'connect', 'app', 'cache');
    await finds('h1', 'cache', 'api', [api]);
    expect(await tablesIn('h1', 'cache')).toBe(1);
    await host('h1').docker('network', 'disconnect', 'app', 'cache');
    await eventually('the table is gone', async () => (await tablesIn('h1', 'cache')) === 0, 5000);
    expect(await ask('h1', 'cache', 'redis')).toEqual([cache]);
    await host('h1').docker('rm', '-f', 'cache');
    await finds('h1', 'web', 'cache', ['NXDOMAIN']);
    await host('h1').docker('network', 'disconnect', 'own', 'web');
    await host('h1').docker('network', 'rm', 'own');
  });
});

describe('while something is down', () => {
  test('no server answers: known names are found, new ones of this host too, also after the agent was killed', async () => {
    cluster.server.kill('SIGKILL');
    await cluster.server.ended;
    await finds('h1', 'web', 'api', [api]);
    const late = await run('h1', 'late', 'app');
    await finds('h1', 'web', 'late', [late]);
    const saved = () => host('h1').output(['sh', '-c', 'grep -l api /var/lib/trama/agent/topics/*']);
    await eventually(
      'what is known of other nodes is on disk',
      async () => (await saved()).includes('network'),
      10_000,
    );
    await restartAgent('h1');
    await finds('h1', 'web', 'late', [late], 5000);
    await finds('h1', 'web', 'front', [web, api]);
    await finds('h1', 'web', 'web', [web]);
    cluster.server = await host('h1').startServer();
    await untilThere(host('h1'), '/run/trama/server.sock', cluster.server);
    await untilReady(cluster);
    await finds('h2', 'api', 'late', [late], 10_000);
    await host('h1').docker('rm', '-f', 'late');
  });

  test('the agent is killed and comes back: names are found, what ended meanwhile is not', async () => {
    await run('h2', 'doomed', 'app');
    await eventually('doomed is known', async () => (await ask('h1', 'web', 'doomed'))[0] !== 'NXDOMAIN');
    await restartAgent('h2', () => host('h2').docker('kill', 'doomed'));
    await finds('h2', 'api', 'doomed', ['NXDOMAIN'], 5000);
    await finds('h1', 'web', 'doomed', ['NXDOMAIN'], 5000);
    await finds('h2', 'api', 'web', [web], 5000);
    await finds('h2', 'api', 'front', [web, api], 5000);
  });

  test('a container restarts, and so does dockerd', async () => {
    await host('h2').docker('restart', '-t', '0', 'api');
    api = await addressOf('h2', 'api', 'app');
    await finds('h1', 'web', 'front', [web, api]);
    await finds('h2', 'api', 'web', [web]);
    await host('h2').docker('update', '--restart', 'always', 'api');
    await host('h2').restartDocker();
    await eventually('api runs again', async () => (await addressOf('h2', 'api', 'app')) !== '');
    api = await addressOf('h2', 'api', 'app');
    await finds('h2', 'api', 'web', [web], 5000);
    await finds('h1', 'web', 'api', [api], 5000);
  });
});

test('a host that leaves keeps nothing of it', async () => {
  await host('h1').docker('rm', '-f', 'web');
  const left = await host('h1').trama('node', 'leave', '--force');
  expect(left).toMatchObject({ code: 0 });
  const sockets = await host('h1').output(['ss', '-Hlnu', 'sport = :53']);
  expect(sockets.split('\n').filter((line) => line.includes('10.'))).toEqual([]);
});

/** @param meanwhile what happens while it is down. */
async function restartAgent(on: string, meanwhile?: () => Promise<unknown>): Promise<void> {
  const agent = cluster.agents.get(on);
  agent?.kill('SIGKILL');
  await agent?.ended;
  await host(on).output(['rm', '-f', '/run/docker/plugins/trama.sock']);
  // The engine tells the plugin, and asks again until it is there.
  const done = meanwhile?.();
  const again = await host(on).startAgent();
  cluster.agents.set(on, again);
  await untilThere(host(on), '/run/docker/plugins/trama.sock', again);
  await done;
}
