/**
 * The door of `kernel`: kernel state as data. `objects.ts` says what there is, `createReconciler` makes the kernel equal
 * to it and keeps it so, and a `Step` is one difference: it can be applied, printed, explained and undone.
 */
export { announce, announced } from './announce.ts';
export { build } from './build.ts';
export { type Drops, readDrops } from './drops.ts';
export { explain } from './explain.ts';
export { keyOf } from './identity.ts';
export * from './objects.ts';
export { inOrder, plan } from './order.ts';
export { commandsOf, shellLine } from './print.ts';
export { createReconciler } from './reconciler.ts';
export type { Reconciler, ReconcilerOptions } from './reconciling.ts';
export type { Remembered } from './remembered.ts';
export type { Replacement } from './replacements.ts';
export { sandboxLinks, waysOut } from './sandbox-links.ts';
export { sandboxOf } from './sandboxes.ts';
export { type FailedStep, type Outcome, type Pass, type Step, subjectOf, undo } from './steps.ts';
export { DeltaTracker } from './tracker.ts';
export { recoverUplinks, type UplinkRecord, type UplinkStore } from './uplinks.ts';
