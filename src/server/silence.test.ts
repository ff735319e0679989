import { expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import type { Context } from './context.ts';
import { whySilent } from './silence.ts';

/** A server to which h1 is connected, as far as it knows. */
function context(send: (end: () => void) => Promise<never>): Context {
  const nodes = new Set(['h1']);
  return {
    bus: { connectedNodes: () => [...nodes], toNode: () => ({ call: () => send(() => nodes.delete('h1')) }) },
    hostAnswers: async () => true,
    presence: { isReady: () => false },
  } as unknown as Context;
}

test('an agent that was killed is not taken for a paused one: its connection is gone when something is sent', async () => {
  const killed = context(async (end) => {
    end();
    throw new Failure('unavailable', 'The connection is gone or stuck.');
  });
  expect(await whySilent(killed, 'h1', '10.0.0.1')).toContain('its agent is not connected: it has been stopped');
  const paused = context(async () => {
    throw new Failure('deadline', 'It was not answered.');
  });
  expect(await whySilent(paused, 'h1', '10.0.0.1')).toContain('its agent is connected and says nothing: it is paused');
});
