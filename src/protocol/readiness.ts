/** Whether a daemon can do what it is for, for whoever sends it work. It may be alive and well without. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

export const ready: Readiness = { ready: true };

/** @param why one sentence: what is missing */
export const notReady = (why: string): Readiness => ({ ready: false, why });
