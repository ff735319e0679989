/** The door of `agent`: what others may know of it. */
export type * from './plugin-port.ts';
