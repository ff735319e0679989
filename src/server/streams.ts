/** Streams to and from containers: the server finds the node and hands on; bytes are the agent's and the caller's. */
import { Failure, toFailure } from '../domain/domain.ts';
import { type ByteStream, type StreamName, streams } from '../protocol/protocol.ts';
import type { Call, Context } from './context.ts';
import { parseParams } from './params.ts';
import { nodeOf } from './whereabouts.ts';
import { findWorkload } from './workload-view.ts';

export function isStream(method: string): method is StreamName {
  return Object.hasOwn(streams, method);
}

/** @throws Failure `not-found`, or `unavailable` naming the node */
export async function openStream(
  context: Context,
  method: StreamName,
  params: unknown,
  { deadline }: Call,
): Promise<ByteStream> {
  const parsed = parseParams(method, streams[method], params);
  const { name } = parsed;
  // Tools may also look into what somebody started with docker.
  const elsewhere = method === 'workload.debug' ? (parsed as { node?: string }) : undefined;
  const node = elsewhere ? await nodeOf(context, name, elsewhere.node) : (await findWorkload(context, name)).value.node;
  if (!context.bus.connectedNodes().includes(node)) {
    const why = context.presence.state(node) === 'down' ? 'is down' : 'is not connected at this moment, try again';
    throw new Failure('unavailable', `container ${name} cannot be reached: its node ${node} ${why}`);
  }
  try {
    return await context.bus.toNode(node).open(method, parsed, { deadlineMs: deadline - context.clock.now() });
  } catch (error) {
    const { code, message } = toFailure(error);
    if (code !== 'unavailable' && code !== 'deadline') throw error;
    throw new Failure(code, `container ${name} cannot be reached on its node ${node}: ${message}`, { cause: error });
  }
}
