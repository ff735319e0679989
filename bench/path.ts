/** Container to container across two hosts: Trama's overlay and Swarm's, between the same hosts, on the same engines. */
import { gigabitsPerSecond, type Line, lineIn, roundTripMicroseconds } from './lines.ts';
import { networks, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 8;
const seconds = 1;
const kinds = ['trama', 'swarm'] as const;
type Kind = (typeof kinds)[number];

export const path: Subject = async (bench) => {
  const pair = await startPair(bench);
  const lines: Record<Kind, Line> = {
    trama: await lineIn(bench, pair, 'trama', networks.trama),
    swarm: await lineIn(bench, pair, 'swarm', networks.swarm),
  };
  bench.say(`${rounds} rounds of ${seconds} s each of throughput and round-trip time`);
  const throughput = await interleaved(kinds, rounds, (kind) => gigabitsPerSecond(lines[kind], seconds));
  const roundTrip = await interleaved(kinds, rounds, (kind) => roundTripMicroseconds(lines[kind], seconds));
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
