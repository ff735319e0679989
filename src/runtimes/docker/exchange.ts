/** One HTTP request over the Engine's unix socket and its answer: deadline, upgrade to a raw stream, error with a meaning. */
import type { Agent, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Failure } from '../../domain/domain.ts';
import { request as httpRequest } from '../../platform/http.ts';
import { connectionFailure, refusal } from './failures.ts';

export interface EngineRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the version, e.g. `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Not over a connection that is kept: on these a daemon that shuts down still answers, but it takes no new ones. */
  readonly fresh?: true;
  /** Completes "Docker could not …", e.g. `start the container web`. */
  readonly doing: string;
  /** Until the whole answer of `call`, or the beginning of one of `open` and `hijack`. Default 60000. */
  readonly timeoutMs?: number;
  /** Ends it, also while its body is read. */
  readonly signal?: AbortSignal;
  /** Turns the engine's error text into a Failure; default `refusal`. */
  readonly explain?: (status: number, text: string) => Failure;
}

/** An inspect of a container is some KB; a list of 10,000 about 15 MB. */
const bodyLimit = 64 * 1024 * 1024;
const errorLimit = 64 * 1024;
export const defaultTimeoutMs = 60_000;
/** The engine is of another version than when it was asked. */
export class WrongVersion extends Failure {}

export interface Begun {
  readonly response: IncomingMessage;
  /** After an upgrade. */
  readonly socket?: Duplex;
  /** The deadline is met. */
  started(): void;
}

interface Exchange {
  readonly socketPath: string;
  readonly path: string;
  readonly request: EngineRequest;
  /** `false`: a connection of its own. */
  readonly agent: Agent | false;
  readonly upgrade: boolean;
}

/** Sends a request; resolves with the head of the answer. What only asks is repeated once if a kept connection broke. */
export async function begin(exchange: Exchange): Promise<Begun> {
  const sent = send(exchange);
  try {
    return await sent.begun;
  } catch (error) {
    const broken = ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (!broken || !sent.reused() || exchange.request.method !== 'GET') throw error;
    return await send(exchange).begun;
  }
}

function send({ socketPath, path, request, agent, upgrade }: Exchange): {
  begun: Promise<Begun>;
  reused(): boolean;
} {
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const outgoing = httpRequest({
    socketPath,
    agent,
    method: request.method,
    path,
    ...(request.signal ? { signal: request.signal } : {}),
    headers: {
      Host: 'docker',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      ...(upgrade ? { Connection: 'Upgrade', Upgrade: 'tcp' } : {}),
      ...request.headers,
    },
  });
  const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
  let answer: IncomingMessage | undefined;
  const timer = setTimeout(() => {
    (answer ?? outgoing).destroy(
      new Failure(
        'deadline',
        `Docker did not ${request.doing} within ${timeoutMs / 1000} s; it hangs or is overloaded.`,
      ),
    );
  }, timeoutMs);
  timer.unref();
  const started = () => clearTimeout(timer);
  const begun = new Promise<Begun>((resolve, reject) => {
    outgoing.once('response', (response) => {
      answer = response;
      resolve({ response, started });
    });
    outgoing.once('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ response, socket, started });
    });
    outgoing.on('error', (error) => {
      started();
      reject(error);
    });
    outgoing.once('close', started);
  });
  outgoing.end(body);
  return { begun, reused: () => outgoing.reusedSocket };
}

/** @throws Failure when the engine refused. */
export async function checked(begun: Begun, request: EngineRequest, socketPath: string): Promise<Begun> {
  const status = begun.response.statusCode ?? 0;
  if (status < 400) return begun;
  throw await refused(status, begun.response, request, socketPath).finally(begun.started);
}

/** @param body of the engine's answer */
export async function refused(
  status: number,
  body: AsyncIterable<Buffer>,
  request: EngineRequest,
  socketPath: string,
): Promise<Failure> {
  const text = await collect(body, errorLimit)
    .then((whole) => messageOf(whole.toString()))
    .catch((error) => {
      throw connectionFailure(error, socketPath);
    });
  if (status === 400 && /client version .* is too (?:new|old)/.test(text)) return new WrongVersion('unavailable', text);
  return (request.explain ?? ((code, why) => refusal(code, why, request.doing)))(status, text);
}

function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message : body;
  } catch {
    return body;
  }
}

export async function wholeAnswer(begun: Begun, request: EngineRequest, socketPath: string): Promise<unknown> {
  try {
    const body = await collect(begun.response, bodyLimit);
    return body.length === 0 ? undefined : JSON.parse(body.toString());
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Failure('internal', `Docker's answer to "${request.doing}" is not JSON.`, { cause: error });
    }
    throw connectionFailure(error, socketPath);
  } finally {
    begun.started();
  }
}

async function collect(body: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Failure('internal', `An answer of Docker is longer than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function pathOf({ path, query }: EngineRequest): string {
  const given = Object.entries(query ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as [string, string]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
