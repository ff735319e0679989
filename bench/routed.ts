/** Container to container across two hosts by routes, beside the bare underlay between the same hosts and the overlay. */
import { eventually } from '../src/lab/lab.ts';
import { gigabitsPerSecond, type Line, lineBetween, lineIn, roundTripMicroseconds } from './lines.ts';
import { namespaceOfHost, networks, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 8;
const seconds = 1;
const kinds = ['underlay', 'routed', 'links', 'overlay'] as const;

export const routed: Subject = async (bench) => {
  const pair = await startPair(bench);
  const { first, second, cluster } = pair;
  await cluster.trama('network', 'create', 'fast', '--driver', 'routed');
  await cluster.trama('network', 'create', 'links', '--driver', 'routed', '--attach', 'p2p');
  for (const host of [first, second])
    await eventually('the networks are there', async () => (await host.docker('network', 'ls')).includes('links'));
  const lines: Record<(typeof kinds)[number], Line> = {
    underlay: await lineBetween(bench, namespaceOfHost(first), namespaceOfHost(second), second.address),
    routed: await lineIn(bench, pair, 'routed', 'fast'),
    links: await lineIn(bench, pair, 'links', 'links'),
    overlay: await lineIn(bench, pair, 'overlay', networks.trama),
  };
  bench.say(`${rounds} rounds of ${seconds} s each of throughput and round-trip time`);
  const throughput = await interleaved(kinds, rounds, (kind) => gigabitsPerSecond(lines[kind], seconds));
  const roundTrip = await interleaved(kinds, rounds, (kind) => roundTripMicroseconds(lines[kind], seconds));
  const faster = (kind: 'routed' | 'links', than: 'underlay' | 'overlay', limit: number) => ({
    what: `throughput, ${labels[kind]} / ${labels[than]}`,
    relation: 'at least' as const,
    limit,
    measured: median(throughput[kind]) / median(throughput[than]),
    unit: '×',
  });
  const sooner = (kind: 'routed' | 'links') => ({
    what: `round-trip time, ${labels[kind]} / ${labels.underlay}`,
    relation: 'at most' as const,
    limit: 1.1,
    measured: median(roundTrip[kind]) / median(roundTrip.underlay),
    unit: '×',
  });
  return {
    subject: 'routed',
    title: 'container to container across hosts, by routes',
    figures: [
      ...kinds.map((kind) => ({ label: `TCP, ${labels[kind]}`, unit: 'Gbit/s', values: throughput[kind] })),
      ...kinds.map((kind) => ({ label: `round trip, ${labels[kind]}`, unit: 'µs', values: roundTrip[kind] })),
    ],
    targets: [
      faster('routed', 'underlay', 0.97),
      faster('routed', 'overlay', 1),
      sooner('routed'),
      faster('links', 'underlay', 0.97),
      faster('links', 'overlay', 1),
      sooner('links'),
    ],
    notes: [
      'Round trip: sockperf ping-pong over UDP, the median of a second, both ends on one core.',
      'The underlay is a veth pair per host and a bridge, a tenth of what a wire and two cards take.',
    ],
  };
};

const labels = {
  underlay: 'host to host',
  routed: 'routed, on a bridge',
  links: 'routed, point to point',
  overlay: 'overlay',
} as const;
