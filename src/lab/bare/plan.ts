/** What `up`, `down` and `set` do, as steps of the kernel and programs to run: also what is printed, explained, written out. */
import { DeltaTracker, explain, inOrder, keyOf, plan, type Step, subjectOf } from '../../kernel/kernel.ts';
import { kernelState } from '../topology/kernel-state.ts';
import type { LabModel, LabNode } from '../topology/model.ts';

export interface Planned {
  readonly step: Step;
  /** What it does and what for, in one sentence. */
  readonly sentence: string;
}

export interface Program {
  readonly node: LabNode;
  readonly argv: readonly [string, ...string[]];
}

/** Each step of building a lab where there is nothing, in order. */
function upSteps(model: LabModel): Planned[] {
  const state = kernelState(model);
  const reasons = new Map(state.map(({ object, why }) => [keyOf(object), why]));
  const steps = inOrder(state.map(({ object }) => ({ op: 'create', after: object })));
  return steps.map((step) => ({ step, sentence: withReason(step, reasons.get(keyOf(subjectOf(step)))) }));
}

/** Namespaces come before the machines that stand in them, and these before the cables, of which some end in their containers. */
export function upStages(model: LabModel): { readonly namespaces: Planned[]; readonly rest: Planned[] } {
  const all = upSteps(model);
  const isNamespace = ({ step }: Planned) => subjectOf(step).kind === 'namespace';
  return { namespaces: all.filter(isNamespace), rest: all.filter((planned) => !isNamespace(planned)) };
}

/** Namespaces take with them whatever is in them. */
export function downSteps(namespaces: readonly string[]): Planned[] {
  const steps = namespaces.map((name): Step => ({ op: 'delete', before: { kind: 'namespace', name } }));
  return steps.map((step) => ({ step, sentence: withReason(step, 'everything in it goes with it') }));
}

/** What makes one state of a lab of another. */
export function changeSteps(before: LabModel, after: LabModel): Planned[] {
  const tracker = new DeltaTracker();
  tracker.observed(kernelState(before).map(({ object }) => object));
  const desired = kernelState(after);
  tracker.desire(
    'lab',
    desired.map(({ object }) => object),
  );
  const reasons = new Map(desired.map(({ object, why }) => [keyOf(object), why]));
  return plan(tracker).map((step) => ({ step, sentence: withReason(step, reasons.get(keyOf(subjectOf(step)))) }));
}

function withReason(step: Step, why: string | undefined): string {
  return why === undefined ? explain(step) : explain(step).replace(/\.$/, `: ${why}.`);
}

/** `ip netns exec` would mount another /sys; `nsenter` does not. */
export const inNamespace = (node: LabNode): [string, ...string[]] => ['nsenter', `--net=/run/netns/${node.namespace}`];

export function programsOf(model: LabModel): Program[] {
  return model.nodes.flatMap((node) =>
    node.command === undefined || node.real !== undefined
      ? []
      : [{ node, argv: [...inNamespace(node), ...node.command] }],
  );
}
