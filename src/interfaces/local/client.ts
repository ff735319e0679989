/** Reaches the agent, or else the server, of this host by its local socket. */
import type { IncomingMessage } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { Failure, isFailure } from '../../domain/errors.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../../protocol/api.ts';
import { type EarlyStream, upgradeRequest } from './early.ts';
import { frameTypes } from './frames.ts';
import { failureFrom, SocketStream } from './socket-stream.ts';

const defaultDeadlineMs = 10_000;

/** The daemon answers `deadline` itself; we give up this much later, in case it hangs. Milliseconds. */
const grace = 2000;

export interface LocalApiClientOptions {
  /** Tried in this order, the first that answers is used: the agent's, since it knows the host's containers, then the server's. */
  readonly socketPaths: readonly string[];
  /** One that is under way already: the first that is opened. */
  readonly early?: EarlyStream | undefined;
}

/** Connects anew for every call. @returns an Api whose calls fail with `unavailable` when no daemon runs here. */
export function connectLocalApi({ socketPaths, early }: LocalApiClientOptions): Api {
  let waiting = early;
  const take = (path: string, method: string, params: unknown): EarlyStream | undefined => {
    const found = waiting;
    waiting = undefined;
    if (found === undefined) return undefined;
    if (found.path === path && found.method === method && sameJson(found.params, params)) return found;
    // It may have begun: to ask for the other as well would be to do both.
    found.socket.destroy();
    throw new Failure('internal', `${found.method} was asked for, and ${method} is wanted: this is a defect of Trama`);
  };
  return {
    call: (method, params, options) => firstThatRuns(socketPaths, (path) => post(path, method, params, options)),
    open: (method, params, options) =>
      firstThatRuns(socketPaths, async (path) => openStream(path, method, params, options, take(path, method, params))),
  };
}

const sameJson = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

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
    'no Trama agent or server runs on this host: start one with `trama agent --join TOKEN@HOST` or `trama up`, or name a cluster elsewhere (`trama help contexts`)',
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

async function post(path: string, method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
  // Not for streams alone: to load it takes as long as a stream needs to begin.
  const { request: httpRequest } = await import('../../platform/http.ts');
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
  early?: EarlyStream,
): Promise<ByteStream> {
  const socket = await upgraded(path, early);
  const opened = Promise.withResolvers<void>();
  const stream = new SocketStream(socket, ({ type }) => {
    if (type !== frameTypes.opened)
      throw new Failure('invalid', `What answers at ${path} does not speak our protocol.`);
    opened.resolve();
  });
  stream.result.then(() => opened.resolve(), opened.reject);
  if (early === undefined) stream.handshake(frameTypes.open, { method, params, deadlineMs });
  try {
    await opened.promise;
  } catch (error) {
    if (isFailure(error)) throw new Failure(error.code, error.message, { cause: error });
    throw error;
  }
  return stream;
}

/** What the daemon writes before frames begin, at most. */
const headLimit = 16 * 1024;

/** A connection that speaks frames from here on. */
async function upgraded(path: string, early?: EarlyStream): Promise<Socket> {
  const socket = early?.socket ?? createConnection(path);
  try {
    if (early?.failure !== undefined) throw early.failure;
    if (early === undefined) socket.write(upgradeRequest);
    if (!(await headOf(socket)).startsWith('HTTP/1.1 101 ')) {
      throw new Failure('internal', `what answers at ${path} is not a Trama daemon`);
    }
    return socket;
  } catch (error) {
    socket.destroy();
    throw isFailure(error) ? error : connectionFailure(path, error as NodeJS.ErrnoException);
  }
}

/** Leaves what follows it to be read. */
function headOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let all: Buffer = Buffer.alloc(0);
    const over = (act: () => void) => {
      socket.off('readable', read);
      socket.off('error', failed);
      socket.off('end', ended);
      act();
    };
    const failed = (error: Error) => over(() => reject(error));
    const ended = () => failed(new Error('it ended before it had answered'));
    const read = () => {
      for (let data: Buffer | null = socket.read(); data !== null; data = socket.read()) {
        all = Buffer.concat([all, data]);
        const end = all.indexOf('\r\n\r\n');
        if (end < 0 && all.length > headLimit)
          return failed(new Failure('internal', 'what answers is not a Trama daemon'));
        if (end < 0) continue;
        if (all.length > end + 4) socket.unshift(all.subarray(end + 4));
        return over(() => resolve(all.toString('latin1', 0, end)));
      }
    };
    socket.on('readable', read);
    socket.on('error', failed);
    socket.on('end', ended);
  });
}
