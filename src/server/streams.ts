/** Streams to and from containers: the server finds the node and hands on; bytes are the agent's and the caller's. */
import { type ByteStream, type StreamName, streams } from '../protocol/protocol.ts';
import type { Call, Context } from './context.ts';
import { explained, findContainer, wayTo } from './find-container.ts';
import { parseParams } from './params.ts';

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
  const { node, name } = await findContainer(context, parsed.name);
  const way = wayTo(context, parsed.name, node);
  try {
    return await way.open(method, { ...parsed, name }, { deadlineMs: deadline - context.clock.now() });
  } catch (error) {
    throw explained(parsed.name, node, error);
  }
}
