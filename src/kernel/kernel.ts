/**
 * The door of `kernel`: kernel state as data. `objects.ts` says what there is, `createReconciler` makes the kernel equal
 * to it and keeps it so, and a `Step` is one difference: it can be applied, printed, explained and undone.
 */
export { explain } from './explain.ts';
export * from './objects.ts';
export { commandsOf, shellLine } from './print.ts';
export { createReconciler, type Reconciler, type ReconcilerOptions } from './reconciler.ts';
export type { Remembered } from './remembered.ts';
export type { Replacement } from './replacements.ts';
export { hasDefaultRoute, sandboxLinks } from './sandbox-links.ts';
export { type FailedStep, type Outcome, type Step, undo } from './steps.ts';
