/** The engine's events as a stream that never ends by itself. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { toFailure } from '../../domain/domain.ts';
import type { Clock, Log } from '../../platform/platform.ts';
import type { RuntimeEvent } from '../runtimes.ts';
import type { Engine } from './engine.ts';
import { jsonLines } from './json-lines.ts';

const firstPauseMs = 250;
const longestPauseMs = 5000;
const overlapMs = 1000;
/** What happened longer ago is nobody's news, and an engine keeps a few hundred events. */
const longestGapMs = 60_000;

/** Left out: exec_*, health_status, attach, resize, top: they change nothing, and health checks make many. */
const actions = [
  ...['create', 'start', 'die', 'kill', 'oom', 'stop', 'destroy', 'pause', 'unpause', 'rename', 'restart', 'update'],
  ...['connect', 'disconnect', 'remove'],
];

const message = z.object({
  Type: z.enum(['container', 'network']),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  timeNano: z.number().nullish(),
});

interface Context {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
}

/** Slow readers miss events (the engine drops them), never memory: the engine is read as fast as the events are taken. */
export async function* watchEvents({ engine, clock, log }: Context, signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
  let pauseMs = firstPauseMs;
  let last = clock.now();
  while (!signal.aborted) {
    let source: IncomingMessage | undefined;
    const stop = () => source?.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      // The engine answers before it subscribes; `since` covers the gap, and what happened since the connection broke.
      const since = (Math.max(last, clock.now() - longestGapMs) - overlapMs) / 1000;
      const filters = JSON.stringify({ type: ['container', 'network'], event: actions });
      const request = { method: 'GET', path: '/events', query: { since, filters } } as const;
      source = await engine.open({ ...request, doing: 'tell its events' });
      if (signal.aborted) return;
      pauseMs = firstPauseMs;
      yield { type: 'connected' };
      for await (const value of jsonLines(source)) {
        const event = message.safeParse(value);
        if (!event.success) continue;
        const told = toEvent(event.data, clock.now());
        last = Math.max(last, told.time);
        yield told;
      }
    } catch (error) {
      if (!signal.aborted) log.debug('the events of Docker broke off', { error: toFailure(error).message });
    } finally {
      signal.removeEventListener('abort', stop);
      source?.destroy();
    }
    if (signal.aborted) return;
    if (source !== undefined) yield { type: 'disconnected' };
    await clock.sleep(pauseMs, signal).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

function toEvent({ Type, Action, Actor, timeNano }: z.infer<typeof message>, now: number) {
  const time = timeNano == null ? now : timeNano / 1e6;
  return { type: Type, action: Action, id: Actor.ID, attributes: Actor.Attributes ?? {}, time };
}
