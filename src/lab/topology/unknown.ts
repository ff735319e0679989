/** Names in a file that stand for nothing there. */
import { either, nearest } from '../../documents/problems.ts';

/** That there is no such node, and which there are. */
export function unknown<N>(
  name: string,
  nodes: ReadonlyMap<string, N>,
  what = 'node',
  suits: (node: N) => boolean = () => true,
): string {
  const names = [...nodes].flatMap(([other, node]) => (suits(node) ? [other] : []));
  const meant = nearest(name, names);
  if (meant !== undefined) return `there is no ${what} ${name}: did you mean ${meant}?`;
  return `there is no ${what} ${name}: add it under topology.nodes${names.length === 0 ? '' : `, or name ${either(names.slice(0, 8))}`}`;
}
