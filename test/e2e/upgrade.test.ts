/** An upgrade as the package does it: from one copy of the program to another, while containers talk. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  startCluster,
  untilReady,
} from '../../src/lab/lab.ts';
import { repository } from '../../src/lab/machine.ts';
import { type Container, inNamespaceOf, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let host: LabHost;

const built = '/var/lib/package';
const installed = '/var/lib/installed';

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  host = cluster.host('h2');
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await run(cluster, 'near', 'h1', 'app');
  await run(cluster, 'far', 'h2', 'app');
  // On the host's own disk: the lab's reaper finds it.
  const how = { env: { TRAMA_PACKAGE_PACKED: 'none' }, timeoutMs: 120_000 };
  const file = await host.output(['sh', `${repository}/scripts/package.sh`, built], how);
  await host.output(['dpkg-deb', '-x', file.trim(), installed], { timeoutMs: 60_000 });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** As systemd stops and starts the unit. @returns the new one's log, whole */
async function restart(program: string): Promise<() => Promise<string>> {
  const old = cluster.agents.get('h2');
  old?.kill('SIGTERM');
  expect(await old?.ended).toBe(0);
  const agent = await host.start([program, 'agent'], { name: 'agent' });
  cluster.agents.set('h2', agent);
  await eventually('the agent is ready', async () => (await agent.output()).includes('agent ready'));
  await untilReady(cluster);
  return () => agent.output();
}

test('no packet is lost, nothing is changed in the kernel, and containers are the same', async () => {
  const { networks } = await cluster.json<Container>('inspect', 'near');
  const inside = await inNamespaceOf(host, 'far');
  const before = await cluster.json<Container[]>('ps');
  const ping = inside('ping', '-q', '-i', '0.01', '-w', '20', networks[0]?.address ?? '');
  for (const round of [1, 2]) {
    const log = await restart(`${installed}/usr/bin/trama`);
    expect({ round, repaired: /kind=repair/.test(await log()) }).toEqual({ round, repaired: false });
  }
  // Both were over before the last packet.
  expect(await Promise.race([ping.then(() => 'ended'), Promise.resolve('goes on')])).toBe('goes on');
  const { stdout } = await ping;
  const [, sent = '0', received = ''] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
  expect(Number(sent)).toBeGreaterThan(1000);
  expect(received).toBe(sent);
  expect(await cluster.json<Container[]>('ps')).toEqual(before);
  expect((await cluster.host('h2').trama('exec', 'near', 'true')).code).toBe(0);
});
