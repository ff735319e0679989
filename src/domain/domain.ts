/** The door of `domain`: types and rules of the cluster. No I/O, no clock, no randomness. */
export * from './address.ts';
export * from './blocks.ts';
export * from './clashes.ts';
export * from './encodings.ts';
export * from './errors.ts';
export * from './hash.ts';
export * from './image.ts';
export * from './interfaces.ts';
export * from './mac.ts';
export * from './names.ts';
export * from './network-rules.ts';
export * from './pool.ts';
export * from './quoted.ts';
export * from './records.ts';
export * from './run-options.ts';
export * from './subnet.ts';
export * from './token.ts';
