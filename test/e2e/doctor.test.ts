/** `trama doctor`: silent on a healthy host, and for each thing that is broken for real the finding that says so. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/doctor.ts';
import { createLab, eventually, type Lab, type LabCluster, type LabHost, startCluster } from '../../src/lab/lab.ts';
import { namespaceOf } from '../../src/lab/session.ts';
import { output, spawn } from '../../src/platform/platform.ts';
import { type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let h1: LabHost;
let h2: LabHost;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await Promise.all([run(cluster, 'c1', 'h1', 'app'), run(cluster, 'c2', 'h2', 'app')]);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

interface Examined {
  readonly code: number;
  readonly findings: readonly Finding[];
  /** Those that are not well, as `status check subject`. */
  readonly unwell: readonly string[];
}

async function doctor(host: LabHost): Promise<Examined> {
  const { code, stdout } = await host.trama('doctor', '-o', 'json');
  const findings = JSON.parse(stdout) as Finding[];
  const unwell = findings.filter(({ status }) => status !== 'pass');
  for (const { remedy } of unwell) expect(remedy).toMatch(/^[A-Z].*\.$/s);
  return { code, findings, unwell: unwell.map(({ status, check, subject }) => `${status} ${check} ${subject}`) };
}

const found = ({ findings }: Examined, check: string, subject: string) =>
  findings.find((each) => each.check === check && each.subject === subject)?.found;

const onUnderlay = (...argv: string[]) =>
  output(spawn, { argv: ['ip', 'netns', 'exec', namespaceOf(lab.session, 'underlay'), ...argv] });

/** What a host's kernel holds, without counters. */
const kernelOf = (host: LabHost) =>
  host.output([
    'sh',
    '-c',
    'ip -br netns; ip -br link; ip -4 address; ip route; nft -s list ruleset; ip -n trama link; ls /run /var/lib/trama; ls /tmp | grep trama || :',
  ]);

test('a healthy host has nothing to be told of, and is as it was before', async () => {
  const before = await kernelOf(h1);
  const examined = await doctor(h1);
  expect(examined.unwell).toEqual([]);
  expect(examined.code).toBe(0);
  expect(found(examined, 'vxlan', 'h2')).toBe('UDP 4789 passes both ways, with packets of 1450 bytes in network app');
  expect(await kernelOf(h1)).toEqual(before);
  const { code, stdout, stderr } = await h2.trama('doctor');
  expect(stdout).toMatch(/^PASS {2}mtu +h1 +packets of 1500 bytes reach 10\.99\.0\.\d+ whole$/m);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^\d+ passed, 0 to be warned of, 0 failed\n$/),
  });
});

test('interrupted, it leaves nothing', async () => {
  const before = await kernelOf(h1);
  const program = new URL('../../bin/trama', import.meta.url).pathname;
  const pinging = 'until pgrep -x ping >/dev/null; do sleep 0.01; done';
  const script = `${program} doctor & ${pinging}; kill -INT $!; wait $!; echo $?`;
  expect(await h1.output(['sh', '-c', script])).toMatch(/130\n$/);
  await eventually('no ping is left', async () => (await h1.run(['pgrep', '-x', 'ping'])).code !== 0);
  expect(await kernelOf(h1)).toEqual(before);
});

test('a way that does not carry full packets', async () => {
  await onUnderlay('ip', 'link', 'set', 'h2', 'mtu', '1400');
  const examined = await doctor(h1);
  await onUnderlay('ip', 'link', 'set', 'h2', 'mtu', '1500');
  expect(examined).toMatchObject({ code: 1, unwell: ['fail mtu h2', 'fail vxlan h2'] });
  expect(found(examined, 'mtu', 'h2')).toMatch(/^packets of 1500 bytes do not reach 10\.99\.0\.\d+, those of 1400 do$/);
  expect(found(examined, 'vxlan', 'h2')).toBe(
    'small packets pass both ways in network app, those of 1450 bytes do not',
  );
});

test.each([
  ['from', 'iifname', 'prerouting', 'what this host sends reaches h2 in network app, what h2 sends does not arrive'],
  ['to', 'oifname', 'postrouting', 'what h2 sends arrives in network app, what this host sends does not reach it'],
])('VXLAN dropped on the way %s the other node', async (_, end, hook, says) => {
  const rule = `${end} "h2" udp dport 4789 drop`;
  await onUnderlay(
    'nft',
    `add table bridge broken; add chain bridge broken c { type filter hook ${hook} priority 0; }`,
  );
  await onUnderlay('nft', `add rule bridge broken c ${rule}`);
  const examined = await doctor(h1);
  await onUnderlay('nft', 'delete table bridge broken');
  expect(examined).toMatchObject({ code: 1, unwell: ['fail vxlan h2'] });
  expect(found(examined, 'vxlan', 'h2')).toBe(says);
});

test('a firewall that drops what it does not know', async () => {
  const accepted = [
    'ct state established accept',
    'iifname "lo" accept',
    'tcp dport { 22, 4701-4702 } accept',
    'ip protocol icmp accept',
  ];
  await h1.output([
    'nft',
    `add table inet wall; add chain inet wall input { type filter hook input priority 10; policy drop; }; ${accepted
      .map((rule) => `add rule inet wall input ${rule}`)
      .join('; ')}`,
  ]);
  const examined = await doctor(h1);
  expect(examined).toMatchObject({ code: 1, unwell: ['fail vxlan h2', 'fail firewall nft inet wall input'] });
  // The remedy is one.
  const { remedy = '' } = examined.findings.find(({ check }) => check === 'firewall') ?? {};
  const [, command = ''] = /`nft (.*)`/.exec(remedy) ?? [];
  await h1.output(['nft', command]);
  expect(await doctor(h1)).toMatchObject({ code: 0, unwell: [] });
  await h1.output(['nft', 'delete table inet wall']);
});

test("Docker's FORWARD drops, and nobody can answer", async () => {
  await h1.output(['iptables', '-D', 'FORWARD', '-j', 'DOCKER-USER']);
  const examined = await doctor(h1);
  await h1.output(['iptables', '-I', 'FORWARD', '-j', 'DOCKER-USER']);
  expect(examined).toMatchObject({ code: 1, unwell: ['fail firewall iptables filter FORWARD'] });
});

test('a network that is nearly full, and full', async () => {
  await cluster.trama('network', 'create', 'tiny', '--subnet', '10.43.0.0/29');
  await Promise.all(['t1', 't2', 't3'].map((name) => run(cluster, name, 'h1', 'tiny')));
  expect(await doctor(h1)).toMatchObject({ code: 0, unwell: ['warn addresses tiny'] });
  await run(cluster, 't4', 'h1', 'tiny');
  const examined = await doctor(h1);
  expect(examined).toMatchObject({ code: 1, unwell: ['fail addresses tiny'] });
  expect(found(examined, 'addresses', 'tiny')).toBe('5 of 5 addresses of 10.43.0.0/29 are in use');
  await cluster.trama('rm', '-f', 't1', 't2', 't3', 't4');
  await cluster.trama('network', 'rm', 'tiny');
});

test('a program that is missing', async () => {
  await h2.output([
    'sh',
    '-c',
    'mkdir /run/fewer; ln -s /usr/sbin/* /usr/bin/* /run/fewer/ 2>&-; rm /run/fewer/conntrack',
  ]);
  const node = process.execPath.slice(0, process.execPath.lastIndexOf('/'));
  const trama = new URL('../../bin/trama', import.meta.url).pathname;
  const { code, stdout } = await h2.run(['env', `PATH=/run/fewer:${node}`, trama, 'doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^FAIL {2}tools +conntrack +is not installed, or not in PATH\n +→ .*apt-get install conntrack/m,
  );
});

test('an entry that is gone while no agent runs, and a route over a network: the agent that comes back tells', async () => {
  const agent = cluster.agents.get('h1');
  agent?.kill('SIGKILL');
  await agent?.ended;
  const entries = await h1.output(['bridge', '-n', 'trama', 'fdb', 'show', 'dev', 'trx10001']);
  const remote = entries.split('\n').filter((line) => line.includes(`dst ${h2.address}`));
  for (const line of remote) {
    const [mac = ''] = line.split(' ');
    await h1.output(['bridge', '-n', 'trama', 'fdb', 'del', mac, 'dev', 'trx10001', 'dst', h2.address]);
  }
  await h1.output(['ip', 'route', 'add', '10.42.7.0/24', 'via', lab.gateway]);
  const examined = await doctor(h1);
  expect(examined.code).toBe(1);
  expect(examined.unwell).toEqual(['warn agent node h1', 'fail routes app', 'fail vxlan h2', 'warn drift this host']);
  cluster.agents.set('h1', await h1.startAgent());
  await eventually('the agent has told of the route', async () => {
    const shown = await cluster.json<NodeShown>('node', 'inspect', 'h1');
    return shown.events.some(({ message }) => message.startsWith('doctor: routes of app: 10.42.0.0/16 overlaps'));
  });
  await h1.output(['ip', 'route', 'del', '10.42.7.0/24']);
  expect(await doctor(h1)).toMatchObject({ code: 0, unwell: [] });
});

test('Docker that does not run', async () => {
  await h2.killDocker();
  const examined = await doctor(h2);
  expect(examined).toMatchObject({ code: 1, unwell: ['fail docker /var/run/docker.sock'] });
});

test('without any daemon it goes as far as it can', async () => {
  const agent = cluster.agents.get('h2');
  agent?.kill('SIGKILL');
  await agent?.ended;
  const { code, findings } = await doctor(h2);
  expect(code).toBe(1);
  expect(findings.filter(({ found }) => found.startsWith('not asked: ')).map(({ check }) => check)).toEqual([
    ...['clock', 'routes', 'mtu', 'vxlan', 'addresses', 'drift'],
  ]);
  const ports = findings.filter(({ check, status }) => check === 'server-ports' && status === 'pass');
  expect(ports).toHaveLength(2);
});
