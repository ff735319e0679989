/** What makes two objects the same thing, what an object stands on, and whether the kernel's is as desired. */
import { floodMac, markOf } from './names.ts';
import type {
  IptablesObject,
  KernelKind,
  KernelObject,
  LinkCommon,
  LinkObject,
  NftChainObject,
  NftElementObject,
  NftMapElementObject,
} from './objects.ts';

/** The object of one kind. */
export type Of<K extends KernelKind> = Extract<KernelObject, { kind: K }>;

/** One entry for every kind: a missing one does not compile. */
export type PerKind<R> = { readonly [K in KernelKind]: (object: Of<K>) => R };

/** Calls the entry for the object's kind. */
export function byKind<R>(table: PerKind<R>, object: KernelObject): R {
  return (table[object.kind] as (object: KernelObject) => R)(object);
}

const key = (...parts: readonly string[]) => parts.map((part) => part || '-').join(' ');

const keys: PerKind<string> = {
  namespace: (o) => namespaceKey(o.name),
  link: (o) => linkKey(o.ns, o.name),
  uplink: (o) => uplinkKey(o.ns, o.device),
  qdisc: (o) => key('qdisc', o.ns, o.device),
  address: (o) => key('address', o.ns, o.device, o.cidr),
  route: (o) => key('route', o.ns, o.destination, ...(o.local ? ['local'] : [])),
  neighbour: (o) => key('neighbour', o.ns, o.device, o.address),
  // A MAC has one destination, only the flood MAC has several.
  fdb: (o) => key('fdb', o.ns, o.device, o.table, o.mac, ...(o.mac === floodMac ? [o.destination ?? ''] : [])),
  'nft-table': (o) => tableKey(o),
  'nft-set': (o) => setKey(o, o.name),
  'nft-element': (o) => key('nft-element', o.ns, o.family, o.table, o.set, o.key.join(' . ')),
  'nft-map': (o) => mapKey(o, o.name),
  'nft-map-element': (o) => key('nft-map-element', o.ns, o.family, o.table, o.map, o.key.join(' . ')),
  'nft-chain': (o) => key('nft-chain', o.ns, o.family, o.table, o.name),
  iptables: (o) => key('iptables', o.ns, o.table, o.chain, toldBy(o)),
  sysctl: (o) => key('sysctl', o.ns, o.key),
};

/** Identity: two objects with one key are the same thing in the kernel, perhaps with different values. */
export function keyOf(object: KernelObject): string {
  return byKind(keys, canonical(object));
}

const namespaceKey = (name: string) => key('namespace', name);
export const linkKey = (ns: string, name: string) => key('link', ns, name);
export const uplinkKey = (ns: string, device: string) => key('uplink', ns, device);
/** Not an object: groups the rules of ours in one foreign chain. */
export const iptablesChainKey = (ns: string, table: string, chain: string) => key('chain', ns, table, chain);
type InTable = { readonly ns: string; readonly family: string; readonly table: string };
export const tableKey = (o: InTable) => key('nft-table', o.ns, o.family, o.table);
const setKey = (o: InTable, name: string) => key('nft-set', o.ns, o.family, o.table, name);
const mapKey = (o: InTable, name: string) => key('nft-map', o.ns, o.family, o.table, name);

/** The rule's comment; undefined: it has none. */
export function iptablesMark({ mark, rule }: IptablesObject): string | undefined {
  return mark ?? (speaksForItself(rule) ? undefined : markOf(rule.join(' ')));
}

/** Former versions wrote a comment to all. */
const toldBy = (object: IptablesObject): string =>
  (speaksForItself(object.rule) ? undefined : iptablesMark(object)) ?? object.rule.join(' ');

/**
 * Whether a rule needs no comment to be told as ours, since it only accepts what comes from or goes to networks. Every packet
 * passes by such rules, and to iptables a comment is a match: it costs more than all the others together.
 * @param rule as `iptables-save` writes it
 */
export function speaksForItself(rule: IptablesObject['rule']): boolean {
  return /^-[io] trg\+( -m conntrack --ctstate [A-Z,]+)? -j ACCEPT$/.test(rule.join(' '));
}

export function chainMarks(object: NftChainObject): readonly string[] {
  return object.marks ?? object.rules.map(markOf);
}

const containers: PerKind<string | undefined> = {
  namespace: () => undefined,
  // Links do not count as gone with their namespace: whoever has it open keeps it, and them, alive.
  link: (o) => {
    if (o.type === 'macvlan') return linkKey(o.lower.ns, o.lower.name);
    return o.type === 'veth' && o.secondary ? linkKey(o.peer.ns, o.peer.name) : undefined;
  },
  // Not the bridge: what went with it would be lost, and has to come back.
  uplink: () => undefined,
  qdisc: (o) => linkKey(o.ns, o.device),
  address: (o) => linkKey(o.ns, o.device),
  route: (o) => linkKey(o.ns, o.device),
  neighbour: (o) => linkKey(o.ns, o.device),
  fdb: (o) => linkKey(o.ns, o.device),
  'nft-table': (o) => (o.ns === '' ? undefined : namespaceKey(o.ns)),
  'nft-set': (o) => tableKey(o),
  'nft-element': (o) => setKey(o, o.set),
  'nft-map': (o) => tableKey(o),
  'nft-map-element': (o) => mapKey(o, o.map),
  'nft-chain': (o) => tableKey(o),
  iptables: (o) => iptablesChainKey(o.ns, o.table, o.chain),
  sysctl: (o) => {
    const device = /^net\/ipv[46]\/(?:conf|neigh)\/(tr[a-z]-?[0-9a-f]+)\//.exec(o.key)?.[1];
    return device === undefined ? undefined : linkKey(o.ns, device);
  },
};

/** Key of what the object vanishes with. */
export function containerOf(object: KernelObject): string | undefined {
  return byKind(containers, object);
}

const macText = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

/** One spelling for what can be written in several: MACs in lower case, `default`, prefix lengths of routes. */
export function canonical(object: KernelObject): KernelObject {
  switch (object.kind) {
    case 'link':
      return object.mac === undefined ? object : { ...object, mac: object.mac.toLowerCase() };
    case 'neighbour':
    case 'fdb':
      return { ...object, mac: object.mac.toLowerCase() };
    case 'route':
      return { ...object, destination: canonicalDestination(object.destination) };
    case 'nft-element':
      return { ...object, key: object.key.map(canonicalPart) };
    case 'nft-map-element':
      return { ...object, key: object.key.map(canonicalPart), value: object.value.map(canonicalPart) };
    default:
      return object;
  }
}

export function canonicalDestination(text: string): string {
  if (text === '0.0.0.0/0' || text === 'default') return 'default';
  if (text.includes('/')) return text;
  return text.includes(':') ? `${text}/128` : `${text}/32`;
}

export function canonicalPart(text: string): string {
  return macText.test(text) ? text.toLowerCase() : text.replace(/^(\d+\.\d+\.\d+\.\d+)\/32$/, '$1');
}

/** `recreate`: differs in what cannot be altered in place. */
export type Difference = 'none' | 'change' | 'recreate';

const when = (differs: boolean, how: Difference): Difference => (differs ? how : 'none');

const comparisons: { readonly [K in KernelKind]: (desired: Of<K>, observed: Of<K>) => Difference } = {
  namespace: () => 'none',
  link: compareLinks,
  uplink: (d, o) => when(d.bridge !== o.bridge || o.astray === true, 'change'),
  qdisc: (d, o) => when(d.rate !== o.rate || d.burst !== o.burst, 'change'),
  address: () => 'none',
  route: (d, o) => when(d.via !== o.via || d.device !== o.device || d.source !== o.source, 'change'),
  neighbour: (d, o) => when(d.mac !== o.mac, 'change'),
  fdb: (d, o) => when(d.destination !== o.destination, 'change'),
  'nft-table': () => 'none',
  'nft-set': (d, o) =>
    // A `typeof` clause is not listed as it was written: a set whose clause changes needs a new name.
    when(
      (d.type.startsWith('type ') && words(d.type) !== words(o.type)) || words(d.flags) !== words(o.flags),
      'recreate',
    ),
  'nft-element': () => 'none',
  'nft-map': (d, o) => when(words(d.type) !== words(o.type), 'recreate'),
  'nft-map-element': (d, o) => when(d.value.join(' . ') !== o.value.join(' . '), 'change'),
  'nft-chain': (d, o) =>
    JSON.stringify([d.hook?.type, d.hook?.hook, d.hook?.priority]) !==
    JSON.stringify([o.hook?.type, o.hook?.hook, o.hook?.priority])
      ? 'recreate'
      : when(chainMarks(d).join() !== chainMarks(o).join(), 'change'),
  iptables: (d, o) => when(o.mark !== undefined && o.mark !== iptablesMark(d), 'change'),
  sysctl: (d, o) => when(words(d.value) !== words(o.value), 'change'),
};

const words = (text = '') =>
  text
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(' ');

/** Whether the kernel's object is as desired. What the desired one leaves open is not looked at. */
export function compare(desired: KernelObject, observed: KernelObject): Difference {
  const compareKind = comparisons[desired.kind] as (desired: KernelObject, observed: KernelObject) => Difference;
  return compareKind(desired, observed);
}

function compareLinks(desired: LinkObject, observed: LinkObject): Difference {
  if (desired.type !== observed.type) return 'recreate';
  if (desired.type === 'vxlan' && observed.type === 'vxlan') {
    const fixed = ['vni', 'dstPort', 'local', 'learning', 'group'] as const;
    if (fixed.some((name) => desired[name] !== observed[name])) return 'recreate';
    if (desired.ttl !== undefined && desired.ttl !== observed.ttl) return 'recreate';
    // Where it stands now cannot be read; where it was put is remembered for as long as nothing else was seen.
    if (observed.device !== '' && desired.device !== observed.device) return 'recreate';
  }
  if (desired.type === 'macvlan' && observed.type === 'macvlan') {
    if (desired.mode !== observed.mode) return 'recreate';
    // By which name it stands on something cannot be read everywhere.
    if (observed.lower.name !== '' && desired.lower.name !== observed.lower.name) return 'recreate';
  }
  // Never made anew: the host's own addresses may stand on it.
  if (desired.type === 'bridge' && observed.type === 'bridge' && desired.inPlaceOf !== observed.inPlaceOf)
    return 'change';
  const same =
    desired.mtu === observed.mtu &&
    desired.up === observed.up &&
    desired.master === observed.master &&
    sameGroup(desired, observed) &&
    (desired.mac === undefined || desired.mac === observed.mac) &&
    portFlags.every((flag) => desired.port?.[flag] === undefined || desired.port[flag] === observed.port?.[flag]);
  return same ? 'none' : 'change';
}

type Grouped = Pick<LinkCommon, 'linkGroup'>;
export const sameGroup = (one: Grouped, other: Grouped) => (one.linkGroup ?? 0) === (other.linkGroup ?? 0);

export const portFlags = ['learning', 'neighSuppress', 'isolated', 'flood'] as const;

/** Key of the table that the object is, or is a set or chain of. */
export function filterTable(object: KernelObject): string | undefined {
  if (object.kind === 'nft-table') return keyOf(object);
  const inTable = object.kind === 'nft-set' || object.kind === 'nft-map' || object.kind === 'nft-chain';
  return inTable ? tableKey(object) : undefined;
}

export function isEntry(object: KernelObject | undefined): object is NftElementObject | NftMapElementObject {
  return object?.kind === 'nft-element' || object?.kind === 'nft-map-element';
}

/** Where it is cannot be told from the host: it is as good as there. */
export function isHandedOver(object: KernelObject): boolean {
  return object.kind === 'link' && object.type === 'macvlan' && object.handedOver === true;
}
