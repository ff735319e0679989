/**
 * Does steps in namespaces that nobody else works in, many at once: what does not meet in a namespace has no order. (On a
 * host in use `apply` does them: there a filter in one namespace may have to stand before a link in another.)
 */
import type { Spawn } from '../platform/platform.ts';
import { judge, type Result } from './apply.ts';
import { type Complaint, runOperations } from './batch.ts';
import { operationsOf } from './commands.ts';
import { type Placed, schedule } from './schedule.ts';
import type { Step } from './steps.ts';

/**
 * @param steps in an order in which each can be done. After a level with a failure nothing more is tried.
 * @returns a result for each step; `not tried` is a failure, too
 */
export async function build(steps: readonly Step[], spawn: Spawn): Promise<Result[]> {
  const placed = steps.flatMap((step, index) => operationsOf(step).map((operation) => ({ operation, step: index })));
  const complaints = new Map<number, Complaint[]>();
  const tried = new Set<number>();
  for (const level of schedule(placed, steps)) {
    if ([...complaints.values()].some((all) => all.some((one) => one !== undefined))) break;
    await eachOf(level, async (batch) => {
      const told = await runOperations(
        batch.map(({ operation }) => operation),
        spawn,
      );
      batch.forEach(({ step }, index) => {
        tried.add(step);
        complaints.set(step, [...(complaints.get(step) ?? []), told[index]]);
      });
    });
  }
  return steps.map((step, index) => {
    if (tried.has(index) || !placed.some((one) => one.step === index)) return judge(step, complaints.get(index) ?? []);
    return { step, outcome: 'failed', message: 'was not tried, since something before it failed' };
  });
}

/** As many as there are small shells to run them: see `createForkServer`. */
const atOnce = 4;

async function eachOf(batches: readonly Placed[][], act: (batch: Placed[]) => Promise<void>): Promise<void> {
  const rest = batches.values();
  const worker = async () => {
    for (const batch of rest) await act(batch);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, batches.length) }, worker));
}
