/** Serves an Api to root on this host, over a unix socket. */
import { chmod, lstat, unlink } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { Failure } from '../../domain/domain.ts';
import { createServer } from '../../platform/http.ts';
import { type Log, privateDirectory } from '../../platform/platform.ts';
import type { Api } from '../../protocol/api.ts';
import { relay } from '../../protocol/streams.ts';
import { asFailure, statuses } from '../api/replies.ts';
import { frameTypes, parseJson } from './frames.ts';
import { parseCall, parseOpen } from './requests.ts';
import { SocketStream } from './socket-stream.ts';
import { Withdrawals } from './withdrawals.ts';

/** Bytes of a request: a workload with a long command and environment. */
const bodyLimit = 1024 * 1024;

export interface LocalApiOptions {
  readonly socketPath: string;
  readonly api: Api;
  readonly log: Log;
}

/** The API over HTTP is loaded when somebody asks for it: a daemon that nobody asks keeps its memory. */
const overHttp = () => import('../api/answer.ts');
const overWebSocket = () => import('../api/web-socket.ts');

/**
 * For the command line, `POST /v1/call {method, params, deadlineMs?, id?}` answers `{result}` or `{error: {code, message}}`, and `POST
 * /v1/stream` with `Upgrade: trama-stream` turns the connection into frames (`frames.ts`). Everything else is the API over HTTP
 * (`api/answer.ts`). The socket is 0600 in a 0700 directory; one that a killed daemon left is replaced.
 * @throws Failure `conflict` when a daemon answers there already.
 */
export async function serveLocalApi(options: LocalApiOptions): Promise<AsyncDisposable> {
  await makeRoom(options.socketPath);
  const { api, log } = options;
  const withdrawals = new Withdrawals(api, log);
  const server = createServer((request, response) => {
    if (request.url === '/v1/call') void answer(withdrawals, log, request, response);
    else
      void overHttp()
        .then(({ answerHttp }) => answerHttp(api, log, request, response))
        .catch((error) => notLoaded(log, error, response));
  });
  // An archive takes as long as it takes, and who sends it is root.
  server.requestTimeout = 0;
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
    if (request.headers.upgrade === 'trama-stream') upgrade(api, log, request, socket, head);
    else {
      // 'close' tells.
      socket.on('error', () => {});
      void overWebSocket()
        .then(({ upgradeHttp }) => upgradeHttp(api, log, request, socket, head))
        .catch((error) => notLoaded(log, error, socket));
    }
  });
  await listen(server, options.socketPath);
  await chmod(options.socketPath, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await closed;
    },
  };
}

/** Files may be replaced under a daemon that runs. */
function notLoaded(log: Log, error: unknown, connection: { destroy(): unknown }): void {
  log.error('the HTTP API could not be loaded', { error });
  connection.destroy();
}

async function makeRoom(path: string): Promise<void> {
  await privateDirectory(dirname(path));
  await chmod(dirname(path), 0o700);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Failure('conflict', `${path} is in the way and is not a socket: remove it.`);
  if (await answers(path)) throw taken(path);
  await unlink(path).catch(() => {});
}

const taken = (path: string): Failure =>
  new Failure('conflict', `A Trama daemon is already running on this host and answers at ${path}: stop it first.`);

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? taken(path) : error));
    server.listen(path, () => resolve());
  });
}

async function answer(
  withdrawals: Withdrawals,
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableEnded) gone.abort();
  });
  const reply = (status: number, value: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  try {
    if (request.method !== 'POST') throw new Failure('not-found', 'A call is POST /v1/call.');
    const { method, params, ...rest } = parseCall(parseJson(await bodyOf(request)));
    reply(200, { result: (await withdrawals.call(method, params, rest, gone.signal)) ?? {} });
  } catch (error) {
    const failure = asFailure(log, error);
    reply(statuses[failure.code], { error: { code: failure.code, message: failure.message } });
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bodyLimit) throw new Failure('invalid', `The request is larger than ${bodyLimit} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function upgrade(api: Api, log: Log, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  if (request.url !== '/v1/stream') {
    socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    return;
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: trama-stream\r\n\r\n');
  let begun = false;
  const near = new SocketStream(socket, ({ type, payload }) => {
    if (type !== frameTypes.open || begun) {
      throw new Failure('invalid', 'A stream on the local socket begins with one "open" frame.');
    }
    begun = true;
    void begin(api, log, near, payload);
  });
  if (head.length > 0) socket.unshift(head);
}

async function begin(api: Api, log: Log, near: SocketStream, payload: Buffer): Promise<void> {
  try {
    const { method, params, ...rest } = parseOpen(parseJson(payload));
    const far = await api.open(method, params, rest);
    near.handshake(frameTypes.opened);
    await relay(near, far);
  } catch (error) {
    near.reset(asFailure(log, error));
  }
}
