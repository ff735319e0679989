/** Streams whose bytes are the body of an answer, or of a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure, toFailure } from '../../domain/domain.ts';
import type { Log } from '../../platform/platform.ts';
import { type Api, type ByteStream, channels, type StreamChunk, writeControl } from '../../protocol/protocol.ts';
import { parseOpen } from '../local/requests.ts';
import { brokenOff, waitOf } from './body.ts';
import type { Operation, OperationName } from './operations.ts';
import { Outlet } from './outlet.ts';
import { readQuery } from './query.ts';
import { asFailure, reply } from './replies.ts';

interface Exchange {
  readonly name: OperationName;
  readonly query: URLSearchParams;
  readonly api: Api;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly log: Log;
}

function opened({ name, query, api, request }: Exchange): Promise<ByteStream> {
  const asked = { method: name, params: readQuery(name, query), ...waitOf(request) };
  const { method, params, ...rest } = parseOpen(asked);
  return api.open(method, params, rest);
}

/** A failure before the first byte is an answer like any other; after it, the answer ends in the middle. @throws Failure */
export async function sendBytes(exchange: Exchange, operation: Operation): Promise<void> {
  const { response, log } = exchange;
  const stream = await opened(exchange);
  const reader = stream[Symbol.asyncIterator]();
  let next = await reader.next();
  if (response.destroyed) return stream.reset(new Failure('unavailable', 'the reader of the stream went away'));
  const outlet = new Outlet(response, stream, { 'content-type': 'type' in operation ? operation.type : '' });
  try {
    for (; !next.done; next = await reader.next()) await passOn(next.value, outlet);
    await stream.result;
    outlet.end();
  } catch (error) {
    stream.reset(toFailure(error));
    asFailure(log, error);
    outlet.cut();
  }
}

async function passOn({ channel, data }: StreamChunk, outlet: Outlet): Promise<void> {
  if (channel === channels.stdout) await outlet.write(data);
}

/** The body goes on as it arrives, no faster than it is taken. @throws Failure */
export async function takeBytes(exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const stream = await opened(exchange);
  try {
    const sending = give(stream, request);
    // What it is refused for is worth more than that it cannot be sent on.
    await Promise.race([stream.result, sending.then(() => stream.result)]);
    stream.end();
    // What is still on its way is nobody's.
    request.resume();
    reply(response, 200, (await stream.result) ?? {});
  } catch (error) {
    stream.reset(toFailure(error));
    throw error;
  }
}

/** A body whose end is missing is no whole archive: reading it throws. */
async function give(stream: ByteStream, request: IncomingMessage): Promise<void> {
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
      await stream.send(channels.stdin, part);
  } catch (error) {
    throw brokenOff(request, error);
  }
  await stream.send(channels.control, writeControl({ type: 'end-of-input' }));
}
