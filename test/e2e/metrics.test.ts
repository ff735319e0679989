/** What operators see: figures, health, readiness, the audit and logs, before and after things happen on hosts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
} from '../../src/lab/lab.ts';
import { families, total } from '../exposition.ts';
import { containers, endpointPort, inNamespaceOf, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
const host = (name: string): LabHost => cluster.host(name);
const [serverPort, agentPort] = [4700, 4704];

/** What a scraper on the host itself gets. */
async function get(name: string, port: number, path: string): Promise<{ status: number; body: string }> {
  const answer = await host(name).output(['socat', '-t', '5', '-', `TCP:127.0.0.1:${port},shut-none`], {
    input: `GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`,
  });
  const [, status = ''] = /^HTTP\/1\.1 (\d+) /.exec(answer) ?? [];
  return { status: Number(status), body: answer.slice(answer.indexOf('\r\n\r\n') + 4) };
}

const scrape = async (name: string, port: number) => (await get(name, port, '/metrics')).body;

async function until(name: string, port: number, figure: string, labels: Record<string, string>, value: number) {
  await eventually(`${figure} ${JSON.stringify(labels)} of ${name} is ${value}`, async () => {
    return total(await scrape(name, port), figure, labels) === value;
  });
}

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'], agentArguments: ['--log-format', 'json'] });
});
afterAll(() => lab?.[Symbol.asyncDispose]());

test('a server and its agents are alive, ready, and tell what Prometheus can read', async () => {
  for (const [name, port] of [
    ['h1', serverPort],
    ['h1', agentPort],
    ['h2', agentPort],
  ] as const) {
    expect(await get(name, port, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
    await eventually(`${name} ready at ${port}`, async () => (await get(name, port, '/readyz')).status === 200);
    const found = families(await scrape(name, port));
    expect([...found.keys()]).toEqual(expect.arrayContaining(['trama_build_info', 'process_resident_memory_bytes']));
  }
  await until('h1', serverPort, 'trama_nodes', { status: 'ready' }, 2);
});

test('nobody from elsewhere reaches it', async () => {
  const reach = (port: number) =>
    host('h2').run(['socat', '-u', '/dev/null', `TCP:${host('h1').address}:${port},connect-timeout=2`]);
  expect((await reach(4701)).code).toBe(0);
  expect((await reach(serverPort)).code).not.toBe(0);
  expect((await reach(agentPort)).code).not.toBe(0);
});

test('a network and a container are counted at the server and on the host', async () => {
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/24');
  await until('h1', serverPort, 'trama_networks', {}, 1);
  await until('h2', agentPort, 'trama_networks', {}, 1);
  const before = await scrape('h2', agentPort);
  await run(cluster, 'web', 'h2', 'app');
  await until('h1', serverPort, 'trama_workloads', {}, 1);
  // The container and its host's gateway.
  await until('h1', serverPort, 'trama_addresses', { network: 'app', state: 'used' }, 2);
  const after = await scrape('h2', agentPort);
  expect(total(after, 'trama_endpoints', { network: 'app' })).toBe(2);
  expect(total(after, 'trama_addresses', { network: 'app', state: 'used' })).toBe(2);
  expect(total(after, 'trama_workloads')).toBe(1);
  expect(total(after, 'trama_plugin_calls_total', { call: 'NetworkDriver.Join', outcome: 'ok' })).toBe(1);
  const passes = (text: string) => total(text, 'trama_reconcile_duration_seconds_count');
  expect(passes(after)).toBeGreaterThan(passes(before));
  expect(total(after, 'trama_kernel_failed_steps')).toBe(0);
  expect(total(after, 'trama_engine_available')).toBe(1);
});

test('questions for names are counted by what became of them', async () => {
  await host('h2').docker('exec', 'web', 'nslookup', 'web');
  const text = await scrape('h2', agentPort);
  expect(total(text, 'trama_dns_questions_total', { outcome: 'answered' })).toBeGreaterThan(0);
  expect(total(text, 'trama_dns_answer_duration_seconds_count', { outcome: 'answered' })).toBeGreaterThan(0);
});

test('what others change is a repair, and nothing was before', async () => {
  const repairs = async () => total(await scrape('h2', agentPort), 'trama_repairs_total', { kind: 'link' });
  expect(await repairs()).toBeNaN();
  const port = await endpointPort(host('h2'), 'web');
  await host('h2').output(['ip', '-n', 'trama', 'link', 'set', port, 'down']);
  await eventually('the repair is counted', async () => (await repairs()) >= 1);
});

test('a packet with an address of others’ is a drop of the filter against that, and of no other', async () => {
  const drops = async () => {
    const text = await scrape('h2', agentPort);
    return (filter: string) => total(text, 'trama_dropped_packets_total', { filter });
  };
  const before = await drops();
  const [web] = await containers(cluster);
  const inside = await inNamespaceOf(host('h2'), 'web');
  await inside('ip', 'address', 'add', '10.42.0.250/24', 'dev', 'eth0');
  await inside(
    'ping',
    '-c',
    '3',
    '-i',
    '0.2',
    '-W',
    '1',
    '-I',
    '10.42.0.250',
    web?.networks[0]?.address ?? '10.42.0.1',
  );
  await inside('ping', '-c', '3', '-i', '0.2', '-W', '1', '-I', '10.42.0.250', '10.42.0.200');
  await eventually('the drops are counted', async () => (await drops())('spoofed') > before('spoofed'));
  const after = await drops();
  for (const filter of ['foreign-vxlan', 'gateway', 'forward', 'loopback'])
    expect([filter, after(filter)]).toEqual([filter, before(filter)]);
  await inside('ip', 'address', 'del', '10.42.0.250/24', 'dev', 'eth0');
});

test('VXLAN of a stranger is dropped, and counted as such', async () => {
  const foreign = async () =>
    total(await scrape('h1', agentPort), 'trama_dropped_packets_total', { filter: 'foreign-vxlan' });
  await run(cluster, 'other', 'h1', 'app');
  const [network] = await cluster.json<{ vni: number }[]>('network', 'ls');
  const before = await foreign();
  const vni = network?.vni ?? 0;
  const packet = [8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0, ...new Array<number>(60).fill(0)];
  const text = packet.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  // h2 is a member; another address of its is none.
  await host('h2').output(['ip', 'address', 'add', '10.99.0.99/24', 'dev', 'eth0']);
  const target = `UDP4-DATAGRAM:${host('h1').address}:4789,bind=10.99.0.99:5555`;
  await host('h2').output(['sh', '-c', `printf '${text}' | socat -u - ${target}`]);
  await eventually('the drop is counted', async () => (await foreign()) > before);
  await host('h2').output(['ip', 'address', 'del', '10.99.0.99/24', 'dev', 'eth0']);
});

test('the audit holds who did what, and nothing that is a secret', async () => {
  await cluster.trama(
    'run',
    '-d',
    '--name',
    'quiet',
    '--node',
    'h1',
    '-e',
    'PASSWORD=swordfish',
    labImage,
    'sleep',
    '9',
  );
  const text = await host('h1').readFile('/var/lib/trama/server/audit.log');
  const entries = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { method: string; who: string; subject: Record<string, string> });
  const created = entries.filter(({ method }) => method === 'network.create');
  expect(created).toEqual([expect.objectContaining({ who: 'node:h1', outcome: 'ok' })]);
  expect(created[0]?.subject).toMatchObject({ network: 'app', subnet: '10.42.0.0/24' });
  expect(
    entries
      .filter(({ method }) => method === 'node.join')
      .map(({ subject }) => subject.node)
      .sort(),
  ).toEqual(['h1', 'h2']);
  expect(entries.filter(({ subject }) => subject.container === 'quiet').length).toBe(1);
  expect(text + (await cluster.server.output())).not.toMatch(/swordfish|[\w-]{60}/);
  const { stdout } = await host('h1').run(['stat', '-c', '%a', '/var/lib/trama/server/audit.log']);
  expect(stdout.trim()).toBe('600');
});

test('agents that were asked to write JSON write nothing else', async () => {
  for (const agent of cluster.agents.values()) {
    const lines = (await agent.output()).trim().split('\n');
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), message: expect.any(String) });
    expect(lines.length).toBeGreaterThan(2);
  }
});

test('a port that somebody has ends the daemon at its start with a sentence', async () => {
  const { code, stderr } = await host('h2').trama('server', '--state', '/tmp/second', '--http-port', String(agentPort));
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^trama: figures and health cannot be served at 127\.0\.0\.1 port 4704: another program has that port.+--http-port none\n$/,
  );
  expect((await host('h2').run(['test', '-e', '/tmp/second'])).code).toBe(1);
  const asJson = ['--http-port', String(agentPort), '--log-format', 'json'];
  const json = await host('h2').trama('server', '--state', '/tmp/second', ...asJson);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stderr)).toMatchObject({ level: 'error', error: { code: 'conflict' } });
});

test('without its server an agent is alive and not ready, and ready again with it', async () => {
  const inside = await inNamespaceOf(host('h2'), 'web');
  const other = (await containers(cluster)).find(({ name }) => name === 'other');
  const address = other?.networks[0]?.address ?? '';
  cluster.server.kill('SIGKILL');
  await cluster.server.ended;
  await eventually('h2 is not ready', async () => {
    const { status, body } = await get('h2', agentPort, '/readyz');
    return status === 503 && body.startsWith('no server answers');
  });
  expect((await get('h2', agentPort, '/healthz')).status).toBe(200);
  expect(total(await scrape('h2', agentPort), 'trama_connected')).toBe(0);
  // Traffic does not ask whether anybody is ready.
  expect((await inside('ping', '-c1', '-W2', address)).code).toBe(0);
  cluster.server = await host('h1').startServer();
  await eventually('h2 is ready again', async () => (await get('h2', agentPort, '/readyz')).status === 200);
  await until('h2', agentPort, 'trama_connected', {}, 1);
});

test('without its container engine an agent is not ready, and says so', async () => {
  await host('h2').killDocker();
  await eventually('h2 is not ready', async () => {
    const { status, body } = await get('h2', agentPort, '/readyz');
    return status === 503 && /Docker/.test(body);
  });
  await until('h2', agentPort, 'trama_engine_available', {}, 0);
});
