/**
 * Operations in few batches, as many at once as do not meet. An operation changes one namespace and may reach into another,
 * where it puts the other end of a pair: after that one was made, beside others that do the same, before what is done there
 * next. Each batch stands on a level; batches of one level are independent, and every level counts on those before it.
 */
import type { Operation } from './commands.ts';
import { type Step, subjectOf } from './steps.ts';

export interface Placed {
  readonly operation: Operation;
  /** Index of the step that it is a part of. */
  readonly step: number;
}

interface Batch {
  readonly level: number;
  readonly operations: Placed[];
}

/** Who was last in a namespace: the one that changed it, and those that reached into it since. */
interface Visits {
  changed: Batch | undefined;
  reached: Batch[];
}

/** @param placed in an order in which each can be done. @returns levels of batches of one tool in one namespace each */
export function schedule(placed: readonly Placed[], steps: readonly Step[]): Placed[][][] {
  const levels: Batch[][] = [];
  const latest = new Map<string, Batch>();
  const visits = new Map<string, Visits>();
  const visitsOf = (ns: string) => {
    const known = visits.get(ns) ?? { changed: undefined, reached: [] };
    visits.set(ns, known);
    return known;
  };
  for (const one of placed) {
    const { own, beyond } = places(one.operation, steps[one.step]);
    const here = visitsOf(own);
    const before = [here.changed, ...here.reached, ...beyond.map((ns) => visitsOf(ns).changed)].filter(
      (batch) => batch !== undefined,
    );
    const key = `${one.operation.tool} ${one.operation.ns}`;
    let batch = latest.get(key);
    if (batch === undefined || before.some((other) => other !== batch && other.level >= (batch?.level ?? 0))) {
      batch = { level: Math.max(-1, ...before.map(({ level }) => level)) + 1, operations: [] };
      latest.set(key, batch);
      levels[batch.level] = [...(levels[batch.level] ?? []), batch];
    }
    batch.operations.push(one);
    here.changed = batch;
    here.reached = [];
    for (const ns of beyond) visitsOf(ns).reached.push(batch);
  }
  return levels.map((batches) => batches.map(({ operations }) => operations));
}

function places(operation: Operation, step: Step | undefined): { own: string; beyond: readonly string[] } {
  if (operation.tool === 'netns') return { own: operation.args[2] ?? '', beyond: [] };
  const object = step && subjectOf(step);
  // A second end is there already, made with the first.
  if (object?.kind !== 'link' || (object.type === 'veth' && object.secondary)) return { own: operation.ns, beyond: [] };
  const other = object.type === 'veth' ? object.peer.ns : object.ns;
  return { own: operation.ns, beyond: other === operation.ns ? [] : [other] };
}
