/**
 * Nobody is taken for lost who is only slow: three hosts with servers, etcds, agents and engines, while processes that do nothing but compute
 * take all cores, with the same right to them. Each word about a node's silence is in the store: what is written there is counted.
 *
 * TRAMA_BENCH_BUSY_MINUTES: other than 10.
 */
import { availableParallelism } from 'node:os';
import { createLab, eventually, startCluster } from '../src/lab/lab.ts';
import { start, systemClock } from '../src/platform/platform.ts';
import { spread } from './control/latencies.ts';
import { readUntil } from './control/readings.ts';
import type { Subject } from './subject.ts';

const names = ['h1', 'h2', 'h3'] as const;
const minutes = Number(process.env.TRAMA_BENCH_BUSY_MINUTES ?? 10);
/** What begins late is begun, and what was noticed last is written. */
const settleMs = 10_000;
const perCore = 2;
const states = ['suspect', 'down', 'evicting'] as const;

export const busy: Subject = async (bench) => {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: names, servers: 3, onStep: bench.say });
  await systemClock.sleep(settleMs);
  const [host] = cluster.hosts;
  if (host === undefined) throw new Error('there is no host');
  const asking = [
    'etcdctl',
    '--endpoints',
    `http://${host.address}:2379`,
    'watch',
    '--prefix',
    'trama//trama/nodes/',
  ] as const;
  const told = await host.start(asking, { name: 'watch', env: { ETCDCTL_API: '3' } });
  const spinners = perCore * availableParallelism();
  bench.say(`${spinners} processes compute for ${minutes} minutes`);
  for (let number = 0; number < spinners; number += 1)
    bench.resources.use(start(['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', 'while :; do :; done']));
  const over = systemClock.sleep(minutes * 60_000, bench.signal);
  const { machine } = await readUntil(over, []);
  bench.signal.throwIfAborted();
  await systemClock.sleep(settleMs);
  const counts = statesIn(await told.output());
  // Whoever hears of none must show that he would have.
  bench.say('the agent on h3 is killed');
  const killed = performance.now();
  cluster.agents.get('h3')?.kill('SIGKILL');
  const isDown = async () => (statesIn(await told.output()).get('down') ?? 0) > (counts.get('down') ?? 0);
  await eventually('it is said to be down', isDown);
  const noticed = (performance.now() - killed) / 1000;
  const count = (state: (typeof states)[number]) => counts.get(state) ?? 0;
  return {
    subject: 'busy',
    title: `three hosts for ${minutes} minutes whose cores are taken by others`,
    columns: ['median', 'p99', 'worst'],
    figures: [
      { label: 'CPU, all that runs on the machine', unit: '% of a core', values: spread(machine) },
      { label: 'afterwards an agent is killed: until it is down', unit: 's', values: spread([noticed]) },
    ],
    targets: [
      { what: 'nodes said to be down', relation: 'exactly', limit: 0, measured: count('down'), unit: 'times' },
      { what: 'nodes evicted', relation: 'exactly', limit: 0, measured: count('evicting'), unit: 'times' },
    ],
    notes: [
      `${spinners} processes that compute on ${availableParallelism()} cores, at the same priority as all else.`,
      `Said to be suspect by one server, and taken back by whoever heard it: ${count('suspect')} times.`,
    ],
  };
};

/** How often a node has come into each state, by all that was written of nodes. */
function statesIn(written: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const now = new Map<string, string | undefined>();
  for (const line of written.split('\n').filter((each) => each.startsWith('{'))) {
    const { name, health } = JSON.parse(line) as { name: string; health?: { state: string } };
    if (health !== undefined && health.state !== now.get(name))
      counts.set(health.state, (counts.get(health.state) ?? 0) + 1);
    now.set(name, health?.state);
  }
  return counts;
}
