/**
 * Streams as WebSockets (RFC 6455) with the subprotocol `trama.v1`. Each message is binary: a byte that names the channel (0 stdin, 1
 * stdout, 2 stderr, 3 control), and what goes there, as in Kubernetes' remote command protocol. On the control channel is JSON:
 * what streams have (`resize`, `signal`, `end-of-input`, `progress`), and at the end of each side `{type: 'end', result}` or
 * `{type: 'failure', code, message}`.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { Failure, isFailure, toFailure } from '../../domain/domain.ts';
import { ServerResponse } from '../../platform/http.ts';
import type { Log } from '../../platform/platform.ts';
import {
  type Api,
  type ByteStream,
  type Channel,
  channels,
  costOf,
  relay,
  type StreamChunk,
  StreamInbox,
  streamWindow,
} from '../../protocol/protocol.ts';
import { parseOpen } from '../local/requests.ts';
import { askedFor } from './answer.ts';
import { waitOf } from './body.ts';
import { isFlowing } from './operations.ts';
import { readQuery } from './query.ts';
import { asFailure, refuse } from './replies.ts';

const subprotocol = 'trama.v1';
/** Bytes of one message. */
const messageLimit = 1024 * 1024;
/** A sign of life for whatever lies between, while nothing happens. Milliseconds. */
const aliveMs = 30_000;

/** Of RFC 6455, 7.4.1: ended as it should; for a reason of ours. */
const codes = { normal: 1000, failure: 1011 } as const;

const server = new WebSocketServer({
  ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: messageLimit },
  handleProtocols: () => subprotocol,
});

/**
 * Answers one request to become a WebSocket: refused as any other request, or with its stream begun.
 * @param socket somebody listens to its errors
 */
export async function upgradeHttp(
  api: Api,
  log: Log,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  let far: ByteStream;
  try {
    far = await begun(api, request);
  } catch (error) {
    refuseUpgrade(request, socket, asFailure(log, error));
    return;
  }
  let near: ByteStream | undefined;
  server.handleUpgrade(request, socket, head, (webSocket) => {
    near = new WebSocketStream(webSocket);
  });
  // Answered already, by ws: it was no proper handshake.
  if (near === undefined) far.reset(new Failure('invalid', 'the WebSocket could not be begun'));
  else await relay(near, far);
}

/** @throws Failure */
function begun(api: Api, request: IncomingMessage): Promise<ByteStream> {
  const { name, operation, query } = askedFor(request);
  if (!isFlowing(operation)) throw new Failure('invalid', `${name} is no stream: ask it without Upgrade`);
  const { upgrade, 'sec-websocket-protocol': offered = '' } = request.headers;
  if (upgrade?.toLowerCase() !== 'websocket')
    throw new Failure('invalid', `${name} can be upgraded to websocket alone`);
  if (!offered.split(',').some((one) => one.trim() === subprotocol))
    throw new Failure('invalid', `${name} speaks the subprotocol ${subprotocol}: offer it (Sec-WebSocket-Protocol)`);
  const { method, params, ...rest } = parseOpen({ method: name, params: readQuery(name, query), ...waitOf(request) });
  return api.open(method, params, rest);
}

export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  failure: Failure,
  status?: number,
  headers?: Readonly<Record<string, string>>,
): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.on('finish', () => socket.end());
  refuse(response, failure, status, headers);
}

/**
 * INVARIANTS
 *   - The socket is paused while `streamWindow` or more waits unread, so the other side feels it.
 *   - `send` resolves when the operating system has taken the message: no more than one for each sender waits here.
 *   - After our own end nothing more is heard.
 */
class WebSocketStream implements ByteStream {
  readonly #socket: WebSocket;
  readonly #inbox: StreamInbox;
  #unread = 0;
  #ended = false;
  #failure: Failure | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#inbox = new StreamInbox(
      (cost) => this.#release(cost),
      () => this.reset(new Failure('unavailable', 'The reader of the stream went away before its end.')),
    );
    const alive = setInterval(() => {
      if (socket.bufferedAmount === 0 && socket.readyState === socket.OPEN) socket.ping();
    }, aliveMs);
    socket.on('message', (data: Buffer, binary: boolean) => this.#receive(data, binary));
    // What was not a WebSocket's, by RFC 6455. 'close' follows.
    socket.on('error', (error) => this.#fail(new Failure('invalid', error.message, { cause: error })));
    socket.on('close', () => {
      clearInterval(alive);
      this.#fail(gone);
    });
  }

  get result(): Promise<unknown> {
    return this.#inbox.result;
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    return this.#inbox[Symbol.asyncIterator]();
  }

  async send(channel: Channel, data: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) throw new Failure('invalid', 'This side of the stream has ended: nothing can be sent any more.');
    const error = await new Promise<unknown>((resolve) => this.#write(channel, data, resolve));
    // 'close' comes later, and never to a loop that goes on sending.
    if (error) this.#fail(gone);
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(result?: unknown): void {
    this.#finish(codes.normal, { type: 'end', result: result ?? {} });
    this.#inbox.finish(undefined);
  }

  reset(error: Error): void {
    const failure = toFailure(error);
    this.#finish(codes.failure, { type: 'failure', code: failure.code, message: failure.message });
    this.#fail(failure);
  }

  #finish(code: number, last: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#write(channels.control, Buffer.from(JSON.stringify(last)), () => {});
    this.#socket.close(code);
    // What lies unread would keep the other side's answer to the close from being seen.
    this.#socket.resume();
  }

  #write(channel: Channel, data: Uint8Array, done: (error?: Error) => void): void {
    const message = Buffer.allocUnsafe(1 + data.length);
    message[0] = channel;
    message.set(data, 1);
    this.#socket.send(message, done);
  }

  #receive(message: Buffer, binary: boolean): void {
    if (this.#ended || !this.#inbox.open) return;
    const [channel] = message;
    const data = message.subarray(1);
    if (!binary || (channel !== channels.stdin && channel !== channels.control)) {
      this.reset(new Failure('invalid', 'a message to a stream is binary, and begins with 0 (stdin) or 3 (control)'));
      return;
    }
    try {
      if (channel === channels.control && isEnd(data)) this.#inbox.finish(undefined);
      else this.#take({ channel, data });
    } catch (error) {
      this.reset(toFailure(error));
    }
  }

  #take(chunk: StreamChunk): void {
    this.#inbox.push(chunk);
    this.#unread += costOf(chunk.data);
    if (this.#unread >= streamWindow) this.#socket.pause();
  }

  #release(cost: number): void {
    this.#unread -= cost;
    if (this.#unread < streamWindow) this.#socket.resume();
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.#inbox.fail(failure);
  }
}

const gone = new Failure('unavailable', 'the other side of the WebSocket went away');

/** @throws Failure `invalid` */
function isEnd(data: Uint8Array): boolean {
  try {
    return (JSON.parse(Buffer.from(data).toString()) as { type?: unknown } | null)?.type === 'end';
  } catch (error) {
    if (isFailure(error)) throw error;
    throw new Failure('invalid', 'a message on the control channel is not JSON', { cause: error });
  }
}
