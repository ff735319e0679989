/** The door of `interfaces`: what the command line asks of whoever composes it. */
export type * from './cli/io.ts';
