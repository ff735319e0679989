/**
 * Container to container across two hosts: Trama's overlay and Swarm's, between the same hosts, on the same engines.
 *
 * Round-trip time is sockperf's ping-pong over UDP: one message under way, so that nothing queues, and some ten thousand
 * of them in a second. Its median is steadier than that of `ping -f`, which sends by its own clock as well. Both ends are on
 * one core: whether the kernel wakes the other core or not would decide between 25 and 60 µs, by chance.
 */
import { eventually } from '../src/lab/lab.ts';
import type { Running } from '../src/platform/platform.ts';
import { output, spawn, start } from '../src/platform/platform.ts';
import { addressOf, idle, inside, namespaceOf, networks, type Pair, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const rounds = 8;
const seconds = 1;
const onOneCore = ['taskset', '--cpu-list', '0'] as const;
const kinds = ['trama', 'swarm'] as const;
type Kind = (typeof kinds)[number];

/** A container on each host, in one network. */
interface Line {
  /** The client's network namespace. */
  readonly from: string;
  readonly address: string;
  /** MTU of the containers' interface, bytes. */
  readonly mtu: number;
}

export const path: Subject = async (bench) => {
  const pair = await startPair(bench);
  const lines: Record<Kind, Line> = {
    trama: await lineIn(bench, pair, 'trama'),
    swarm: await lineIn(bench, pair, 'swarm'),
  };
  bench.say(`${rounds} rounds of ${seconds} s each of throughput and round-trip time`);
  const throughput = await interleaved(kinds, rounds, (kind) => gigabitsPerSecond(lines[kind]));
  const roundTrip = await interleaved(kinds, rounds, (kind) => roundTripMicroseconds(lines[kind]));
  return {
    subject: 'path',
    title: 'container to container across hosts',
    figures: [
      ...kinds.map((kind) => ({ label: `TCP, ${labels[kind]}`, unit: 'Gbit/s', values: throughput[kind] })),
      ...kinds.map((kind) => ({ label: `round trip, ${labels[kind]}`, unit: 'µs', values: roundTrip[kind] })),
    ],
    targets: [
      {
        what: 'throughput, Trama / Swarm',
        relation: 'at least',
        limit: 0.97,
        measured: median(throughput.trama) / median(throughput.swarm),
        unit: '×',
      },
      {
        what: 'round-trip time, Trama / Swarm',
        relation: 'at most',
        limit: 1.05,
        measured: median(roundTrip.trama) / median(roundTrip.swarm),
        unit: '×',
      },
    ],
    notes: [
      'Round trip: sockperf ping-pong over UDP, the median of a second, both ends on one core.',
      `MTU in the containers: Trama ${lines.trama.mtu}, Swarm ${lines.swarm.mtu}.`,
    ],
  };
};

const labels = { trama: "Trama's overlay", swarm: "Swarm's overlay" } as const;

async function lineIn(bench: Bench, { first, second }: Pair, kind: Kind): Promise<Line> {
  const [client, server] = await Promise.all([
    idle(first, `client-${kind}`, networks[kind]),
    idle(second, `server-${kind}`, networks[kind]),
  ]);
  const [from, to, address] = await Promise.all([
    namespaceOf(first, client),
    namespaceOf(second, server),
    addressOf(second, server),
  ]);
  bench.resources.use(serve(to, ['iperf3', '--server']));
  bench.resources.use(serve(to, [...onOneCore, 'sockperf', 'server', '--ip', '0.0.0.0']));
  const line = { from, address, mtu: await mtuOf(from, address) };
  await answering(line);
  return line;
}

function serve(namespace: string, argv: readonly string[]): Running {
  const running = start(inside(namespace, argv));
  void (async () => {
    for await (const _ of running.lines);
  })().catch(() => {});
  return running;
}

/** Both servers listen, the path to them is known, and everything has run once. */
async function answering(line: Line): Promise<void> {
  await eventually(`iperf3 and sockperf answer at ${line.address}`, async () => {
    await gigabitsPerSecond(line);
    await roundTripMicroseconds(line);
    return true;
  });
}

async function mtuOf(namespace: string, peer: string): Promise<number> {
  const [route] = JSON.parse(await output(spawn, { argv: inside(namespace, ['ip', '-j', 'route', 'get', peer]) }));
  const argv = inside(namespace, ['ip', '-j', 'link', 'show', 'dev', route.dev]);
  const [link] = JSON.parse(await output(spawn, { argv }));
  return link.mtu;
}

async function gigabitsPerSecond({ from, address }: Line): Promise<number> {
  const argv = inside(from, ['iperf3', '--client', address, '--time', `${seconds}`, '--json']);
  const report = JSON.parse(await output(spawn, { argv, timeoutMs: 30_000 }));
  return report.end.sum_received.bits_per_second / 1e9;
}

async function roundTripMicroseconds({ from, address }: Line): Promise<number> {
  const argv = inside(from, [
    ...onOneCore,
    'sockperf',
    'ping-pong',
    '--ip',
    address,
    '--time',
    `${seconds}`,
    '--full-rtt',
  ]);
  const text = await output(spawn, { argv, timeoutMs: 30_000 });
  const found = /percentile 50\.0+ =\s*([\d.]+)/.exec(text)?.[1];
  if (found === undefined) throw new Error(`sockperf told no median: ${text.slice(-300)}`);
  return Number(found);
}
