/** Who asks whom, of the words of an expectation. */
import { isAddress } from '../../domain/domain.ts';
import { nodesNamed } from '../topology/expectations.ts';
import { addressOf, type LabModel, type LabNode } from '../topology/model.ts';
import type { Expectation } from '../topology/schema.ts';

export interface Pair {
  readonly from: LabNode;
  /** A node's name, or an address. */
  readonly to: string;
  readonly address: string;
}

export const everybody = { from: 'all', to: 'all' } as const;

/** Of a node that has no address nothing is expected. */
export function pairsOf({ ping }: Expectation, { nodes }: LabModel): Pair[] {
  if (ping === undefined) return [];
  const { from, to } = ping === 'all' ? everybody : ping;
  // One that has no network at all is asked where it is named itself.
  const named = typeof from === 'string' ? [from] : from;
  const asks = (node: LabNode) =>
    addressOf(node) !== undefined || (node.real?.joins?.how === 'none' && named.includes(node.name));
  return pairsBetween(nodesNamed(from, nodes).filter(asks), targetsOf(to, nodes)).filter(isOther);
}

/** Each that a group stands for, one by one; whoever is named itself is asked whatever its address. */
export function singlePairsOf({ from, to }: { from: string; to: string }, { nodes }: LabModel): Pair[] {
  const asks = (node: LabNode) => node.name === from || addressOf(node) !== undefined;
  const pairs = pairsBetween(nodesNamed(from, nodes).filter(asks), targetsOf(to, nodes));
  // Itself only where there is nobody else.
  const others = pairs.filter(isOther);
  return others.length > 0 ? others : pairs;
}

const isOther = ({ from, to }: Pair) => to !== from.name;

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
