/** Reaches the agent, or else the server, of this host by its local socket. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Failure, isFailure } from '../../domain/errors.ts';
import { request as httpRequest } from '../../platform/http.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../../protocol/api.ts';
import { frameTypes } from './frames.ts';
import { failureFrom, SocketStream } from './socket-stream.ts';

const defaultDeadlineMs = 10_000;

/** The daemon answers `deadline` itself; we give up this much later, in case it hangs. Milliseconds. */
const grace = 2000;

export interface LocalApiClientOptions {
  /** Tried in this order, the first that answers is used: the agent's, since it knows the host's containers, then the server's. */
  readonly socketPaths: readonly string[];
}

/** Connects anew for every call. @returns an Api whose calls fail with `unavailable` when no daemon runs here. */
export function connectLocalApi({ socketPaths }: LocalApiClientOptions): Api {
  return {
    call: (method, params, options) => firstThatRuns(socketPaths, (path) => post(path, method, params, options)),
    open: (method, params, options) => firstThatRuns(socketPaths, (path) => openStream(path, method, params, options)),
  };
}

class NotRunning extends Error {
  override readonly name = 'NotRunning';
}

async function firstThatRuns<T>(paths: readonly string[], use: (path: string) => Promise<T>): Promise<T> {
  for (const path of paths) {
    try {
      return await use(path);
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error;
    }
  }
  throw new Failure(
    'unavailable',
    'no Trama agent or server runs on this host: start one with `trama agent --join TOKEN@HOST` or `trama up`',
  );
}

/** What a broken connection means. */
function connectionFailure(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return new NotRunning();
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new Failure('denied', `only root may use Trama on this host (${path}): run it as root (sudo)`, {
      cause: error,
    });
  }
  return new Failure(
    'unavailable',
    `the Trama daemon at ${path} went away while it was asked: look at its log, then try again`,
    {
      cause: error,
    },
  );
}

function post(path: string, method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
  const deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
  const body = JSON.stringify({ method, params, deadlineMs, id: options.id });
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath: path,
      method: 'POST',
      path: '/v1/call',
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    const timer = setTimeout(() => {
      request.destroy();
      reject(new Failure('deadline', `${method} was not answered within ${(deadlineMs + grace) / 1000} s: try again`));
    }, deadlineMs + grace);
    request.on('close', () => clearTimeout(timer));
    request.on('error', (error) => reject(connectionFailure(path, error)));
    request.on('response', (response) => void readAnswer(path, response).then(resolve, reject));
    request.end(body);
  });
}

async function readAnswer(path: string, response: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  } catch (error) {
    throw connectionFailure(path, error as NodeJS.ErrnoException);
  }
  let answer: { result?: unknown; error?: unknown };
  try {
    answer = JSON.parse(Buffer.concat(parts).toString());
  } catch (error) {
    throw new Failure('internal', `what answers at ${path} is not a Trama daemon`, { cause: error });
  }
  if (response.statusCode !== 200) throw failureFrom(answer.error);
  return answer.result;
}

async function openStream(
  path: string,
  method: string,
  params: unknown,
  { deadlineMs }: OpenOptions = {},
): Promise<ByteStream> {
  const { socket, head } = await upgraded(path);
  const opened = Promise.withResolvers<void>();
  const stream = new SocketStream(socket, ({ type }) => {
    if (type !== frameTypes.opened)
      throw new Failure('invalid', `What answers at ${path} does not speak our protocol.`);
    opened.resolve();
  });
  stream.result.then(() => opened.resolve(), opened.reject);
  if (head.length > 0) socket.unshift(head);
  stream.handshake(frameTypes.open, { method, params, deadlineMs });
  try {
    await opened.promise;
  } catch (error) {
    if (isFailure(error)) throw new Failure(error.code, error.message, { cause: error });
    throw error;
  }
  return stream;
}

function upgraded(path: string): Promise<{ socket: Duplex; head: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath: path,
      method: 'POST',
      path: '/v1/stream',
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'trama-stream', 'content-length': 0 },
    });
    request.on('error', (error) => reject(connectionFailure(path, error)));
    request.on('upgrade', (_response, socket, head) => resolve({ socket, head }));
    request.on('response', (response) => {
      response.destroy();
      reject(new Failure('internal', `what answers at ${path} is not a Trama daemon`));
    });
    request.end();
  });
}
