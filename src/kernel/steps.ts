/** One difference between what is and what should be. Data: applied by `apply`, printed by `print`, told by `explain`. */
import type { KernelObject } from './objects.ts';

export type Step<O extends KernelObject = KernelObject> =
  | { readonly op: 'create'; readonly after: O }
  /** Only what can be altered in place; anything else is a deletion and a creation. */
  | { readonly op: 'change'; readonly before: O; readonly after: O }
  | { readonly op: 'delete'; readonly before: O };

/** The step that takes the kernel back to where it was. */
export function undo(step: Step): Step {
  switch (step.op) {
    case 'create':
      return { op: 'delete', before: step.after };
    case 'change':
      return { op: 'change', before: step.after, after: step.before };
    case 'delete':
      return { op: 'create', after: step.before };
  }
}

/** What a step is about: as it will be, or as it was if it is deleted. */
export function subjectOf(step: Step): KernelObject {
  return step.op === 'delete' ? step.before : step.after;
}

export interface FailedStep {
  readonly step: Step;
  /** One sentence, with what the tool said. */
  readonly message: string;
}

/** One pass that was made. */
export interface Pass {
  /** At the whole kernel, first. */
  readonly looked: boolean;
  readonly seconds: number;
  readonly outcome: Outcome;
  /** Those of the steps that put right what nobody had asked for. */
  readonly repairs: readonly Step[];
}

export interface Outcome {
  /** Steps done in this pass, in their order. */
  readonly applied: readonly Step[];
  /** Steps that are not done: failed now, or failed before and waiting for their next try. */
  readonly failed: readonly FailedStep[];
}
