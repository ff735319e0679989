/** Containers in the hosts' own LAN: real engines on hosts with a second interface, in it or only plugged in, and a stranger there. */
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
/** Another machine in the LAN, of no cluster. */
let neighbour: LabHost;

/** h2's interface has no address there; h3 has none at all. */
const second: Readonly<Record<string, string>> = { h1: '10.98.0.11', h2: '' };
const router = '10.98.0.1';

/** What `ip` says of the hosts before anything was in the LAN. */
const before = new Map<string, unknown>();

beforeAll(async () => {
  lab = await createLab();
  neighbour = await lab.host('n1', { docker: false, second: '10.98.0.50' });
  cluster = await startCluster(lab, {
    hosts: ['h1', 'h2', 'h3'],
    hostOptions: (name) => (name === 'h3' ? { docker: false } : { second: second[name] ?? '' }),
  });
  for (const name of ['h1', 'h2']) before.set(name, await stateOf(name));
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** Everything but what counts or passes by itself. */
async function stateOf(name: string): Promise<unknown> {
  const host = cluster.host(name);
  const listings = [
    ['-d', 'addr'],
    ['-d', 'route', 'show', 'table', 'all'],
    ['rule'],
    ['neigh', 'show', 'nud', 'permanent'],
  ];
  const texts = await Promise.all(listings.map((each) => host.output(['ip', '-j', ...each] as never)));
  return texts.map((text) =>
    JSON.parse(text || '[]', (key, value) => (key.endsWith('_timer') || key === 'tentative' ? undefined : value)),
  );
}

const addressOf = async (name: string): Promise<string> =>
  (await cluster.json<Container>('inspect', name)).networks[0]?.address ?? '';

const web = (name: string, node: string, network: string, ...more: string[]) =>
  cluster.trama('run', '-d', '--name', name, '--node', node, '--network', network, ...more, labImage, 'httpd', '-f');

async function pings(host: LabHost, to: string, container?: string): Promise<boolean> {
  const ping = ['ping', '-n', '-c1', '-W1', to] as const;
  if (container === undefined) return (await host.run([...ping])).code === 0;
  return (await (await inNamespaceOf(host, container))(...ping)).code === 0;
}

const says = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: Error) => error.message,
  );

const create = (name: string, ...flags: string[]) =>
  cluster.trama('network', 'create', name, '--driver', 'lan', ...flags);

/** On one host, then on the other: it says nothing of itself, the switch remembers it, and the neighbour asks nobody where it is. */
async function isFoundAfterItMoved(network: string): Promise<void> {
  const address = '10.98.0.76';
  const quiet = (node: string) =>
    cluster.trama(
      ...['run', '-d', '--name', 'moves', '--node', node, '--network', network, '--ip', address],
      ...[labImage, 'sleep', '100000'],
    );
  await quiet('h1');
  const { networks } = await cluster.json<Container>('inspect', 'moves');
  const entry = [address, 'lladdr', networks[0]?.mac ?? '', 'dev', 'eth1', 'nud', 'permanent'];
  await neighbour.output(['ip', 'neigh', 'replace', ...entry] as never);
  await eventually('it is found on h1', () => pings(neighbour, address), 10_000);
  await cluster.trama('rm', '-f', 'moves');
  await quiet('h2');
  await eventually('it is found on h2', () => pings(neighbour, address), 10_000);
  await neighbour.output(['ip', 'neigh', 'del', address, 'dev', 'eth1']);
  await cluster.trama('rm', '-f', 'moves');
}

describe('what makes no sense is refused with a sentence', () => {
  test.each([
    ['an unknown parent', ['--parent', 'eth7', '--subnet', '10.98.0.0/24'], /no node has an interface eth7/],
    ['no parent', ['--subnet', '10.98.0.0/24'], /name it with --parent/],
    ['another subnet', ['--parent', 'eth1', '--subnet', '10.97.0.0/24', '--gateway', '10.97.0.1'], undefined],
    [
      'a range outside the subnet',
      ['--parent', 'eth1', '--subnet', '10.98.0.0/24', '--range', '10.97.0.0/26'],
      /range 10\.97\.0\.0\/26 is not in subnet/,
    ],
    [
      'a gateway outside the subnet',
      ['--parent', 'eth1', '--subnet', '10.98.0.0/24', '--gateway', '10.97.0.1'],
      /gateway 10\.97\.0\.1 is not in subnet/,
    ],
    ['a VNI', ['--parent', 'eth1', '--vni', '77'], /has no VNI/],
    ['discovery', ['--parent', 'eth1', '--discovery', 'multicast'], /no others to discover/],
    ['another driver’s option', ['--parent', 'eth1', '--attach', 'p2p'], /"attach" is not an option of driver lan/],
    ['an unknown mode', ['--parent', 'eth1', '--mode', 'vepa'], /it is bridge or macvlan/],
  ])('%s', async (_what, flags, sentence) => {
    if (sentence === undefined) {
      // h2 has no address there that would say otherwise; h1, which has, does not take it.
      await create('elsewhere', ...flags);
      expect(await says(web('wrong', 'h1', 'elsewhere'))).toMatch(
        /eth1 of node h1 is in 10\.98\.0\.0\/24, not in 10\.97\.0\.0\/24/,
      );
      await cluster.trama('network', 'rm', 'elsewhere');
    } else expect(await says(create('wrong', ...flags))).toMatch(sentence);
  });

  test('a parent for other drivers, and a parent that another network has', async () => {
    expect(await says(cluster.trama('network', 'create', 'wrong', '--parent', 'eth1'))).toContain(
      '"parent" is not an option of driver overlay',
    );
    await create(
      'office',
      '--parent',
      'eth1',
      '--subnet',
      '10.98.0.0/24',
      '--range',
      '10.98.0.128/26',
      '--gateway',
      router,
    );
    expect(await says(create('wrong', '--parent', 'eth1', '--subnet', '10.98.0.0/24'))).toContain(
      'eth1 is the parent of network office already',
    );
  });

  test('a host without the parent, for Trama and for placement', async () => {
    expect(await says(web('wrong', 'h3', 'office'))).toContain(
      'network office is not to be had there: node h3 has no interface eth1',
    );
    for (const name of ['p1', 'p2', 'p3']) {
      await cluster.trama('run', '-d', '--name', name, '--network', 'office', labImage, 'sleep', '100000');
      expect((await cluster.json<Container>('inspect', name)).node).toMatch(/^h[12]$/);
    }
    await cluster.trama('rm', '-f', 'p1', 'p2', 'p3');
  });

  test('published ports, of Trama and of docker', async () => {
    const sentence =
      'containers of network office have addresses of the LAN, where their ports are reached as they are: leave out -p';
    expect(await says(web('wrong', 'h1', 'office', '-p', '8080:80'))).toContain(sentence);
    const docker = cluster
      .host('h1')
      .docker('run', '-d', '--name', 'wrong', '--network', 'office', '-p', '8080:80', labImage, 'httpd', '-f');
    expect(await says(docker)).toContain(sentence);
    await cluster.host('h1').docker('rm', '-f', 'wrong');
  });
});

describe('on a bridge in the interface’s place', () => {
  const far = ['c1', 'c2', 'd1'] as const;

  test('containers of trama and docker are in the LAN: with all its machines, hosts and containers, by name too', async () => {
    await web('c1', 'h1', 'office');
    await web('c2', 'h2', 'office');
    await cluster.host('h1').docker('run', '-d', '--name', 'd1', '--network', 'office', labImage, 'httpd', '-f');
    await eventually('d1 is known', async () => (await addressOf('d1')) !== '');
    for (const name of far) expect(await addressOf(name)).toMatch(/^10\.98\.0\.1[2-9]\d$/);
    const [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
    const [c1, c2, d1] = await Promise.all(far.map(addressOf));
    for (const to of [c1, c2, d1]) expect(await pings(neighbour, to ?? '')).toBe(true);
    for (const to of [c2, d1, '10.98.0.50', '10.98.0.11', router])
      expect(await pings(h1, to ?? '', 'c1'), to).toBe(true);
    for (const to of [c1, '10.98.0.50', router]) expect(await pings(h2, to ?? '', 'c2'), to).toBe(true);
    // h1 is in the LAN and reaches all; h2 is not, and reaches its own.
    for (const to of [c1, c2, d1]) expect(await pings(h1, to ?? ''), to).toBe(true);
    expect(await pings(h2, c2 ?? '')).toBe(true);
    for (const [host, from, name] of [
      [h1, 'c1', 'c2'],
      [h1, 'd1', 'c1'],
      [h2, 'c2', 'd1'],
      [h2, 'c2', 'c1.office'],
    ] as const)
      expect(await host.docker('exec', from, 'ping', '-c1', '-W2', name)).toContain('1 packets received');
  });

  test('their way out is the LAN’s router; nothing is translated, nothing encapsulated', async () => {
    const route = await cluster.host('h1').docker('exec', 'c1', 'ip', 'route');
    expect(route).toContain(`default via ${router} dev eth0`);
    expect(await pings(cluster.host('h1'), cluster.host('h3').address, 'c1')).toBe(true);
    const inside = await inNamespaceOf(cluster.host('h1'), 'c1');
    expect((await inside('ping', '-n', '-c1', '-W1', '-Mdo', '-s1472', await addressOf('c2'))).code).toBe(0);
    // What the neighbour hears comes from the container's own address.
    const witness = `table ip witness { chain c { type filter hook input priority 0; ip saddr ${await addressOf('c1')} counter; }; }`;
    await neighbour.output(['nft', witness]);
    expect(await pings(cluster.host('h1'), '10.98.0.50', 'c1')).toBe(true);
    expect(await neighbour.output(['nft', 'list', 'table', 'ip', 'witness'])).toMatch(/packets [1-9]/);
    await neighbour.output(['nft', 'delete', 'table', 'ip', 'witness']);
  });

  test('the switch sees their MACs behind their hosts’ ports', async () => {
    const {
      networks: [c1],
    } = await cluster.json<Container>('inspect', 'c1');
    const {
      networks: [c2],
    } = await cluster.json<Container>('inspect', 'c2');
    await pings(neighbour, c1?.address ?? '');
    await pings(neighbour, c2?.address ?? '');
    expect(await cluster.host('h1').macsSeen(true)).toContain(c1?.mac);
    expect(await cluster.host('h2').macsSeen(true)).toContain(c2?.mac);
    expect(await cluster.host('h1').macsSeen(true)).not.toContain(c2?.mac);
  });

  test('to its neighbours the host is where it was: at its own MAC, and nowhere else', async () => {
    const own = JSON.parse(await cluster.host('h1').output(['ip', '-j', 'link', 'show', 'eth1']))[0].address;
    const answers = await neighbour.output(['arping', '-c', '3', '-i', 'eth1', '10.98.0.11']);
    expect(new Set(answers.match(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g))).toEqual(new Set([own]));
  });

  test('a fixed address may lie outside the range; a host’s own, the router’s and one in use are refused', async () => {
    await cluster.trama(
      'run',
      '-d',
      '--name',
      'fixed',
      '--node',
      'h2',
      '--network',
      'office',
      '--ip',
      '10.98.0.77',
      labImage,
      'sleep',
      '100000',
    );
    expect(await addressOf('fixed')).toBe('10.98.0.77');
    expect(await pings(neighbour, '10.98.0.77')).toBe(true);
    const taken = (ip: string) =>
      says(
        cluster.trama(
          'run',
          '-d',
          '--name',
          'wrong',
          '--node',
          'h2',
          '--network',
          'office',
          '--ip',
          ip,
          labImage,
          'sleep',
          '1',
        ),
      );
    expect(await taken('10.98.0.77')).toContain('in use by container fixed');
    expect(await taken(router)).toContain('is the gateway of');
    expect(await taken('10.98.0.11')).toMatch(/that of node h1|conflict|choose another/);
    await cluster.trama('rm', '-f', 'fixed');
    await cluster.trama('rm', '-f', 'wrong').catch(() => {});
  });

  test('one that comes from another host is found where it is, before it has said a word', () =>
    isFoundAfterItMoved('office'));

  test('a container speaks for its own address and MAC only', async () => {
    const inside = await inNamespaceOf(cluster.host('h1'), 'c1');
    await inside('ip', 'addr', 'add', '10.98.0.99/24', 'dev', 'eth0');
    expect((await inside('ping', '-n', '-c1', '-W1', '-I', '10.98.0.99', '10.98.0.50')).code).not.toBe(0);
    await inside('ip', 'addr', 'del', '10.98.0.99/24', 'dev', 'eth0');
    await inside('ip', 'addr', 'add', '10.98.0.98/32', 'dev', 'lo');
    const probed = await neighbour.run(['arping', '-c', '1', '-w', '2', '-i', 'eth1', '10.98.0.98']);
    expect(probed.stdout).not.toContain('bytes from');
    await inside('ip', 'addr', 'del', '10.98.0.98/32', 'dev', 'lo');
  });

  test('by the LAN nobody gets further into a host than by any other, nor into its other networks', async () => {
    await cluster.trama('network', 'create', 'app');
    await web('inner', 'h1', 'app');
    const inner = await addressOf('inner');
    const own =
      (await cluster.json<{ nodes: { node: string; gateway: string }[] }>('network', 'inspect', 'office')).nodes.find(
        ({ node }) => node === 'h1',
      )?.gateway ?? '';
    // The node's own address there is for its containers: they ask names at it.
    expect(await pings(neighbour, own)).toBe(false);
    expect(await pings(cluster.host('h1'), own, 'c1')).toBe(true);
    expect((await neighbour.run(['busybox', 'nslookup', 'c1', own])).stdout).not.toContain(await addressOf('c1'));
    // Nor is it a router, also for whoever knows its MAC.
    const [link = ''] =
      (await cluster.host('h1').output(['ip', '-o', 'addr'])).match(/trg\d+(?= .*inet 10\.98\.)/) ?? [];
    const mac = JSON.parse(await cluster.host('h1').output(['ip', '-j', 'link', 'show', link]))[0].address;
    await neighbour.output(['ip', 'neigh', 'replace', own, 'lladdr', mac, 'dev', 'eth1', 'nud', 'permanent']);
    for (const via of ['10.98.0.11', own]) {
      for (const to of [inner, '172.17.0.1', '10.99.0.1']) {
        await neighbour.output(['ip', 'route', 'replace', to, 'via', via, 'dev', 'eth1', 'onlink']);
        if (to !== '172.17.0.1' || via === own) expect([via, to, await pings(neighbour, to)]).toEqual([via, to, false]);
        await neighbour.output(['ip', 'route', 'del', to]);
      }
    }
    const inside = await inNamespaceOf(cluster.host('h1'), 'c1');
    for (const via of ['10.98.0.11', own]) {
      await inside('ip', 'route', 'replace', inner, 'via', via);
      expect(await pings(cluster.host('h1'), inner, 'c1')).toBe(false);
    }
    expect(await pings(cluster.host('h1'), await addressOf('c1'), 'inner')).toBe(true);
    await cluster.trama('rm', '-f', 'inner');
    await cluster.trama('network', 'rm', 'app');
  });

  test('docker shows it as it is', async () => {
    const shown = JSON.parse(await cluster.host('h1').docker('network', 'inspect', 'office'))[0];
    expect(shown.IPAM.Config).toEqual([{ Subnet: '10.98.0.0/24' }]);
    expect(
      Object.values(shown.Containers as Record<string, { Name: string }>)
        .map(({ Name }) => Name)
        .sort(),
    ).toEqual(['c1', 'd1']);
  });

  test('whatever somebody breaks is whole again within 5 s, and told', async () => {
    const host = cluster.host('h1');
    const c1 = await addressOf('c1');
    const place = (await host.output(['sh', '-c', 'ls /sys/class/net | grep ^trl'])).trim();
    const breaks = [
      ['ip', 'link', 'del', place],
      ['ip', 'link', 'set', 'eth1', 'nomaster'],
      ['ip', 'addr', 'add', '10.98.0.11/24', 'dev', 'eth1'],
      ['ip', 'link', 'del', place.replace('trl', 'tru')],
      ['ip', 'link', 'del', place.replace('trl', 'trg')],
      ['ip', '-n', 'trama', 'link', 'del', place.replace('trl', 'trb')],
      ['iptables', '-F', 'DOCKER-USER'],
      ['nft', 'delete', 'table', 'inet', 'trama'],
    ] as const;
    for (const argv of breaks) {
      await host.output([...argv]);
      const whole = async () =>
        (await pings(neighbour, c1)) &&
        (await pings(neighbour, '10.98.0.11')) &&
        (await host.output(['ip', '-o', 'addr', 'show', 'eth1'])).match(/inet /) === null &&
        (await host.docker('exec', 'c1', 'ping', '-c1', '-W1', 'c2')).includes('1 packets received');
      await eventually(argv.join(' '), whole, 5000);
    }
    const events = (await cluster.json<NodeShown[]>('node', 'ls')).find(({ name }) => name === 'h1')?.events ?? [];
    expect(
      events
        .filter(({ kind }) => kind === 'repair')
        .map(({ message }) => message)
        .join('\n'),
    ).toContain('for eth1 on the host');
  });

  test('an agent that is killed and comes back changes nothing', async () => {
    const then = await stateOf('h1');
    await using monitor = await monitorOf(cluster.host('h1'), 'address', 'route', 'link');
    cluster.agents.get('h1')?.kill('SIGKILL');
    await cluster.agents.get('h1')?.ended;
    await cluster.startAgent('h1');
    await eventually('it is back', async () =>
      (await cluster.json<NodeShown[]>('node', 'ls')).every(({ status }) => status === 'ready'),
    );
    expect(await pings(neighbour, await addressOf('c1'))).toBe(true);
    expect(await stateOf('h1')).toEqual(then);
    expect(await monitor.output()).toBe('');
  });

  test('names of a lost host’s containers go, and come back with it', async () => {
    const knows = async () =>
      (
        await cluster
          .host('h1')
          .docker('exec', 'c1', 'nslookup', 'c2')
          .catch(() => '')
      ).includes(c2);
    const c2 = await addressOf('c2');
    await eventually('it is known', knows);
    await cluster.host('h2').cutLink();
    await eventually('its names are gone', async () => !(await knows()), 15_000);
    await cluster.host('h2').healLink();
    await eventually('they are back', knows, 15_000);
  });

  test('Compose needs nothing but the network’s name', async () => {
    const host = cluster.host('h2');
    const file = `services:\n  one: {image: ${labImage}, command: httpd -f, networks: [office]}\n  two: {image: ${labImage}, command: sleep 10000, networks: [office]}\nnetworks: {office: {external: true}}\n`;
    await host.writeFile('/var/lib/app/docker-compose.yml', file.replace(/^/, "version: '3.5'\n"));
    const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };
    const compose = (...args: string[]) =>
      host.output(['docker-compose', '-f', '/var/lib/app/docker-compose.yml', ...args], { env, timeoutMs: 60_000 });
    await compose('up', '-d');
    expect(await host.docker('exec', 'app_two_1', 'ping', '-c1', '-W2', 'one')).toContain('1 packets received');
    expect(await host.docker('exec', 'app_two_1', 'ping', '-c1', '-W2', 'c1')).toContain('1 packets received');
    await compose('down');
  });

  test('when the network is removed, the hosts are what they were', async () => {
    await cluster.trama('rm', '-f', 'c1', 'c2');
    await cluster.host('h1').docker('rm', '-f', 'd1');
    await cluster.trama('network', 'rm', 'office');
    for (const name of ['h1', 'h2']) {
      await eventually(
        `${name} has its interface back`,
        async () => !(await cluster.host(name).output(['ip', '-o', 'link'])).includes(' trl'),
      );
      await expect.poll(() => stateOf(name), { timeout: 5000 }).toEqual(before.get(name));
      expect(await cluster.host(name).output(['iptables-save'])).not.toContain('trl');
    }
  });
});

describe('with a macvlan each', () => {
  test('containers are in the LAN, with names, beside an interface that nothing has happened to', async () => {
    await create('office', '--parent', 'eth1', '--mode', 'macvlan', '--range', '10.98.0.128/26');
    await web('m1', 'h1', 'office');
    await web('m2', 'h2', 'office');
    await web('m3', 'h1', 'office');
    const [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
    const [m1, m2, m3] = await Promise.all(['m1', 'm2', 'm3'].map(addressOf));
    for (const to of [m1, m2, m3]) expect(await pings(neighbour, to ?? ''), to).toBe(true);
    for (const to of [m2, m3, '10.98.0.50', router]) expect(await pings(h1, to ?? '', 'm1'), to).toBe(true);
    // Its own containers a host reaches too, by its own address in the network.
    expect(await pings(h1, m1 ?? '')).toBe(true);
    expect(await pings(h2, m2 ?? '')).toBe(true);
    for (const [host, from, name] of [
      [h1, 'm1', 'm2'],
      [h1, 'm1', 'm3'],
      [h2, 'm2', 'm1'],
    ] as const)
      expect(await host.docker('exec', from, 'ping', '-c1', '-W2', name)).toContain('1 packets received');
    expect(await h1.output(['ip', '-o', 'addr', 'show', 'eth1'])).toContain('10.98.0.11/24');
    expect(await h1.output(['ip', '-o', 'link'])).not.toContain(' trl');
  });

  test('one that comes from another host is found where it is, before it has said a word', () =>
    isFoundAfterItMoved('office'));

  test('an agent that comes back finds them where they are', async () => {
    const m1 = await addressOf('m1');
    cluster.agents.get('h1')?.kill('SIGKILL');
    await cluster.agents.get('h1')?.ended;
    await cluster.startAgent('h1');
    await eventually('it is back', async () =>
      (await cluster.json<NodeShown[]>('node', 'ls')).every(({ status }) => status === 'ready'),
    );
    expect(await pings(neighbour, m1)).toBe(true);
    expect(await cluster.host('h1').output(['ip', '-o', 'link'])).not.toMatch(/trm[0-9a-f]{10}/);
    const named = () => cluster.host('h1').docker('exec', 'm1', 'ping', '-c1', '-W2', 'm3');
    await eventually('names again', async () => (await named()).includes('1 packets received'));
  });

  test('the node’s own way to them, and a container’s, come back when somebody takes them away', async () => {
    const host = cluster.host('h1');
    const m1 = await addressOf('m1');
    const [own = ''] = (await host.output(['ip', '-o', 'addr'])).match(/trg\d+(?= .*inet 10\.98\.)/) ?? [];
    await host.output(['ip', 'link', 'del', own]);
    await eventually(
      'names again',
      async () => (await host.docker('exec', 'm1', 'ping', '-c1', '-W1', 'm2')).includes('1 packets received'),
      5000,
    );
    const inside = await inNamespaceOf(host, 'm1');
    await inside('ip', 'link', 'del', 'eth0');
    await eventually('its interface again', () => pings(neighbour, m1), 10_000);
    expect(await host.docker('exec', 'm1', 'ping', '-c1', '-W2', 'm2')).toContain('1 packets received');
  });

  test('a restarted container, and a removed network, leave nothing', async () => {
    const host = cluster.host('h1');
    const m1 = await addressOf('m1');
    await host.docker('restart', '-t', '0', 'm1');
    await eventually('it is back', () => pings(neighbour, m1));
    await cluster.trama('rm', '-f', 'm1', 'm2', 'm3');
    await cluster.trama('network', 'rm', 'office');
    for (const name of ['h1', 'h2']) {
      await eventually(
        `${name} is clean`,
        async () => !/ tr[gm]/.test(await cluster.host(name).output(['ip', '-o', 'link'])),
      );
      await expect.poll(() => stateOf(name), { timeout: 5000 }).toEqual(before.get(name));
    }
  });
});

test('a host’s own bridge keeps its place, and its ports are not asked for', async () => {
  const host = cluster.host('h1');
  await host.output([
    'sh',
    '-ec',
    'ip link add br0 type bridge; sysctl -qw net.ipv6.conf.br0.disable_ipv6=1; ip link set br0 up; ip addr del 10.98.0.11/24 dev eth1; ip link set eth1 master br0; ip addr add 10.98.0.11/24 dev br0',
  ]);
  const then = await stateOf('h1');
  expect(await says(create('office', '--parent', 'eth1', '--subnet', '10.98.0.0/24'))).toBe('no error');
  await expect
    .poll(() => says(web('wrong', 'h1', 'office')), { timeout: 60_000 })
    .toContain('eth1 of node h1 is a port of br0: name br0 as the parent');
  await cluster.trama('rm', '-f', 'wrong').catch(() => {});
  await cluster.trama('network', 'rm', 'office');
  await eventually(
    'the servers know of it',
    async () => (await says(create('office', '--parent', 'br0', '--range', '10.98.0.128/26'))) === 'no error',
  );
  await web('b1', 'h1', 'office');
  const b1 = await addressOf('b1');
  expect(await pings(neighbour, b1)).toBe(true);
  expect(await pings(host, b1)).toBe(true);
  expect(await pings(host, '10.98.0.50', 'b1')).toBe(true);
  expect(await host.output(['ip', '-o', 'addr', 'show', 'br0'])).toContain('10.98.0.11/24');
  await cluster.trama('rm', '-f', 'b1');
  await cluster.trama('network', 'rm', 'office');
  await expect.poll(() => stateOf('h1'), { timeout: 10_000 }).toEqual(then);
});
