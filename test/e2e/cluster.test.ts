/** The issue's own story on three simulated hosts with real Docker Engines, and what must hold while things break. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerSource,
  createLab,
  eventually,
  hostSource,
  type Lab,
  type LabCluster,
  labImage,
  probe,
  startCluster,
  untilReady,
  untilThere,
} from '../../src/lab/lab.ts';
import { type Container, containers, endpointPort, inNamespaceOf, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'] });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function wholeMatrix(network: string): Promise<readonly string[]> {
  const listed = (await containers(cluster)).filter((each) => each.networks.some((one) => one.network === network));
  const sources = listed.map((each) =>
    containerSource(cluster.host(each.node), each.name, each.networks[0]?.address ?? ''),
  );
  expect(sources.length).toBe(6);
  const hosts = cluster.hosts.map(hostSource);
  const outside = { name: 'outside', address: lab.outside.address };
  const fromContainers = await probe(sources, [...sources, ...hosts, outside]);
  const fromHosts = await probe(hosts, sources);
  return [...fromContainers.missing, ...fromHosts.missing];
}

describe('what a user does', () => {
  test('a network appears as a Docker network on every host', async () => {
    await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
    for (const host of cluster.hosts) {
      await eventually(`network app in Docker on ${host.name}`, async () =>
        (await host.docker('network', 'ls')).includes('app'),
      );
    }
  });

  test('containers run where they are told to, and a name is enough to reach into them from any host', async () => {
    await run(cluster, 'web', 'h1', 'app', 'httpd', '-f');
    await run(cluster, 'cli', 'h2', 'app');
    const web = (await containers(cluster)).find((each) => each.name === 'web') as Container;
    expect(web).toMatchObject({ node: 'h1', image: labImage, networks: [{ network: 'app' }] });
    const { code, stdout } = await cluster
      .host('h3')
      .trama('exec', 'cli', 'ping', '-c1', '-W2', web.networks[0]?.address ?? '');
    expect(stdout).toContain('1 packets received');
    expect(code).toBe(0);
    const page = await cluster
      .host('h3')
      .trama('exec', 'cli', 'wget', '-q', '-O', '-', `http://${web.networks[0]?.address}/`);
    expect(page.code).toBe(0);
  });

  test('exit codes and streams pass through exec; logs are read from any host', async () => {
    const exec = await cluster.host('h1').trama('exec', 'cli', 'sh', '-c', 'echo out; echo err >&2; exit 7');
    expect(exec).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    await cluster.trama(
      'run',
      '-d',
      '--name',
      'talker',
      '--node',
      'h3',
      labImage,
      'sh',
      '-c',
      'echo hello; sleep 1000',
    );
    await eventually('the log', async () => (await cluster.trama('logs', 'talker')) === 'hello\n');
    await cluster.trama('rm', '-f', 'talker');
  });

  test('without -d the command line is the container: output, exit code', async () => {
    const { code, stdout } = await cluster
      .host('h1')
      .trama('run', '--rm', '--node', 'h2', '--network', 'app', labImage, 'sh', '-c', 'echo done; exit 5');
    expect(stdout).toBe('done\n');
    expect(code).toBe(5);
  });

  test('with --rm it goes when it has ended, also when nobody looks on', async () => {
    const name = 'brief';
    await cluster.trama(
      'run',
      '-d',
      '--rm',
      '--name',
      name,
      '--node',
      'h2',
      '--network',
      'app',
      labImage,
      'sleep',
      '1',
    );
    const there = async () => (await cluster.json<Container[]>('ps', '-a')).some((each) => each.name === name);
    expect(await there()).toBe(true);
    await eventually('it is gone', async () => !(await there()));
    expect(await cluster.host('h2').docker('ps', '-a', '--format', '{{.Names}}')).not.toContain(name);
  });

  test('stop, start and rm', async () => {
    await cluster.trama('stop', '-t', '0', 'cli');
    expect((await cluster.json<Container>('inspect', 'cli')).status).toBe('exited');
    await cluster.trama('start', 'cli');
    await eventually('cli runs', async () => (await cluster.json<Container>('inspect', 'cli')).status === 'running');
    const refused = await cluster.host('h1').trama('rm', 'cli');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('cli is running');
    await cluster.trama('rm', '-f', 'cli');
    expect((await containers(cluster)).map((each) => each.name)).not.toContain('cli');
  });

  test('nodes report CPU and memory', async () => {
    await eventually(
      'metrics',
      async () =>
        (await cluster.json<NodeShown[]>('node', 'ls')).every(
          (node) => node.cpu !== null && (node.memory?.total ?? 0) > 0,
        ),
      15_000,
    );
  });

  test('an image that cannot be had is said so', async () => {
    const { code, stderr } = await cluster
      .host('h1')
      .trama('run', '-d', '--name', 'none', '--node', 'h2', 'no/such:image', 'true');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no\/such:image/);
    expect((await cluster.json<Container[]>('ps', '-a')).map((each) => each.name)).not.toContain('none');
  });
});

describe('everybody reaches everybody', () => {
  test('with peers from the registry', async () => {
    for (const [i, node] of ['h1', 'h2', 'h2', 'h3', 'h3'].entries()) await run(cluster, `app${i}`, node, 'app');
    expect(await wholeMatrix('app')).toEqual([]);
  });

  test('with peers found by multicast', async () => {
    await cluster.trama('network', 'create', 'cast', '--subnet', '10.43.0.0/16', '--discovery', 'multicast');
    for (const [i, node] of ['h1', 'h1', 'h2', 'h2', 'h3', 'h3'].entries())
      await run(cluster, `cast${i}`, node, 'cast');
    expect(await wholeMatrix('cast')).toEqual([]);
    // One that says nothing goes to another host, where those who know its MAC look for it by nothing but what they have heard.
    const { address, mac } = (await cluster.json<Container>('inspect', 'cast0')).networks[0] ?? {
      address: '',
      mac: '',
    };
    const entry = [address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent'];
    await (await inNamespaceOf(cluster.host('h3'), 'cast4'))('ip', 'neigh', 'replace', ...entry);
    await cluster.trama('rm', '-f', 'cast0');
    await cluster.trama(
      ...['run', '-d', '--name', 'cast0', '--node', 'h2', '--network', 'cast', '--ip', address],
      ...[labImage, 'sleep', '100000'],
    );
    const found = async () => (await cluster.host('h3').pingFromContainer('cast4', address)).reached;
    await eventually('it is found on h2', found, 10_000);
    await cluster.trama('rm', '-f', ...[0, 1, 2, 3, 4, 5].map((i) => `cast${i}`));
    await cluster.trama('network', 'rm', 'cast');
  });
});

describe('what somebody changes behind its back is put right and told', () => {
  /** Breaks something on h2 and waits until `whole` again and until the server has been told of it. */
  async function repaired(breakIt: () => Promise<unknown>, whole: () => Promise<boolean>, told: RegExp): Promise<void> {
    const before = Date.now();
    await breakIt();
    await eventually('the repair', whole, 5000);
    await eventually(`a report like ${told}`, async () => {
      const { events } = await cluster.json<NodeShown>('node', 'inspect', 'h2');
      return events.some((event) => event.time >= before && event.kind === 'repair' && told.test(event.message));
    });
  }

  /** Rules made anew count anew. */
  const withoutCounts = (rules: string) => rules.replaceAll(/handle \d+|packets \d+ bytes \d+/g, '');
  const h2 = (...argv: [string, ...string[]]) => cluster.host('h2').run(argv);
  const reaches = async (name: string, address: string) =>
    (await cluster.host('h2').pingFromContainer(name, address)).reached;

  test("a container's link that was deleted comes back with everything in it", async () => {
    const { name, networks } = (await containers(cluster)).find((each) => each.name === 'app1') as Container;
    const web = (await containers(cluster)).find((each) => each.name === 'web') as Container;
    const port = await endpointPort(cluster.host('h2'), name);
    await repaired(
      () => cluster.host('h2').output(['ip', '-n', 'trama', 'link', 'del', port]),
      () => reaches(name, web.networks[0]?.address ?? ''),
      new RegExp(port),
    );
    expect((await cluster.host('h1').pingFromContainer('web', networks[0]?.address ?? '')).reached).toBe(true);
  });

  test('a forwarding entry that was deleted comes back', async () => {
    const { networks } = (await containers(cluster)).find((each) => each.name === 'web') as Container;
    const mac = networks[0]?.mac ?? '';
    const entries = async () =>
      (await h2('bridge', '-n', 'trama', 'fdb', 'show')).stdout.split('\n').filter((line) => line.startsWith(mac));
    const before = await entries();
    const device = /dev (trx\d+)/.exec(before.find((line) => line.includes('dst')) ?? '')?.[1] ?? '';
    await repaired(
      () => cluster.host('h2').output(['bridge', '-n', 'trama', 'fdb', 'del', mac, 'dev', device, 'self']),
      async () => (await entries()).length === before.length,
      new RegExp(mac),
    );
  });

  test('nft tables that were flushed come back', async () => {
    const rules = async () => (await h2('nft', 'list', 'table', 'inet', 'trama')).stdout;
    const before = await rules();
    expect(before).toContain('masquerade');
    await repaired(
      () => cluster.host('h2').output(['nft', 'flush', 'table', 'inet', 'trama']),
      async () => withoutCounts(await rules()) === withoutCounts(before),
      /trama/,
    );
  });

  test('links and rules that are not its own stay as they are', async () => {
    const host = cluster.host('h2');
    await host.output(['ip', 'link', 'add', 'mine0', 'type', 'bridge']);
    await host.output(['nft', 'add', 'table', 'inet', 'mine']);
    await host.output(['iptables', '-I', 'DOCKER-USER', '-s', '192.0.2.1', '-j', 'DROP']);
    await h2('ip', 'link', 'del', (await h2('ip', '-o', 'link')).stdout.match(/(trg\d+)[@:]/)?.[1] ?? '');
    await eventually('the gateway again', async () => /trg\d+/.test((await h2('ip', '-o', 'link')).stdout), 5000);
    expect((await h2('ip', 'link', 'show', 'mine0')).code).toBe(0);
    expect((await h2('nft', 'list', 'table', 'inet', 'mine')).code).toBe(0);
    expect((await h2('iptables', '-S', 'DOCKER-USER')).stdout).toContain('192.0.2.1');
  });
});

describe('nobody can be somebody else', () => {
  const victim = async () => (await containers(cluster)).find((each) => each.name === 'web') as Container;
  const heard = async (name: string, address: string) =>
    (await cluster.host('h3').pingFromContainer(name, address)).reached;

  test('a container that changes its MAC reaches nobody', async () => {
    const address = (await victim()).networks[0]?.address ?? '';
    const inside = await inNamespaceOf(cluster.host('h3'), 'app3');
    const mac = (await inside('ip', '-o', 'link', 'show', 'eth0')).stdout.match(/ether (\S+)/)?.[1] ?? '';
    expect(await heard('app3', address)).toBe(true);
    await inside('ip', 'link', 'set', 'eth0', 'address', '02:00:de:ad:be:ef');
    expect(await heard('app3', address)).toBe(false);
    await inside('ip', 'link', 'set', 'eth0', 'address', mac);
    await eventually('its own MAC serves again', () => heard('app3', address), 5000);
  });

  test('a container that takes another address reaches nobody with it', async () => {
    const address = (await victim()).networks[0]?.address ?? '';
    const inside = await inNamespaceOf(cluster.host('h3'), 'app3');
    await inside('ip', 'address', 'add', '10.42.200.200/16', 'dev', 'eth0');
    const { stdout } = await inside('ping', '-n', '-c1', '-W1', '-I', '10.42.200.200', address);
    expect(stdout).toContain('0 received');
    await inside('ip', 'address', 'del', '10.42.200.200/16', 'dev', 'eth0');
  });

  test('a container that claims the gateway by ARP convinces nobody', async () => {
    const host = cluster.host('h3');
    const inside = await inNamespaceOf(host, 'app3');
    const neighbour = await inNamespaceOf(host, 'app4');
    const gateway = (await neighbour('ip', 'route', 'show', 'default')).stdout.split(' ')[2] ?? '';
    await neighbour('ping', '-n', '-c1', '-W1', gateway);
    const known = async () => (await neighbour('ip', 'neigh', 'show', gateway)).stdout.match(/lladdr (\S+)/)?.[1];
    const before = await known();
    // Longer than a neighbour entry is locked after its last change.
    const forge = `
from scapy.all import *
import time
mac = get_if_hwaddr("eth0")
for _ in range(4):
    sendp(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")/ARP(op=2, hwsrc=mac, psrc="${gateway}", hwdst="ff:ff:ff:ff:ff:ff", pdst="${gateway}"), iface="eth0", verbose=0)
    time.sleep(0.5)`;
    expect(await inside('/usr/bin/python3', '-c', forge)).toMatchObject({ code: 0 });
    expect(before).toMatch(/^[0-9a-f:]{17}$/);
    expect(await known()).toBe(before);
  });

  test('a VXLAN packet from a host that is no member is dropped', async () => {
    const stranger = await lab.host('stranger', { docker: false });
    const target = await victim();
    const vni =
      (await cluster.json<{ name: string; vni: number }[]>('network', 'ls')).find((each) => each.name === 'app')?.vni ??
      0;
    const inside = await inNamespaceOf(cluster.host('h1'), 'web');
    const received = async () =>
      Number((await inside('cat', '/proc/self/net/snmp')).stdout.match(/^Udp: \d+ (\d+)/m)?.[1]);
    const before = await received();
    const script = `
from scapy.all import *
p = IP(dst="${cluster.host('h1').address}")/UDP(sport=40000, dport=4789)/VXLAN(vni=${vni}, flags=8)/Ether(dst="${target.networks[0]?.mac}", src="02:00:00:00:00:01")/IP(src="10.42.0.9", dst="${target.networks[0]?.address}")/UDP(sport=1, dport=9)/b"forged"
send(p, count=5, verbose=0)`;
    const sent = await stranger.run(['/usr/bin/python3', '-c', script], { timeoutMs: 30_000 });
    expect(sent).toMatchObject({ code: 0 });
    expect(await received()).toBe(before);
    const member = await cluster.host('h2').run(['/usr/bin/python3', '-c', script], { timeoutMs: 30_000 });
    expect(member).toMatchObject({ code: 0 });
    const count = async () => (await inside('cat', '/proc/self/net/snmp')).stdout.match(/^Udp: \d+ (\d+)/m)?.[0];
    // The same packet from a member arrives: the container's stack counts it, as one for which no port is open.
    await eventually('the packet of a member', async () => (await count()) !== `Udp: ${before} 0`, 5000);
    await stranger.pullPlug();
  });
});

describe('traffic goes on', () => {
  /** Pings across hosts at 100 a second while something happens. @returns how many were lost */
  async function lostDuring(work: () => Promise<void>): Promise<number> {
    const target = (await containers(cluster)).find((each) => each.name === 'web') as Container;
    const inside = await inNamespaceOf(cluster.host('h2'), 'app1');
    const pinging = inside('ping', '-n', '-q', '-i', '0.01', '-c', '800', '-W', '1', target.networks[0]?.address ?? '');
    await work();
    const { stdout } = await pinging;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
    expect(Number(sent)).toBe(800);
    return Number(sent) - Number(received);
  }

  async function restartAgent(name: string): Promise<void> {
    const host = cluster.host(name);
    cluster.agents.get(name)?.kill('SIGKILL');
    await cluster.agents.get(name)?.ended;
    const agent = await host.startAgent();
    cluster.agents.set(name, agent);
    await eventually(`the agent of ${name} reconciles`, async () => (await agent.output()).includes('agent ready'));
  }

  test('while agents are killed and come back as themselves, without a token: no packet lost', async () => {
    const lost = await lostDuring(async () => {
      await restartAgent('h2');
      await restartAgent('h1');
      await untilReady(cluster);
    });
    expect(lost).toBe(0);
  });

  test('while the server is dead: traffic flows, and containers start from leased blocks', async () => {
    const before = await containers(cluster);
    const lost = await lostDuring(async () => {
      cluster.server.kill('SIGKILL');
      await cluster.server.ended;
    });
    expect(lost).toBe(0);
    const h3 = cluster.host('h3');
    await h3.docker('run', '-d', '--name', 'orphan', '--network', 'app', labImage, 'sleep', '1000');
    const address = await h3.docker('inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}}', 'orphan');
    expect((await h3.pingFromContainer('app3', address)).reached).toBe(true);
    const answer = await cluster.host('h2').trama('ps');
    expect(answer.code).toBe(1);
    expect(answer.stderr).toMatch(/^trama: no server answers/);

    cluster.server = await cluster.host('h1').startServer();
    await untilThere(cluster.host('h1'), '/run/trama/server.sock', cluster.server);
    await untilReady(cluster);
    await eventually(
      'the orphan is reachable from other hosts',
      async () => (await cluster.host('h2').pingFromContainer('app1', address)).reached,
    );
    const after = await containers(cluster);
    expect(after.filter(({ name }) => name !== 'orphan')).toEqual(before);
    expect(after).toHaveLength(before.length + 1);
    await h3.docker('rm', '-f', 'orphan');
  });

  test('Docker and the agent may restart in any order', async () => {
    const host = cluster.host('h3');
    await host.restartDocker();
    await restartAgent('h3');
    await eventually(
      'the workloads of h3 run again',
      async () => {
        const listed = (await containers(cluster)).filter((each) => each.node === 'h3');
        return listed.length === 2 && listed.every((each) => each.status === 'running');
      },
      60_000,
    );
    await untilReady(cluster);
    expect(await wholeMatrix('app')).toEqual([]);
  });
});
