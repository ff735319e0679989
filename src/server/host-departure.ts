/** A host that is asked to leave, from wherever: it does so itself, since nobody else can take away what is on it. */
import { Failure, isFailure, quoted } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import type { Methods } from './context.ts';
import { nodeKey } from './keys.ts';
import { findNode, setDrained } from './nodes.ts';
import { read, type StoredNode } from './records.ts';

export const hostDepartureMethods: Methods<'node.leave'> = {
  'node.leave': async (context, { name, force }, { deadline }) => {
    const { value } = await findNode(context, name);
    if (!context.bus.connectedNodes().includes(name)) {
      throw new Failure(
        'unavailable',
        `node ${quoted(name)} is not connected, so nothing can be taken from its host: try again when it is back, or forget it with trama node rm`,
      );
    }
    const drained = await setDrained(context, name, true);
    try {
      const deadlineMs = Math.max(1, deadline - context.clock.now());
      await ask(context.bus.toNode(name), 'agent.leave', { force, dryRun: false }, { deadlineMs });
    } catch (error) {
      const left = (await read<StoredNode>(context.store, nodeKey(name)))?.value.key !== value.key;
      // Its session ends with its membership, and its answer is lost with that.
      if (left && (isFailure(error, 'unavailable') || isFailure(error, 'deadline'))) return {};
      if (!drained && !left && !isFailure(error, 'deadline')) await setDrained(context, name, false);
      throw error;
    }
    return {};
  },
};
