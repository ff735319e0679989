/** The door of `platform`, the only way to the operating system. */
export * from './attached.ts';
export * from './clock.ts';
export * from './detached.ts';
export * from './files.ts';
export * from './fork-server.ts';
export * from './knocking.ts';
export * from './log.ts';
export * from './metrics.ts';
export * from './ping.ts';
export * from './piped.ts';
export * from './process-metrics.ts';
export * from './processes.ts';
export * from './reach.ts';
export * from './request-meter.ts';
export * from './rotating-file.ts';
export * from './shutdown.ts';
export * from './spawn.ts';
