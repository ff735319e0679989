/** One English sentence for a step. */
import { byKind, type Of, type PerKind } from './identity.ts';
import { floodMac } from './names.ts';
import type { KernelObject } from './objects.ts';
import { type Step, subjectOf } from './steps.ts';

const place = (ns: string) => (ns === '' ? 'on the host' : ns.startsWith('/') ? `in ${ns}` : `in namespace ${ns}`);

const descriptions: PerKind<string> = {
  namespace: (o) => `network namespace ${o.name}`,
  link: describeLink,
  uplink: (o) => `place of ${o.bridge} for ${o.device} ${place(o.ns)}, with its addresses and routes`,
  qdisc: (o) => `rate limit of ${o.rate} bit/s on ${o.device} ${place(o.ns)}`,
  address: (o) => `address ${o.cidr} of ${o.device} ${place(o.ns)}`,
  route: (o) =>
    `route to ${o.destination}${o.via === undefined ? '' : ` by way of ${o.via}`} through ${o.device} ${place(o.ns)}`,
  neighbour: (o) => `neighbour entry ${o.address} → ${o.mac} on ${o.device} ${place(o.ns)}`,
  fdb: describeForwarding,
  'nft-table': (o) => `nft table ${o.family} ${o.table} ${place(o.ns)}`,
  'nft-set': (o) => `nft set ${o.name} of table ${o.family} ${o.table} ${place(o.ns)}`,
  'nft-element': (o) => `element ${o.key.join(' . ')} of nft set ${o.set} (${o.family} ${o.table}) ${place(o.ns)}`,
  'nft-map': (o) => `nft map ${o.name} of table ${o.family} ${o.table} ${place(o.ns)}`,
  'nft-map-element': (o) =>
    `entry ${o.key.join(' . ')} → ${o.value.join(' . ')} of nft map ${o.map} (${o.family} ${o.table}) ${place(o.ns)}`,
  'nft-chain': (o) => `nft chain ${o.name} of table ${o.family} ${o.table} ${place(o.ns)}`,
  iptables: (o) => `iptables rule ${o.rule.join(' ')} in ${o.table} ${o.chain} ${place(o.ns)}`,
  sysctl: (o) => `sysctl ${o.key.replaceAll('/', '.')} = ${o.value} ${place(o.ns)}`,
};

export function explain(step: Step): string {
  const what = byKind(descriptions, subjectOf(step));
  if (step.op === 'create') return `${isBorn(step.after) ? 'Set up' : 'Create'} the ${what}.`;
  if (step.op === 'change') return `Change the ${what}${wasBefore(step.before, step.after)}.`;
  if (step.before.kind === 'sysctl' && step.before.previous !== undefined) {
    return `Restore the sysctl ${step.before.key.replaceAll('/', '.')} to ${step.before.previous} ${place(step.before.ns)}.`;
  }
  return `Delete the ${what}.`;
}

/** Loopback is there as soon as its namespace is. */
const isBorn = (object: KernelObject) => object.kind === 'link' && object.type === 'loopback';

function describeLink(o: Of<'link'>): string {
  const port = o.master === undefined ? '' : `, a port of ${o.master}`;
  if (o.type === 'loopback') return `loopback ${place(o.ns)}`;
  if (o.type === 'bridge') return `bridge ${o.name} ${place(o.ns)}`;
  if (o.type === 'vxlan') {
    const peers = o.group === undefined ? '' : `, multicast group ${o.group}`;
    return `VXLAN device ${o.name} ${place(o.ns)} with VNI ${o.vni} from ${o.local}:${o.dstPort}${peers}${port}`;
  }
  if (o.type === 'macvlan') return `macvlan ${o.name} ${place(o.ns)} over ${o.lower.name} ${place(o.lower.ns)}`;
  if (o.secondary) return `second end ${o.name} ${place(o.ns)} of veth ${o.peer.name}${port}`;
  return `veth pair ${o.name} ${place(o.ns)} and ${o.peer.name} ${place(o.peer.ns)}${port}`;
}

function describeForwarding(o: Of<'fdb'>): string {
  if (o.table === 'self' && o.destination === undefined) {
    return `forwarding entry ${o.mac} → the bridge ${o.device} itself ${place(o.ns)}`;
  }
  if (o.table === 'master') return `forwarding entry ${o.mac} → port ${o.device} ${place(o.ns)}`;
  const mac = o.mac === floodMac ? 'for broadcast and multicast' : o.mac;
  return `forwarding entry ${mac} → VTEP ${o.destination} of ${o.device} ${place(o.ns)}`;
}

function wasBefore(before: KernelObject, after: KernelObject): string {
  if (before.kind === 'nft-chain') return ' to the rules that it should have';
  if (before.kind === 'nft-map-element') return ` (was ${before.value.join(' . ')})`;
  const was: Record<string, unknown> = { ...before };
  const differing = Object.entries(after).filter(
    ([name, value]) => typeof value !== 'object' && was[name] !== undefined && was[name] !== value,
  );
  const named = differing.map(([name, value]) => `${name} ${String(was[name])} → ${String(value)}`);
  return named.length === 0 ? '' : ` (${named.join(', ')})`;
}
