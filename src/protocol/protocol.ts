/** The door of `protocol`: what travels between processes. */
export * from './api.ts';
export * from './feed.ts';
export * from './methods.ts';
export * from './streams.ts';
