/** Does steps. Each is tried; what became of it is said per step. */
import type { Spawn } from '../platform/platform.ts';
import { type Complaint, runOperations } from './batch.ts';
import { type Operation, operationsOf } from './commands.ts';
import { explain } from './explain.ts';
import { keyOf } from './identity.ts';
import { rankOf } from './order.ts';
import { sandboxOf } from './sandboxes.ts';
import type { Step } from './steps.ts';
import { subjectOf } from './steps.ts';

/** `uncertain`: the kernel says that the thing is there already; whether it is as desired must be looked at. */
export type Result = { readonly step: Step } & (
  | { readonly outcome: 'done' }
  | { readonly outcome: 'uncertain' | 'failed'; readonly message: string }
);

interface Placed {
  readonly operation: Operation;
  readonly step: number;
}

/** @param steps in an order in which each can be done, see `order.ts`. */
export async function apply(steps: readonly Step[], spawn: Spawn, host: string): Promise<Result[]> {
  const refused = new Map<number, string>();
  const placed = arrange(steps, (step, index) => {
    try {
      return operationsOf(step, host);
    } catch (error) {
      refused.set(index, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
  const complaints = await runOperations(
    placed.map(({ operation }) => operation),
    spawn,
  );
  const perStep = new Map<number, Complaint[]>();
  placed.forEach(({ step }, index) => {
    perStep.set(step, [...(perStep.get(step) ?? []), complaints[index]]);
  });
  return steps.map((step, index) => judge(step, [refused.get(index), ...(perStep.get(index) ?? [])]));
}

/**
 * Operations of all steps, so placed that few tools are started: steps of one phase do not depend on one another, so that
 * their first parts can be done together, then their second parts.
 */
function arrange(steps: readonly Step[], operations: (step: Step, index: number) => readonly Operation[]): Placed[] {
  const created = new Set(steps.flatMap((step) => (step.op === 'create' ? [keyOf(step.after)] : [])));
  const placed = steps.flatMap((step, index) => {
    const remade = step.op === 'delete' && created.has(keyOf(subjectOf(step)));
    const phase = phaseOf(rankOf(step, remade));
    let stage = 0;
    return operations(step, index).map((operation, part, all) => {
      const previous = all[part - 1];
      if (previous !== undefined && (previous.tool !== operation.tool || previous.ns !== operation.ns)) stage += 1;
      return { operation, step: index, phase, stage, place: `${operation.tool} ${operation.ns}` };
    });
  });
  placed.sort((a, b) => a.phase - b.phase || a.stage - b.stage || (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
  return joined(placed);
}

/** Within a phase and stage, begins where the one before ended, so that the tool is not started twice. */
function joined<T extends { phase: number; stage: number; place: string }>(placed: readonly T[]): T[] {
  const done: T[] = [];
  for (const group of Map.groupBy(placed, ({ phase, stage }) => `${phase} ${stage}`).values()) {
    const here = done.at(-1)?.place;
    done.push(...group.filter(({ place }) => place === here), ...group.filter(({ place }) => place !== here));
  }
  return done;
}

/** Ranks that are one transaction, or independent of one another, are one phase. */
function phaseOf(rank: number): number {
  if (rank >= 0.5 && rank < 4.5) return 1;
  if (rank >= 9 && rank <= 12) return 9;
  if (rank >= 28 && rank <= 31) return 31;
  if (rank >= 36 && rank <= 39) return 39;
  return rank;
}

const alreadyThere = /File exists|already assigned|already exists/;
const notThere =
  /No such (device|file|process)|Cannot find device|Cannot assign requested address|does not exist|Bad rule \(does a matching|No chain\/target\/match|Cannot (remove|open) network? ?namespace|cannot stat|cannot open/;

/** What `nsenter` says of a sandbox that has ended since it was looked at. */
const sandboxGone = /nsenter: (cannot open|failed to stat)|reassociate to namespace/;

export function judge(step: Step, complaints: readonly Complaint[]): Result {
  const inSandbox = subjectOf(step).kind.startsWith('nft-') && sandboxOf(subjectOf(step)) !== undefined;
  const serious = complaints
    .filter((complaint) => complaint !== undefined)
    .filter((complaint) => !(inSandbox && sandboxGone.test(complaint)));
  const first = serious.find((complaint) => !(step.op === 'delete' ? notThere : alreadyThere).test(complaint));
  if (first !== undefined) return { step, outcome: 'failed', message: sentence(step, first) };
  const [uncertain] = serious;
  if (step.op === 'delete' || uncertain === undefined) return { step, outcome: 'done' };
  return { step, outcome: 'uncertain', message: sentence(step, uncertain) };
}

function sentence(step: Step, complaint: string): string {
  return `${explain(step).replace(/\.$/, '')}: ${complaint.replace(/\s+/g, ' ')}`;
}
