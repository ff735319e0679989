/** Addresses of the LAN's own DHCP server: a stranger's in the LAN, which knows nothing of the cluster. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  type Started,
  startCluster,
} from '../../src/lab/lab.ts';
import { type Container, inNamespaceOf, type NodeShown } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let neighbour: LabHost;
let server: Started;

/** Seconds. */
const leaseTime = 20;

/** It knows of no lease. @param first @param last of its addresses, in the last byte */
async function configureServer(first: number, last: number): Promise<void> {
  const lines = [
    `start 10.98.0.${first}`,
    `end 10.98.0.${last}`,
    'interface eth1',
    'min_lease 5',
    'lease_file /etc/udhcpd.leases',
    'max_leases 20',
  ];
  lines.push('option subnet 255.255.255.0', 'option router 10.98.0.1', `option lease ${leaseTime}`);
  await neighbour.writeFile('/etc/udhcpd.conf', `${lines.join('\n')}\n`);
  await neighbour.writeFile('/etc/udhcpd.leases', '');
  // It gives addresses again at once; here they would be looked for at their former MACs.
  await neighbour.output(['ip', 'neigh', 'flush', 'dev', 'eth1']);
}

const startServer = async () => {
  const started = await neighbour.start(['busybox', 'udhcpd', '-f', '-I', '10.98.0.50', '/etc/udhcpd.conf'], {
    name: 'udhcpd',
  });
  await eventually('it has begun', async () => (await started.output()).includes('started'));
  // Only a moment later is it not ended by the signal that has it write its leases down.
  await new Promise((resolve) => setTimeout(resolve, 300));
  return started;
};

beforeAll(async () => {
  lab = await createLab();
  neighbour = await lab.host('n1', { docker: false, second: '10.98.0.50' });
  await configureServer(210, 229);
  server = await startServer();
  cluster = await startCluster(lab, {
    hosts: ['h1', 'h2'],
    hostOptions: (name) => ({ second: name === 'h1' ? '10.98.0.11' : '' }),
  });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const inspect = (name: string) => cluster.json<Container>('inspect', name);
const addressOf = async (name: string): Promise<string> => (await inspect(name)).networks[0]?.address ?? '';

async function pings(host: LabHost, to: string, container?: string): Promise<boolean> {
  const ping = ['ping', '-n', '-c1', '-W1', to] as const;
  if (container === undefined) return (await host.run([...ping])).code === 0;
  return (await (await inNamespaceOf(host, container))(...ping)).code === 0;
}

/** What the server has given, MAC by address, with the seconds left. */
async function leases(): Promise<Map<string, { mac: string; left: number }>> {
  server.kill('SIGUSR1');
  await new Promise((resolve) => setTimeout(resolve, 200));
  const listed = await neighbour.output(['busybox', 'dumpleases', '-f', '/etc/udhcpd.leases']);
  const lines = [...listed.matchAll(/^([0-9a-f:]{17}) (\S+)\s+.*?(expired|(\d+):(\d+):(\d+))$/gm)];
  return new Map(
    lines.map(([, mac = '', address = '', , hours, minutes, seconds]) => {
      return [address, { mac, left: Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0) }];
    }),
  );
}

const held = async (address: string): Promise<boolean> => ((await leases()).get(address)?.left ?? 0) > 0;

/** Some are being renewed at any moment, several at once; each link goes when it has been answered. */
const nothingOfTheAskingStays = () =>
  eventually('nothing of the asking stays', async () => {
    const links = await Promise.all(cluster.hosts.map((host) => host.output(['ip', '-n', 'trama', '-o', 'link'])));
    return !links.join().includes('trd');
  });

/** What happens to a lease later is the same in both modes, and takes as long as leases last. */
describe.each([
  ['bridge', true],
  ['macvlan', false],
] as const)('mode %s', (mode, later) => {
  const [one, two, three] = [`${mode}-1`, `${mode}-2`, `${mode}-3`];

  test('containers of trama and of docker have what the server gave, under their own MACs', async () => {
    await cluster.trama(
      'network',
      'create',
      'office',
      '--driver',
      'lan',
      '--parent',
      'eth1',
      '--mode',
      mode,
      '--subnet',
      '10.98.0.0/24',
      // Where nobody says which the router is, the server does.
      ...(mode === 'bridge' ? [] : ['--gateway', '10.98.0.1']),
      '--dhcp',
    );
    for (const [name, node] of [
      [one, 'h1'],
      [two, 'h2'],
    ] as const)
      await cluster.trama('run', '-d', '--name', name, '--node', node, '--network', 'office', labImage, 'httpd', '-f');
    await cluster.host('h1').docker('run', '-d', '--name', three, '--network', 'office', labImage, 'sleep', '100000');
    await eventually('it is known', async () => (await addressOf(three)) !== '');
    const given = await leases();
    for (const name of [one, two, three]) {
      const {
        networks: [network],
      } = await inspect(name);
      expect(network?.address).toMatch(/^10\.98\.0\.2[12]\d$/);
      expect(given.get(network?.address ?? '')?.mac, name).toBe(network?.mac);
      expect(await pings(neighbour, network?.address ?? ''), name).toBe(true);
    }
    expect(await cluster.host('h1').docker('exec', one, 'ping', '-c1', '-W2', two)).toContain('1 packets received');
    expect(await cluster.host('h1').docker('exec', three, 'ping', '-c1', '-W2', one)).toContain('1 packets received');
    for (const name of [one, three])
      expect(await cluster.host('h1').docker('exec', name, 'ip', 'route')).toContain('default via 10.98.0.1');
    await nothingOfTheAskingStays();
  });

  if (later) {
    test('they are renewed for as long as they are in use, also by an agent that comes back', async () => {
      const before = await Promise.all([one, two].map(addressOf));
      cluster.agents.get('h1')?.kill('SIGKILL');
      await cluster.agents.get('h1')?.ended;
      await cluster.startAgent('h1');
      const until = Date.now() + 1.7 * leaseTime * 1000;
      while (Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        for (const address of before) expect(await held(address), address).toBe(true);
      }
      expect(await Promise.all([one, two].map(addressOf))).toEqual(before);
      expect(await pings(neighbour, before[0] ?? '')).toBe(true);
      await nothingOfTheAskingStays();
    });

    test('a stopped container keeps its own', async () => {
      const first = await addressOf(one);
      await cluster.trama('stop', '-t', '0', one);
      await new Promise((resolve) => setTimeout(resolve, leaseTime * 1000));
      expect(await held(first)).toBe(true);
      await cluster.trama('start', one);
      await eventually('it runs', async () => (await inspect(one)).status === 'running');
      expect(await addressOf(one)).toBe(first);
      expect(await pings(neighbour, first)).toBe(true);
    });
  }

  test('a removed one gives it back', async () => {
    const [first, second, third] = await Promise.all([one, two, three].map(addressOf));
    await cluster.trama('rm', '-f', one, two);
    await cluster.host('h1').docker('rm', '-f', three);
    // Long before they end by themselves, which is half their time at least.
    for (const address of [first, second, third])
      await eventually(`${address} is given back`, async () => !(await held(address ?? '')), 8000);
  });

  if (later)
    test('a server that does not answer is told of, and keeps nothing from running', async () => {
      await cluster.trama('run', '-d', '--name', one, '--node', 'h1', '--network', 'office', labImage, 'httpd', '-f');
      const address = await addressOf(one);
      server.kill('SIGTERM');
      await server.ended;
      const docker = cluster
        .host('h1')
        .docker('run', '-d', '--name', two, '--network', 'office', labImage, 'sleep', '1');
      expect(
        await docker.then(
          () => 'started',
          (error: Error) => error.message,
        ),
      ).toContain('no DHCP server of the LAN answers');
      await cluster
        .host('h1')
        .docker('rm', '-f', two)
        .catch(() => {});
      const told = async () =>
        (await cluster.json<NodeShown[]>('node', 'ls')).some(({ events }) =>
          events.some(({ message }) => message.includes(`address ${address} of network office is not renewed`)),
        );
      await eventually('it is told', told);
      expect(await pings(neighbour, address)).toBe(true);
      server = await startServer();
      // A try takes up to 15 s, the next begins 10 s later.
      await eventually('it is renewed', () => held(address), 90_000);
      await cluster.trama('rm', '-f', one);
    });

  if (later)
    test('what the server gives instead of an address in use goes back with that', async () => {
      const stopServer = async () => {
        server.kill('SIGTERM');
        await server.ended;
      };
      await cluster.trama('run', '-d', '--name', one, '--node', 'h1', '--network', 'office', labImage, 'httpd', '-f');
      const address = await addressOf(one);
      const mac = (await inspect(one)).networks[0]?.mac;
      await stopServer();
      await configureServer(230, 249);
      server = await startServer();
      let other = '';
      const gives = async () => {
        // Before it offers an address it listens for 2 s whether somebody has it; each time that it is asked here, anew.
        await new Promise((resolve) => setTimeout(resolve, 4000));
        [other = ''] = [...(await leases())].find(([, lease]) => lease.mac === mac && lease.left >= 12) ?? [];
        return other !== '';
      };
      await eventually('it gives another', gives, 60_000);
      expect(other).not.toBe(address);
      expect(await addressOf(one)).toBe(address);
      expect(await pings(neighbour, address)).toBe(true);
      await cluster.trama('rm', '-f', one);
      await eventually('it is given back', async () => !(await held(other)), 9000);
      await stopServer();
      await configureServer(210, 229);
      server = await startServer();
    });

  test('of a removed network nothing stays, and the hosts’ own leases are given back', async () => {
    const left = async () => [...(await leases()).values()].map((each) => each.left).filter((seconds) => seconds > 0);
    // So that none of them ends by itself while it is looked for.
    await eventually('they have just been renewed', async () => {
      const all = await left();
      return all.length === 2 && Math.min(...all) >= 12;
    });
    await cluster.trama('network', 'rm', 'office');
    await eventually('they are given back', async () => (await left()).length === 0, 9000);
    for (const host of cluster.hosts)
      await eventually(
        `${host.name} is clean`,
        async () => !/ tr[a-z][0-9]/.test(await host.output(['ip', '-o', 'link'])),
      );
  });
});
