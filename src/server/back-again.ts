import type { Context } from './context.ts';

/** It was down, and whoever wrote that it is not is to say so: a heartbeat comes first, or its agent registers again. */
export function tellBack({ log, presence, clock }: Context, node: string): void {
  log.info('node is back', { node });
  presence.event(node, { time: clock.now(), kind: 'info', message: 'back, with all it had' });
}
