/** Tries the ways to the other nodes, several at a time. */
import { overheadOf } from '../../domain/domain.ts';
import { heardPing, ping } from '../../platform/platform.ts';
import type { NetworkView, NodeView, Result } from '../../protocol/protocol.ts';
import type { ExamineOptions } from '../doctor.ts';
import type { Overlay, Peer, Underlay } from '../judge/paths.ts';
import { asked, type Cluster } from './cluster.ts';

/** Each is some commands for some seconds. */
const atOnce = 8;

/** What ways usually carry: IPv6's least, tunnels, PPPoE, Ethernet, jumbo frames less a tunnel. Bytes. */
const usualSizes = [1280, 1380, 1400, 1420, 1450, 1480, 1492, 1500, 8850, 8950];

const tcpMs = 2000;
/** Name servers of nodes listen there; that nobody does is an answer, too. */
const tcpPort = 53;
/** The other node pings, too. */
const probeMs = 8000;

/** Of ICMP's identifiers. */
const highestId = 65_535;

type Options = Pick<ExamineOptions, 'host' | 'api'>;

/** @param me this host as a node of the cluster */
export async function lookAtPaths(options: Options, { nodes, networks }: Cluster, me: NodeView): Promise<Peer[]> {
  const peers = nodes.filter(({ name }) => name !== me.name);
  const found: Peer[] = [];
  const next = peers.values();
  const turns = Array.from({ length: atOnce }, async () => {
    for (const peer of next) found.push(await lookAtPeer(options, me, peer, networks));
  });
  await Promise.all(turns);
  return found.sort((a, b) => (a.node < b.node ? -1 : 1));
}

async function lookAtPeer(options: Options, me: NodeView, peer: NodeView, all: readonly NetworkView[]): Promise<Peer> {
  const common = all.filter((each) => each.driver === 'overlay' && gateways(each, me, peer) !== undefined);
  const needs = Math.max(0, ...common.map(({ mtu }) => mtu + overheadOf('overlay')));
  // Before there is a network, VXLAN is to be tried all the same.
  const withoutVxlan = all.length > 0 && all.every(({ driver }) => driver !== 'overlay');
  const known = {
    ...{ node: peer.name, address: peer.address, status: peer.status, needs },
    ...(withoutVxlan ? ({ withoutVxlan } as const) : {}),
  };
  if (!['ready', 'draining', 'suspect'].includes(peer.status)) return known;
  // The largest packets are the hardest to carry.
  const widest = common.toSorted((a, b) => b.mtu - a.mtu)[0];
  const [underlay, overlay] = await Promise.all([
    lookAtUnderlay(options, me, peer),
    widest === undefined ? undefined : lookAtOverlay(options, widest, me, peer),
  ]);
  return { ...known, underlay, ...(overlay === undefined ? {} : { overlay }) };
}

async function lookAtUnderlay({ host: { spawn } }: Options, me: NodeView, peer: NodeView): Promise<Underlay> {
  const way = { from: me.address, to: peer.address };
  const mtu = Math.min(me.underlayMtu, peer.underlayMtu);
  const full = await ping(spawn, { ...way, size: mtu });
  if (full.received > 0 || (full.untried !== undefined && full.mtu === undefined)) return { mtu, full };
  const small = await ping(spawn, way);
  if (small.received === 0) return { mtu, full, small };
  const sizes = usualSizes.filter((size) => size < mtu);
  const tried = await Promise.all(sizes.map(async (size) => ({ size, pinged: await ping(spawn, { ...way, size }) })));
  const largest = Math.max(0, ...tried.filter(({ pinged }) => pinged.received > 0).map(({ size }) => size));
  return { mtu, full, small, largest };
}

/** Of both in a network; undefined unless both are in it. */
function gateways({ nodes }: NetworkView, me: NodeView, peer: NodeView): { from: string; to: string } | undefined {
  const of = (node: NodeView) => nodes.find((each) => each.node === node.name)?.gateway || undefined;
  const [from, to] = [of(me), of(peer)];
  return from === undefined || to === undefined ? undefined : { from, to };
}

async function lookAtOverlay(
  options: Options,
  network: NetworkView,
  me: NodeView,
  peer: NodeView,
): Promise<Overlay | undefined> {
  const { spawn, reachTcp } = options.host;
  const way = gateways(network, me, peer);
  if (way === undefined) return undefined;
  // Those of an examination a moment ago are remembered, too.
  const id = 1 + (options.host.clock.now() % highestId);
  const small = await ping(spawn, { ...way, id });
  const known = { network: network.name, mtu: network.mtu, port: network.port, small };
  if (small.received > 0) {
    const full = await ping(spawn, { ...way, size: network.mtu });
    return { ...known, full, tcp: await reachTcp(way.to, tcpPort, tcpMs, way.from) };
  }
  if (small.untried !== undefined) return known;
  const params = { node: peer.name, network: network.id, address: way.from, id };
  const other = await asked(
    async () => (await options.api.call('node.probe', params, { deadlineMs: probeMs })) as Result<'node.probe'>,
  );
  const said = 'value' in other ? { value: { ...other.value, heard: other.value.heard ?? undefined } } : other;
  return { ...known, other: said, heardHere: await heardPing(spawn, { from: way.to, to: way.from, id }) };
}
