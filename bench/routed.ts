/** Container to container across two hosts by routes, beside the bare underlay between the same hosts and the overlay. */
import { eventually, type LabHost } from '../src/lab/lab.ts';
import { gigabitsPerSecond, type Line, lineBetween, lineIn, roundTripMicroseconds } from './lines.ts';
import { namespaceOfHost, networks, type Pair, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const rounds = 8;
const seconds = 1;
const wire = '10 Gbit/s';
const bucket = ['rate', '10gbit', 'burst', '1mb', 'latency', '5ms'];
const kinds = ['underlay', 'byHand', 'routed', 'links', 'overlay'] as const;

export const routed: Subject = async (bench) => {
  const pair = await startPair(bench);
  const { first, second, cluster } = pair;
  await cluster.trama('network', 'create', 'fast', '--driver', 'routed');
  await cluster.trama('network', 'create', 'links', '--driver', 'routed', '--attach', 'p2p');
  for (const host of [first, second])
    await eventually('the networks are there', async () => (await host.docker('network', 'ls')).includes('links'));
  const lines: Record<(typeof kinds)[number], Line> = {
    underlay: await lineBetween(bench, namespaceOfHost(first), namespaceOfHost(second), second.address),
    byHand: await lineByHand(bench, pair),
    routed: await lineIn(bench, pair, 'routed', 'fast'),
    links: await lineIn(bench, pair, 'links', 'links'),
    overlay: await lineIn(bench, pair, 'overlay', networks.trama),
  };
  bench.say(`${rounds} rounds of ${seconds} s each of throughput and round-trip time`);
  const throughput = await interleaved(kinds, rounds, (kind) => gigabitsPerSecond(lines[kind], seconds));
  const roundTrip = await interleaved(kinds, rounds, (kind) => roundTripMicroseconds(lines[kind], seconds));
  bench.say(`${rounds} rounds of ${seconds} s each of throughput over an underlay of ${wire}`);
  for (const host of [first, second])
    await host.output(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', ...bucket]);
  const overWire = await interleaved(kinds, rounds, (kind) => gigabitsPerSecond(lines[kind], seconds));
  const faster = (kind: 'routed' | 'links', than: 'underlay' | 'overlay', limit: number) =>
    (
      [
        ['', throughput],
        [` over ${wire}`, overWire],
      ] as const
    ).map(([over, by]) => ({
      what: `throughput${over}, ${labels[kind]} / ${labels[than]}`,
      relation: 'at least' as const,
      limit,
      measured: median(by[kind]) / median(by[than]),
      unit: '×',
    }));
  const sooner = (kind: 'routed' | 'links', than: 'underlay' | 'byHand') => ({
    what: `round-trip time, ${labels[kind]} / ${labels[than]}`,
    relation: 'at most' as const,
    limit: 1.1,
    measured: median(roundTrip[kind]) / median(roundTrip[than]),
    unit: '×',
  });
  return {
    subject: 'routed',
    title: 'container to container across hosts, by routes',
    figures: [
      ...kinds.map((kind) => ({ label: `TCP, ${labels[kind]}`, unit: 'Gbit/s', values: throughput[kind] })),
      ...kinds.map((kind) => ({ label: `TCP over ${wire}, ${labels[kind]}`, unit: 'Gbit/s', values: overWire[kind] })),
      ...kinds.map((kind) => ({ label: `round trip, ${labels[kind]}`, unit: 'µs', values: roundTrip[kind] })),
    ],
    targets: [
      ...faster('routed', 'underlay', 0.97),
      ...faster('routed', 'overlay', 1),
      sooner('routed', 'underlay'),
      ...faster('links', 'underlay', 0.97),
      ...faster('links', 'overlay', 1),
      sooner('links', 'underlay'),
      sooner('links', 'byHand'),
    ],
    notes: [
      'Round trip: sockperf ping-pong over UDP, the median of a second, both ends on one core.',
      'The underlay is a veth pair per host and a bridge, a tenth of what a wire and two cards take.',
      `Over ${wire}: the same underlay, on which either host sends as much as a card of that rate would (a token bucket).`,
      'By hand: a namespace, a veth pair and a route on either host, the least that two namespaces take to reach each other.',
    ],
  };
};

/** What somebody with `ip` alone would make. Docker's FORWARD lets nobody through who is not let in. */
async function lineByHand(bench: Bench, { first, second }: Pair): Promise<Line> {
  const hosts = [
    { host: first, own: '10.88.1', other: '10.88.2', via: second.address },
    { host: second, own: '10.88.2', other: '10.88.1', via: first.address },
  ];
  for (const { host, own, other, via } of hosts) {
    const script = `
      ip netns add hand
      ip link add hand type veth peer name eth0 netns hand
      ip addr add ${own}.1/24 dev hand
      ip link set hand up
      ip -n hand addr add ${own}.2/24 dev eth0
      ip -n hand link set eth0 up
      ip -n hand route add default via ${own}.1
      ip route add ${other}.0/24 via ${via}
      iptables -I DOCKER-USER -i hand -j ACCEPT
      iptables -I DOCKER-USER -o hand -j ACCEPT`;
    await host.output(['sh', '-ec', script]);
  }
  const namespace = ({ init }: LabHost) => `/proc/${init}/root/run/netns/hand`;
  return lineBetween(bench, namespace(first), namespace(second), '10.88.2.2');
}

const labels = {
  underlay: 'host to host',
  byHand: 'by hand',
  routed: 'routed, on a bridge',
  links: 'routed, point to point',
  overlay: 'overlay',
} as const;
