/**
 * What the kernel's monitors say, judged against what is desired. Only a hint that looking is worth while: a wrong one
 * costs a pass that writes nothing, a missed one waits for the periodic pass.
 */
import { routeProtocol } from '../domain/domain.ts';
import {
  canonicalDestination,
  chainMarks,
  compare,
  iptablesChainKey,
  keyOf,
  linkKey,
  sameGroup,
  uplinkKey,
} from './identity.ts';
import { floodMac, isOwnLinkName, isPlace, ownTable } from './names.ts';
import type { KernelObject, NftFamily } from './objects.ts';
import { readGroup } from './observe-links.ts';
import { type NftListing, readContainer, readElement, readMapElement, ruleMark } from './observe-rules.ts';
import type { DeltaTracker } from './tracker.ts';

export interface Happening {
  /** A later happening with this subject replaces an earlier one: what counts is the last state. */
  readonly subject: string;
  /** It contradicts what is desired. */
  readonly wrong: boolean;
}

type Wishes = Pick<DeltaTracker, 'desired' | 'wantsWithin'>;

/** @param line of `ip -o monitor link address route neigh`. */
export function readIpEvent(ns: string, line: string, wishes: Wishes): Happening | undefined {
  const gone = line.startsWith('Deleted ');
  const text = gone ? line.slice('Deleted '.length) : line;
  const link = /^\d+: ([^@:\s]+)(?:@\S+)?: <([^>]*)> mtu (\d+)(.*)$/.exec(text);
  if (link !== null) {
    const [, name = '', flags = '', mtu = '', rest = ''] = link;
    return linkEvent(ns, name, gone, { up: flags.split(',').includes('UP'), mtu: Number(mtu), rest }, wishes);
  }
  const address = /^\d+: (\S+)\s+inet6? (\S+) .*scope (\S+)/.exec(text);
  if (address !== null) {
    const [, device = '', cidr = '', scope] = address;
    if (scope === 'link' || isPlace(device)) return undefined;
    return onUplink(ns, device, gone, wishes) ?? thing({ kind: 'address', ns, device, cidr }, device, gone, wishes);
  }
  const words = text.trim().split(/\s+/);
  return /^[A-Z]{4,}$/.test(words.at(-1) ?? '')
    ? neighbourEvent(ns, words, gone, wishes)
    : routeEvent(ns, words, gone, wishes);
}

/** Something came to stand on an interface whose place a bridge has taken. */
function onUplink(ns: string, device: string, gone: boolean, wishes: Wishes): Happening | undefined {
  const subject = uplinkKey(ns, device);
  return gone || wishes.desired(subject) === undefined ? undefined : { subject, wrong: true };
}

function linkEvent(
  ns: string,
  name: string,
  gone: boolean,
  now: { readonly up: boolean; readonly mtu: number; readonly rest: string },
  wishes: Wishes,
): Happening | undefined {
  if (!isOwnLinkName(name)) return uplinkEvent(ns, name, gone, now, wishes);
  const subject = linkKey(ns, name);
  const desired = wishes.desired(subject);
  // An engine has taken it into a container.
  if (gone && desired?.kind === 'link' && desired.type === 'macvlan' && desired.handedOver) return undefined;
  if (gone || desired?.kind !== 'link') return { subject, wrong: gone === (desired !== undefined) };
  const master = / master (\S+)/.exec(now.rest)?.[1];
  const mac = /link\/ether (\S+)/.exec(now.rest)?.[1];
  const group = / group (\S+)/.exec(now.rest)?.[1];
  const same =
    now.up === desired.up &&
    now.mtu === desired.mtu &&
    master === desired.master &&
    (group === undefined || sameGroup(desired, readGroup(group))) &&
    (desired.mac === undefined || mac === undefined || mac === desired.mac);
  return { subject, wrong: !same };
}

/** An interface of the host's: wrong if a bridge has its place and it is no port of that. */
function uplinkEvent(
  ns: string,
  name: string,
  gone: boolean,
  now: { readonly rest: string },
  wishes: Wishes,
): Happening | undefined {
  const subject = uplinkKey(ns, name);
  const desired = wishes.desired(subject);
  if (desired?.kind !== 'uplink') return undefined;
  return { subject, wrong: gone || / master (\S+)/.exec(now.rest)?.[1] !== desired.bridge };
}

/** Something on a link: wrong if it is gone and wanted, or there and unwanted on a link of ours, or there and different. */
function thing(object: KernelObject, device: string, gone: boolean, wishes: Wishes): Happening | undefined {
  const subject = keyOf(object);
  const desired = wishes.desired(subject);
  if (gone) return { subject, wrong: desired !== undefined };
  if (desired !== undefined) return { subject, wrong: compare(desired, object) !== 'none' };
  return isOwnLinkName(device) ? { subject, wrong: true } : undefined;
}

const after = (words: readonly string[], name: string) => {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
};

function routeEvent(ns: string, words: readonly string[], gone: boolean, wishes: Wishes): Happening | undefined {
  const [destination = ''] = words;
  const device = after(words, 'dev');
  if (!/^(default$|[0-9a-f]*[.:])/.test(destination) || words.includes('table') || device === undefined)
    return undefined;
  const via = after(words, 'via');
  const source = after(words, 'src');
  const object = {
    kind: 'route',
    ns,
    destination: canonicalDestination(destination),
    device,
    ...(via === undefined ? {} : { via }),
    ...(source === undefined ? {} : { source }),
  } as const;
  const proto = after(words, 'proto');
  if (proto !== routeProtocol && proto !== 'kernel') {
    const astray = onUplink(ns, device, gone, wishes);
    if (astray !== undefined) return astray;
  }
  if (proto === routeProtocol) return thing(object, gone ? device : 'trb0', gone, wishes);
  // Somebody else's route where ours should be took its place.
  const subject = keyOf(object);
  return !gone && wishes.desired(subject) !== undefined ? { subject, wrong: true } : undefined;
}

/** Forwarding entries come as neighbours: NOARP, without an address in a bridge's table, with a VTEP's in a VXLAN device's. */
function neighbourEvent(ns: string, words: readonly string[], gone: boolean, wishes: Wishes): Happening | undefined {
  const [first = ''] = words;
  const device = after(words, 'dev') ?? '';
  const mac = after(words, 'lladdr') ?? '';
  const permanent = words.includes('PERMANENT');
  if (words.includes('NOARP')) {
    if (first === 'dev') {
      return permanent ? undefined : thing({ kind: 'fdb', ns, device, mac, table: 'master' }, device, gone, wishes);
    }
    const link = wishes.desired(linkKey(ns, device));
    if (!permanent || link?.kind !== 'link' || link.type !== 'vxlan') return undefined;
    if (mac === floodMac && first === link.group) return undefined;
    return thing({ kind: 'fdb', ns, device, mac, table: 'self', destination: first }, device, gone, wishes);
  }
  if (first === 'dev') {
    // Of ports' own MACs the kernel makes such entries, and they are left out.
    const ours = permanent && isBridge(wishes.desired(linkKey(ns, device)));
    return ours ? thing({ kind: 'fdb', ns, device, mac, table: 'self' }, device, gone, wishes) : undefined;
  }
  if (isPlace(device)) return undefined;
  const object = { kind: 'neighbour', ns, device, address: first, mac } as const;
  if (permanent || gone) return thing(object, device, gone, wishes);
  // Learned entries come and go; one where a permanent one should be is wrong.
  const subject = keyOf(object);
  return wishes.desired(subject) === undefined ? undefined : { subject, wrong: true };
}

const isBridge = (object: KernelObject | undefined) => object?.kind === 'link' && object.type === 'bridge';

/** @param line of `nft -j monitor`. */
export function readNftEvent(ns: string, line: string, wishes: Wishes): Happening[] {
  const event = parseEvent(line);
  if (event === undefined) return [];
  const [gone, entry] = event;
  const foreign = foreignRule(ns, gone, entry, wishes);
  if (foreign !== undefined) return [foreign];
  const judge = (object: KernelObject): Happening => {
    const subject = keyOf(object);
    const desired = wishes.desired(subject);
    if (gone || desired === undefined) return { subject, wrong: gone === (desired !== undefined) };
    // An element of a map can be there with another value; of the rest an event does not tell enough to compare.
    return { subject, wrong: object.kind === 'nft-map-element' && compare(desired, object) !== 'none' };
  };
  const { chain, element, rule } = entry;
  if ((entry.table ?? { name: (entry.set ?? entry.map ?? chain ?? element ?? rule)?.table })?.name !== ownTable)
    return [];
  if (chain !== undefined) {
    return [judge({ kind: 'nft-chain', ns, ...place(chain.family), name: chain.name, rules: [] })];
  }
  if (element !== undefined) {
    const { name } = element;
    const where = { ns, ...place(element.family) };
    return (element.elem?.set ?? []).map((one) =>
      judge(
        isPair(one)
          ? readMapElement({ ...where, map: name }, one)
          : { kind: 'nft-element', ...where, set: name, key: readElement(one) },
      ),
    );
  }
  return rule === undefined ? readContainer(ns, entry).map(judge) : [ruleEvent(ns, gone, rule, wishes)];
}

/** An element of a map, as opposed to one of a set. */
const isPair = (element: unknown): element is readonly [unknown, unknown] => Array.isArray(element);

const place = (family: string) => ({ family: family as NftFamily, table: ownTable });

function parseEvent(line: string): [gone: boolean, entry: NftListing] | undefined {
  try {
    const event = JSON.parse(line) as { add?: NftListing; insert?: NftListing; delete?: NftListing };
    const entry = event.delete ?? event.add ?? event.insert;
    return entry === undefined ? undefined : [event.delete !== undefined, entry];
  } catch {
    return undefined;
  }
}

/** A rule of ours is told by its mark; another in our chain by its handle. */
function ruleEvent(ns: string, gone: boolean, rule: NonNullable<NftListing['rule']>, wishes: Wishes): Happening {
  const key = keyOf({ kind: 'nft-chain', ns, ...place(rule.family), name: rule.chain, rules: [] });
  const chain = wishes.desired(key);
  const mark = ruleMark(rule);
  const desired = chain?.kind === 'nft-chain' && chainMarks(chain).includes(mark);
  return { subject: `${key} ${mark}`, wrong: gone === desired };
}

/** iptables-nft: a rule that may have been ours went from a chain that holds one of ours. Which one it was is not said. */
function foreignRule(ns: string, gone: boolean, { rule }: NftListing, wishes: Wishes): Happening | undefined {
  if (!gone || rule === undefined || rule.table === ownTable) return undefined;
  const subject = iptablesChainKey(ns, rule.table, rule.chain);
  const maybeOurs = /"comment"|"trg\*"/.test(JSON.stringify(rule.expr ?? []));
  return maybeOurs && wishes.wantsWithin(subject) ? { subject, wrong: true } : undefined;
}
