/**
 * From differences to steps, in an order in which each can be done:
 *
 *   1. namespaces, and sysctls that are not a link's own, since they may be defaults of links to come
 *   2. nft tables, sets and maps, their elements, chains (those that are jumped to first): filters stand before a link comes up
 *   3. deletion of links that must be made anew
 *   4. links: bridges, VXLAN devices and macvlans, veth pairs, their second ends, what a bridge takes the place of (it has a carrier by
 *      then); each is created down and set up last
 *   5. sysctls of those links, addresses, rates, neighbours, forwarding entries, routes, iptables rules
 *   6. deletions, the other way round: links go before the filters that guard them
 *
 * An nft table that must be made anew is deleted and filled within 2, so in one transaction.
 */
import { compare, containerOf, keyOf, tableKey } from './identity.ts';
import type { KernelObject } from './objects.ts';
import { type Step, subjectOf } from './steps.ts';
import type { DeltaTracker } from './tracker.ts';

const kindRanks = {
  namespace: 0,
  'nft-table': 1,
  'nft-set': 2,
  'nft-map': 2.5,
  'nft-element': 3,
  'nft-map-element': 3.5,
  'nft-chain': 4,
  link: 5,
  uplink: 8.7,
  sysctl: 9,
  address: 10,
  qdisc: 10.5,
  neighbour: 11,
  fdb: 12,
  route: 13,
  iptables: 14,
} as const satisfies Record<KernelObject['kind'], number>;

const last = 20;

/** Steps of equal rank do not depend on one another, except chains that jump. */
export function rankOf(step: Step, remade = false): number {
  const rank = objectRank(subjectOf(step));
  if (step.op !== 'delete') return rank;
  if (!remade) return last + last - rank;
  return subjectOf(step).kind === 'link' ? kindRanks.link - 0.5 : kindRanks['nft-table'] - 0.5;
}

function objectRank(object: KernelObject): number {
  if (object.kind === 'sysctl' && containerOf(object) === undefined) return 0.2;
  // A chain at an interface stands on that.
  if (object.kind === 'nft-chain' && object.hook?.device !== undefined) return 12.5;
  // What goes by an address stands on that being one of the namespace's own.
  if (object.kind === 'route' && object.local && object.source !== undefined) return 13.5;
  if (object.kind !== 'link') return kindRanks[object.kind];
  if (object.type === 'veth') return object.secondary ? 8 : 7;
  if (object.type === 'loopback') return 8;
  // Its underlay may be one end of a pair that is made here as well.
  if (object.type === 'vxlan' && object.underlay !== undefined) return 8.5;
  return object.type === 'bridge' ? 5 : 6;
}

/** @param skip keys that are left out. */
export function plan(tracker: DeltaTracker, skip: (key: string) => boolean = () => false): Step[] {
  const pending = [...tracker.pending()].filter(([key]) => !skip(key));
  const remade = new Set<string>();
  for (const [key, what] of pending) {
    const root = what === 'recreate' ? rootOf(tracker, key) : orphanedPrimary(tracker, key);
    if (root !== undefined) remade.add(root);
  }
  const vanishing = new Set<string>();
  for (const key of remade) tracker.observedWithin(key, vanishing);
  for (const [key, what] of pending) if (what === 'delete') tracker.observedWithin(key, vanishing);

  const steps: Step[] = [];
  for (const key of [...remade, ...vanishing]) {
    const before = tracker.believed(key);
    const after = tracker.desired(key);
    if (before !== undefined && remade.has(key)) steps.push({ op: 'delete', before });
    if (after !== undefined) steps.push({ op: 'create', after });
  }
  const simple = pending.filter(([key]) => !remade.has(key) && !vanishing.has(key));
  for (const [key] of simple) steps.push(...simpleStep(tracker, key));
  const handled = new Set(pending.map(([key]) => key));
  for (const key of lostNeighbours(tracker, steps)) {
    const after = handled.has(key) || skip(key) ? undefined : tracker.desired(key);
    if (after !== undefined) steps.push({ op: 'create', after });
  }
  return inOrder(steps);
}

/** Keys of the neighbour entries that go with a link's MAC: with each change of it the kernel drops them, permanent ones too. */
function lostNeighbours(tracker: DeltaTracker, steps: readonly Step[]): ReadonlySet<string> {
  const lost = new Set<string>();
  for (const step of steps) {
    if (step.op !== 'change' || step.before.kind !== 'link' || step.after.kind !== 'link') continue;
    if (step.after.mac === undefined || step.after.mac === step.before.mac) continue;
    for (const key of tracker.observedWithin(keyOf(step.after))) {
      if (tracker.believed(key)?.kind === 'neighbour') lost.add(key);
    }
  }
  return lost;
}

function simpleStep(tracker: DeltaTracker, key: string): Step[] {
  const before = tracker.believed(key);
  const after = tracker.desired(key);
  if (before !== undefined && after !== undefined) {
    return compare(after, before) === 'none' ? [] : [{ op: 'change', before, after }];
  }
  if (after !== undefined) return [{ op: 'create', after }];
  return before === undefined ? [] : [{ op: 'delete', before }];
}

/** A set, map or base chain cannot go while rules use it: its whole table is made anew. */
function rootOf(tracker: DeltaTracker, key: string): string {
  const object = tracker.believed(key);
  const used = object?.kind === 'nft-set' || object?.kind === 'nft-map' || object?.kind === 'nft-chain';
  return used ? tableKey(object) : key;
}

/** A second end that is missing although the first is there: the pair is made anew. */
function orphanedPrimary(tracker: DeltaTracker, key: string): string | undefined {
  const object = tracker.desired(key);
  if (object?.kind !== 'link' || object.type !== 'veth' || tracker.believed(key) !== undefined) return undefined;
  const primary = containerOf(object);
  return primary !== undefined && tracker.believed(primary) !== undefined ? primary : undefined;
}

/** Sorts steps so that each can be done; those of equal rank by namespace, then as they came. */
export function inOrder(steps: readonly Step[]): Step[] {
  const created = new Set(steps.filter((step) => step.op === 'create').map((step) => keyOf(step.after)));
  const depths = jumpDepths(steps);
  return steps
    .map((step) => {
      const object = subjectOf(step);
      const rank = rankOf(step, step.op === 'delete' && created.has(keyOf(object)));
      const depth = object.kind === 'nft-chain' ? (depths.get(keyOf(object)) ?? 0) : 0;
      return { step, rank, ns: 'ns' in object ? object.ns : '', depth: step.op === 'delete' ? -depth : depth };
    })
    .sort((a, b) => a.rank - b.rank || (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0) || a.depth - b.depth)
    .map(({ step }) => step);
}

/** How many jumps a chain is away from one that jumps nowhere. */
function jumpDepths(steps: readonly Step[]): Map<string, number> {
  const chains = new Map<string, { readonly jumps: readonly string[] }>();
  for (const step of steps) {
    const chain = subjectOf(step);
    if (chain.kind !== 'nft-chain') continue;
    const jumps = chain.rules.flatMap((rule) =>
      [...rule.matchAll(/\b(?:jump|goto)\s+([\w-]+)/g)].map((m) => m[1] ?? ''),
    );
    chains.set(keyOf(chain), { jumps: jumps.map((name) => keyOf({ ...chain, name })) });
  }
  const depths = new Map<string, number>();
  const depth = (key: string, path: readonly string[]): number => {
    const known = depths.get(key);
    if (known !== undefined) return known;
    const below = (chains.get(key)?.jumps ?? []).filter((jump) => chains.has(jump) && !path.includes(jump));
    const found = below.length === 0 ? 0 : 1 + Math.max(...below.map((jump) => depth(jump, [...path, key])));
    depths.set(key, found);
    return found;
  };
  for (const key of chains.keys()) depth(key, []);
  return depths;
}
