/** What somebody who examines a host asks of servers: their clock and version, and what another node says of the way to it. */
import { Failure, quoted, toFailure } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import type { Methods } from './context.ts';
import { networkOf } from './network-view.ts';
import { findNode } from './nodes.ts';

export const probeMethods: Methods<'cluster.clock' | 'cluster.version' | 'node.probe'> = {
  'cluster.clock': async ({ clock }) => ({ now: clock.now() }),

  'cluster.version': async ({ version }) => ({ version }),

  'node.probe': async (context, { node, network, address, id }, { deadline }) => {
    await findNode(context, node);
    const { value } = await networkOf(context, network);
    if (!context.bus.connectedNodes().includes(node)) {
      throw new Failure('unavailable', `node ${quoted(node)} is not connected at this moment: try again`);
    }
    const deadlineMs = Math.max(1, deadline - context.clock.now());
    try {
      return await ask(context.bus.toNode(node), 'agent.probe', { network: value.id, address, id }, { deadlineMs });
    } catch (error) {
      const { code, message } = toFailure(error);
      throw new Failure(code, `node ${node} did not try: ${message}`, { cause: error });
    }
  },
};
