/**
 * What becomes of requests whose server is killed. Three servers over three members of an etcd; each host's agent is asked for join
 * tokens by several clients at once, without a pause, while servers are killed and started again in turn. Every token that was asked for
 * must be in etcd exactly once: none lost, none made twice.
 */
import { keysFromSecret } from '../src/bus/keys.ts';
import { encodeBase64Url, parseToken } from '../src/domain/domain.ts';
import { connectLocalApi } from '../src/interfaces/local/client.ts';
import { createLab, eventually, type LabCluster, startCluster } from '../src/lab/lab.ts';
import { systemClock } from '../src/platform/platform.ts';
import { ask } from '../src/protocol/protocol.ts';
import type { Subject } from './subject.ts';

const names = ['h1', 'h2', 'h3'] as const;
const clientsPerHost = 10;
const requests = 10_000;
const kills = 9;
const pauses = 3;
/** Between servers that are whole again and the next blow. */
const calmMs = 500;
/** Longer than it takes to leave a paused server. */
const pausedMs = 3000;

interface Request {
  readonly began: number;
  readonly ms: number;
  /** What came of it: the token's key. */
  readonly key?: string;
}

export const failover: Subject = async (bench) => {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: names, servers: 3, onStep: bench.say });
  await untilWhole(cluster);
  const before = (await keysInStore(cluster)).length;
  const done: Request[] = [];
  const failures: string[] = [];
  let blowsLeft = true;
  const working = Promise.all(
    names.flatMap((name) =>
      Array.from({ length: clientsPerHost }, async () => {
        const socket = `/proc/${cluster.host(name).init}/root/run/trama/agent.sock`;
        const api = connectLocalApi({ socketPaths: [socket] });
        while ((blowsLeft || done.length < requests) && !bench.signal.aborted) {
          const began = performance.now();
          const answer = await ask(api, 'token.create', { uses: 1, ttlMs: 3_600_000 }).catch((error: Error) => {
            failures.push(error.message);
          });
          const ms = performance.now() - began;
          done.push({ began, ms, ...(answer === undefined ? {} : { key: keyOf(answer.token) }) });
        }
      }),
    ),
  );
  const killed: number[] = [];
  const paused: number[] = [];
  for (let blow = 0; blow < kills + pauses; blow += 1) {
    bench.signal.throwIfAborted();
    await systemClock.sleep(calmMs);
    const name = names[blow % names.length] ?? 'h1';
    const server = cluster.servers.get(name);
    if (blow < kills) {
      bench.say(`the server on ${name} is killed, after ${done.length} requests`);
      killed.push(performance.now());
      server?.kill('SIGKILL');
      await server?.ended;
      await cluster.startServer(name);
    } else {
      bench.say(`the server on ${name} is paused`);
      paused.push(performance.now());
      server?.kill('SIGSTOP');
      await systemClock.sleep(pausedMs);
      server?.kill('SIGCONT');
    }
    await untilWhole(cluster);
  }
  blowsLeft = false;
  await working;
  const made = await keysInStore(cluster);
  const there = new Set(made);
  const told = done.flatMap(({ key }) => key ?? []);
  const lost = failures.length + told.filter((key) => !there.has(key)).length;
  const doubled = made.length - before - told.length;
  const over = (moments: readonly number[]) =>
    done.filter(({ began, ms }) => moments.some((at) => began < at && at < began + ms)).map(({ ms }) => ms);
  const [overKills, overPauses, all] = [over(killed), over(paused), done.map(({ ms }) => ms)];
  return {
    subject: 'failover',
    title: 'requests whose server is killed',
    figures: [
      { label: `in flight when a server was killed (${kills} times)`, unit: 'ms', values: overKills },
      { label: `in flight when a server was paused (${pauses} times)`, unit: 'ms', values: overPauses },
      { label: 'all', unit: 'ms', values: all },
    ],
    targets: [
      {
        what: 'in flight at a kill, p99',
        relation: 'under',
        limit: 1500,
        measured: percentile(overKills, 0.99),
        unit: 'ms',
      },
      { what: 'lost', relation: 'exactly', limit: 0, measured: lost, unit: 'requests' },
      { what: 'done twice', relation: 'exactly', limit: 0, measured: doubled, unit: 'requests' },
    ],
    notes: [
      `${done.length} requests of ${names.length * clientsPerHost} clients at three agents; each makes a join token, which etcd has or has not.`,
      `All requests: p99 ${percentile(all, 0.99).toFixed(0)} ms.`,
      ...[...new Set(failures)].slice(0, 3).map((message) => `failed: ${message}`),
    ],
  };
};

/** Every agent is connected to every server. */
function untilWhole(cluster: LabCluster): Promise<void> {
  return eventually('every agent is connected to every server', async () => {
    for (const name of names) {
      const { stdout } = await cluster.host(name).run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:4700/metrics']);
      if (!stdout.includes(`\ntrama_connected_nodes ${names.length}\n`)) return false;
    }
    return true;
  });
}

const prefix = 'trama//trama/tokens/';

async function keysInStore(cluster: LabCluster): Promise<string[]> {
  const answer = await cluster.etcd?.etcdctl('h1', 'get', '--prefix', '--keys-only', prefix);
  if (answer?.code !== 0) throw new Error(`etcd does not say what it holds: ${answer?.stderr}`);
  return answer.stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(prefix.length)]));
}

function keyOf(token: string): string {
  const { publicKey } = keysFromSecret(encodeBase64Url(parseToken(token).secret));
  return Buffer.from(publicKey).toString('hex');
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
