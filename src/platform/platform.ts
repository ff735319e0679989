/** The door of `platform`, the only way to the operating system. */
export * from './clock.ts';
export * from './detached.ts';
export * from './files.ts';
export * from './log.ts';
export * from './piped.ts';
export * from './processes.ts';
export * from './shutdown.ts';
export * from './spawn.ts';
