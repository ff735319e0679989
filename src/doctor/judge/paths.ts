/** The ways to the other nodes: the underlay with full-size packets, VXLAN both ways, TCP inside it. */
import type { Pinged, Reached } from '../../platform/platform.ts';
import { type Asked, about, type Finding, notAsked } from '../finding.ts';

export interface Underlay {
  /** Bytes of the largest packet that both ends' interfaces carry. */
  readonly mtu: number;
  readonly full: Pinged;
  /** Asked only when the full ones got lost. */
  readonly small?: Pinged;
  /** The largest of the usual sizes that came through; 0: none. */
  readonly largest?: number;
}

export interface Overlay {
  readonly network: string;
  /** Bytes, inside. */
  readonly mtu: number;
  readonly port: number;
  readonly small: Pinged;
  /** These three only when the small ones were answered. */
  readonly full?: Pinged;
  readonly tcp?: Reached;
  /** Only when nothing was answered: what the other node says, or why it was not asked. */
  readonly other?: Asked<{ readonly heard: boolean | undefined; readonly answered: boolean }>;
  /** Only then: whether the other's echo requests came by here. */
  readonly heardHere?: boolean | undefined;
}

export interface Peer {
  readonly node: string;
  readonly address: string;
  readonly status: string;
  /** Absent: the node is not there to be asked. */
  readonly underlay?: Underlay;
  /** By a network that both are in; absent: there is none. */
  readonly overlay?: Overlay;
  /** No network of the cluster sends VXLAN. */
  readonly withoutVxlan?: true;
  /** The largest packet that networks of both make of the underlay; bytes. */
  readonly needs: number;
}

export function judgePaths(peers: Asked<readonly Peer[]>): Finding[] {
  if ('notAsked' in peers) {
    return (['mtu', 'vxlan'] as const).map((check) => notAsked(check, 'other nodes', peers));
  }
  if (peers.value.length === 0) {
    return (['mtu', 'vxlan'] as const).map((check) => about(check).pass('other nodes', 'there is none yet'));
  }
  return peers.value.flatMap((peer) => [judgeMtu(peer), ...judgeOverlay(peer)]);
}

const upAgain = 'Bring that node back, or remove it (`trama node rm`).';

function judgeMtu({ node, address, status, underlay, needs }: Peer): Finding {
  const { pass, warn, fail } = about('mtu');
  if (underlay === undefined) return warn(node, `not tried: the node is ${status}`, upAgain);
  const { mtu, full, small, largest } = underlay;
  if (full.received > 0) return pass(node, `packets of ${mtu} bytes reach ${address} whole`);
  if (full.untried !== undefined && full.mtu === undefined) {
    return warn(node, `not tried: ${full.untried}`, 'Install iputils-ping.');
  }
  if ((small?.received ?? 0) === 0) {
    const found = `${address} answers no ping at all, so the size of packets could not be tried`;
    return warn(
      node,
      found,
      `Look at the way to ${address}; if it is only that ICMP is filtered, let echo requests through.`,
    );
  }
  const most = Math.max(full.mtu !== undefined && full.mtu < mtu ? full.mtu : 0, largest ?? 0);
  const found = `packets of ${mtu} bytes do not reach ${address}${most > 0 ? `, those of ${most} do` : ', small ones do'}`;
  if (most >= needs && needs > 0) {
    return warn(node, found, `Make networks with --mtu ${most - 50} at most, or raise the MTU on the way to ${mtu}.`);
  }
  return fail(
    node,
    found,
    `Raise the MTU on the way to ${mtu}, or set that of this host’s interface to ${most || 'what the way carries'} and make networks anew: large packets vanish now.`,
  );
}

function judgeOverlay({ node, address, status, underlay, overlay, withoutVxlan }: Peer): Finding[] {
  const { pass, warn, fail } = about('vxlan');
  if (withoutVxlan) return [pass(node, 'no network of the cluster needs it')];
  if (underlay === undefined) return [warn(node, `not tried: the node is ${status}`, upAgain)];
  if (overlay === undefined) {
    const remedy = `Run a container of one network on both (\`trama run --node ${node} --network NET …\`), then try again.`;
    return [warn(node, 'no common network to try it on', remedy)];
  }
  const { network, mtu, port, small, full, tcp } = overlay;
  if (small.untried !== undefined) return [warn(node, `not tried: ${small.untried}`, 'Install iputils-ping.')];
  if (small.received === 0) return [fail(node, ...lost(node, address, overlay))];
  const lossy = small.received < small.sent;
  const whole = full !== undefined && full.received > 0;
  if (!whole) {
    const found = `small packets pass both ways in network ${network}, those of ${mtu} bytes do not`;
    return [
      fail(
        node,
        found,
        `Raise the MTU on the way to ${address} to ${mtu + 50}, or make the network with a smaller --mtu.`,
      ),
    ];
  }
  const found = `UDP ${port} passes both ways, with packets of ${mtu} bytes in network ${network}`;
  const passed = lossy
    ? warn(
        node,
        `${small.sent - small.received} of ${small.sent} packets were lost in network ${network}`,
        `Look at the way to ${address} for loss.`,
      )
    : pass(node, found);
  return [passed, judgeTcp(node, tcp)];
}

/** ICMP is summed in software; TCP may be left to the card, which may do it wrongly inside VXLAN. */
function judgeTcp(node: string, tcp: Reached | undefined): Finding {
  const { pass, fail } = about('checksum');
  if (tcp === 'open' || tcp === 'refused') return pass(node, 'TCP inside VXLAN arrives intact');
  return fail(
    node,
    'ping passes inside VXLAN, TCP does not: as with a card that sums VXLAN wrongly',
    'Switch checksum offload off on both hosts (`ethtool -K INTERFACE tx-checksum-ip-generic off`); if it is so still, look for a firewall that lets only ICMP through.',
  );
}

/** Which of the directions is broken, as far as both ends together can tell. */
function lost(node: string, address: string, overlay: Overlay): [found: string, remedy: string] {
  const { network, port, other, heardHere } = overlay;
  const where = `in network ${network}`;
  const mind = `and look for an entry that is missing (drift)`;
  const both = `Let UDP ${port} through in both directions between this host and ${address}, ${mind}.`;
  if (other === undefined || 'notAsked' in other) {
    const why = other === undefined ? '' : ` (${node} was not asked which: ${other.notAsked})`;
    return [`nothing comes back from ${node} ${where}${why}`, both];
  }
  const { heard, answered } = other.value;
  if (answered) return [`${node} reaches this host ${where}, but its answers to this host are lost`, both];
  if (heard === true && heardHere !== true) {
    const found = `what this host sends reaches ${node} ${where}, what ${node} sends does not arrive`;
    return [found, `Let UDP ${port} from ${address} through: look at this host’s firewall and at the way from there.`];
  }
  if (heard === false && heardHere === true) {
    const found = `what ${node} sends arrives ${where}, what this host sends does not reach it`;
    return [
      found,
      `Let UDP ${port} to ${address} through: look at the firewall there, at this host’s for what leaves, ${mind}.`,
    ];
  }
  return [`nothing passes to or from ${node} ${where}`, both];
}
