/** Who asks whom, of the words of an expectation. */
import { isAddress } from '../../domain/domain.ts';
import { nodesNamed } from '../topology/expectations.ts';
import { addressOf, type LabModel, type LabNode } from '../topology/model.ts';
import { isGivenAddress } from '../topology/real.ts';
import type { Expectation } from '../topology/schema.ts';

export interface Pair {
  readonly from: LabNode;
  /** A node's name, or an address. */
  readonly to: string;
  readonly address: string;
}

const everybody = { from: 'all', to: 'all' } as const;

/**
 * Why nothing that an expectation says can be found out of some of those whom it names: of a container that does not run, silence
 * would be taken for isolation.
 */
export function absencesOf(expectation: Expectation, { nodes }: LabModel): string[] {
  const { ping, http, hops, resolves, 'mac-seen': seen } = expectation;
  const pinged = ping === 'all' ? everybody : ping;
  const asked = [pinged, http, hops].flatMap((one) => [one?.from, one?.to]);
  const words = [...asked, resolves?.from, seen?.of, seen?.not].flatMap((word) => word ?? []);
  return nodesNamed(words, nodes).flatMap((node) => {
    if (node.real?.stopped) return [`${node.name} does not run`];
    return addressOf(node) === undefined && isGivenAddress(node, nodes) ? [`${node.name} has no address`] : [];
  });
}

/** Of a node that has no address nothing is expected. */
export function pairsOf({ ping }: Expectation, { nodes }: LabModel): Pair[] {
  if (ping === undefined) return [];
  const { from, to } = ping === 'all' ? everybody : ping;
  // One that has no network at all is asked where it is named itself.
  const named = typeof from === 'string' ? [from] : from;
  const asks = (node: LabNode) =>
    addressOf(node) !== undefined || (node.real?.joins?.how === 'none' && named.includes(node.name));
  return othersFirst(pairsBetween(nodesNamed(from, nodes).filter(asks), targetsOf(to, nodes)));
}

/** Each that a group stands for, one by one; whoever is named itself is asked whatever its address. */
export function singlePairsOf({ from, to }: { from: string; to: string }, { nodes }: LabModel): Pair[] {
  const asks = (node: LabNode) => node.name === from || addressOf(node) !== undefined;
  return othersFirst(pairsBetween(nodesNamed(from, nodes).filter(asks), targetsOf(to, nodes)));
}

/** Nobody asks itself but where there is nobody else. */
function othersFirst(pairs: Pair[]): Pair[] {
  const others = pairs.filter(({ from, to }) => to !== from.name);
  return others.length > 0 ? others : pairs;
}

const pairsBetween = (sources: readonly LabNode[], targets: readonly Omit<Pair, 'from'>[]): Pair[] =>
  sources.flatMap((from) => targets.map((target) => ({ from, ...target })));

function targetsOf(words: string | readonly string[], nodes: readonly LabNode[]): Omit<Pair, 'from'>[] {
  const all = typeof words === 'string' ? [words] : words;
  const named = nodesNamed(words, nodes).flatMap((node) => {
    const address = addressOf(node);
    return address === undefined ? [] : [{ to: node.name, address }];
  });
  return [...named, ...all.filter(isAddress).map((address) => ({ to: address, address }))];
}
