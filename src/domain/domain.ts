/** The door of `domain`: types and rules of the cluster. No I/O, no clock, no randomness. */
export * from './errors.ts';
export * from './records.ts';
