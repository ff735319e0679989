/** Streams to and from containers: the server finds the node and hands on; bytes are the agent's and the caller's. Some are its own. */
import { Failure } from '../domain/domain.ts';
import {
  type ByteStream,
  type ContainerStreamName,
  channels,
  type StreamName,
  streamPair,
  streams,
} from '../protocol/protocol.ts';
import { dump } from './backup/dump.ts';
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
  call: Call,
): Promise<ByteStream> {
  if (method === 'store.backup') return openBackup(context, call);
  if (method === 'cluster.watch') return context.watching.open();
  if (method === 'cluster.events') return context.happenings.open(parseParams(method, streams[method], params));
  return openInContainer(context, method, params, call);
}

async function openInContainer(
  context: Context,
  method: ContainerStreamName,
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

/** The cluster's secrets are in it. */
function openBackup(context: Context, { caller }: Call): ByteStream {
  if (caller.kind !== 'root') throw new Failure('denied', 'a backup is for root on the host of a server');
  const { store, keys, clock, epoch, version } = context;
  const [near, far] = streamPair();
  const header = { epoch: epoch.number, time: clock.now(), trama: version, keys };
  void (async () => {
    try {
      for await (const line of dump(store, { shift: 0, header, now: clock.now })) {
        await near.send(channels.stdout, Buffer.from(line));
      }
      near.end({});
    } catch (error) {
      near.reset(error instanceof Error ? error : new Error(String(error)));
    }
  })();
  return far;
}
