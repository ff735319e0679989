/**
 * A client on one host, and servers for throughput and round-trip time on the other.
 *
 * Round-trip time is sockperf's ping-pong over UDP: one message under way, so that nothing queues, and some ten thousand
 * of them in a second. Its median is steadier than that of `ping -f`, which sends by its own clock as well. Both ends are on
 * one core: whether the kernel wakes the other core or not would decide between 25 and 60 µs, by chance.
 */
import { eventually } from '../src/lab/lab.ts';
import { output, type Running, spawn, start } from '../src/platform/platform.ts';
import { addressOf, idle, inside, namespaceOf, type Pair } from './pair.ts';
import type { Bench } from './subject.ts';

const onOneCore = ['taskset', '--cpu-list', '0'] as const;

export interface Line {
  /** The client's network namespace. */
  readonly from: string;
  readonly address: string;
  /** MTU of the way, bytes. */
  readonly mtu: number;
}

/** Between containers, one on each host, in one of Docker's networks. */
export async function lineIn(bench: Bench, { first, second }: Pair, name: string, network: string): Promise<Line> {
  const [client, server] = await Promise.all([
    idle(first, `client-${name}`, network),
    idle(second, `server-${name}`, network),
  ]);
  const [from, to, address] = await Promise.all([
    namespaceOf(first, client),
    namespaceOf(second, server),
    addressOf(second, server),
  ]);
  return lineBetween(bench, from, to, address);
}

/** Between two network namespaces. */
export async function lineBetween(bench: Bench, from: string, to: string, address: string): Promise<Line> {
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
    await gigabitsPerSecond(line, 1);
    await roundTripMicroseconds(line, 1);
    return true;
  });
}

async function mtuOf(namespace: string, peer: string): Promise<number> {
  const [route] = JSON.parse(await output(spawn, { argv: inside(namespace, ['ip', '-j', 'route', 'get', peer]) }));
  const argv = inside(namespace, ['ip', '-j', 'link', 'show', 'dev', route.dev]);
  const [link] = JSON.parse(await output(spawn, { argv }));
  return link.mtu;
}

export async function gigabitsPerSecond({ from, address }: Line, seconds: number): Promise<number> {
  const argv = inside(from, ['iperf3', '--client', address, '--time', `${seconds}`, '--json']);
  const report = JSON.parse(await output(spawn, { argv, timeoutMs: 30_000 }));
  return report.end.sum_received.bits_per_second / 1e9;
}

export async function roundTripMicroseconds({ from, address }: Line, seconds: number): Promise<number> {
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
