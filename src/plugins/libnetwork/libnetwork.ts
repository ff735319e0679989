/** Docker's network and IPAM plugin over a unix socket. Translates only: what is done, the NetworkPlugin does. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { NetworkPlugin } from '../../agent/agent.ts';
import { forNow, isFailure, isForNow } from '../../domain/domain.ts';
import { createServer } from '../../platform/http.ts';
import { type Log, Metrics } from '../../platform/platform.ts';
import { type Answer, conversation, MalformedRequest } from './conversation.ts';
import { listenAt } from './socket.ts';

export interface LibnetworkOptions {
  /** Default `/run/docker/plugins/trama.sock`; the file's name is the plugin's. */
  readonly socketPath?: string;
  readonly plugin: NetworkPlugin;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** Bytes. The longest are those with published ports, about 110 bytes for each: all there are, of TCP and UDP, are 14 MB. */
const bodyLimit = 16 * 1024 * 1024;
/** Node's 5 s would close connections in the moment in which dockerd uses them again. */
const keepAliveTimeoutMs = 5 * 60_000;
/** On disposal calls under way get this long. */
const graceMs = 5000;

/** These come without a body. In any other call an empty body is one that was cut off. */
const withoutBody = new Set([
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces',
]);

/** Serves until disposed. @throws Failure `conflict` when another process serves the socket. */
export async function serveLibnetwork(options: LibnetworkOptions): Promise<AsyncDisposable> {
  const { socketPath = '/run/docker/plugins/trama.sock', plugin, log, metrics = new Metrics() } = options;
  const answers = conversation(plugin);
  const done = told(metrics, log);
  const server = createServer((request, response) => {
    void serve(answers, request, response, done).catch((error) => {
      log.debug('a call of Docker broke off', { path: request.url, error });
      response.destroy();
    });
  });
  server.keepAliveTimeout = keepAliveTimeoutMs;
  const removeSocket = await listenAt(server, socketPath);
  return {
    async [Symbol.asyncDispose]() {
      await removeSocket();
      await closed(server);
    },
  };
}

async function serve(
  answers: ReadonlyMap<string, Answer>,
  request: IncomingMessage,
  response: ServerResponse,
  done: Done,
): Promise<void> {
  const call = (request.url ?? '').replace(/^\//, '');
  const answer = answers.get(call);
  if (request.method !== 'POST' || answer === undefined) {
    request.resume();
    return reply(response, 404, failed(`Trama's plugin does not know ${request.method} ${request.url}.`));
  }
  const text = await bodyOf(request);
  if (text === undefined) return reply(response, 413, failed(tooLong(call)));
  const startedAt = performance.now();
  const [status, body] = await outcome(answer, call, text);
  done({ call, status, ms: performance.now() - startedAt, request: text, error: body.Err });
  reply(response, status, body);
}

const tooLong = (call: string): string =>
  `The body of ${call} is longer than ${bodyLimit / 1024 / 1024} MiB: publish fewer ports with one container (-p).`;

interface Called {
  readonly call: string;
  readonly status: number;
  readonly ms: number;
  readonly request: string;
  /** Undefined when it was done. */
  readonly error: unknown;
}

type Done = (called: Called) => void;

function told(metrics: Metrics, log: Log): Done {
  const calls = metrics.counter('trama_plugin_calls_total', "Calls of Docker's, by call and outcome.");
  const seconds = metrics.histogram('trama_plugin_call_duration_seconds', "How long Docker's calls took, in seconds.");
  return ({ call, status, ms, request, error }) => {
    calls.of({ call, outcome: error === undefined ? 'ok' : 'failed' }).add();
    seconds.of({ call }).observe(ms / 1000);
    log.debug('Docker called', { call, status, ms: Math.round(ms), request });
    if (error !== undefined) log.warn('a call of Docker failed', { call, error });
  };
}

type Reply = Readonly<Record<string, unknown>>;

async function outcome(answer: Answer, call: string, text: string): Promise<[number, Reply]> {
  if (text.trim() === '' && !withoutBody.has(call)) return [400, failed(`The body of ${call} is missing.`)];
  let body: unknown;
  try {
    body = text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    return [400, failed(`The body of ${call} is not JSON.`)];
  }
  try {
    return [200, await answer(body)];
  } catch (error) {
    if (error instanceof MalformedRequest)
      return [400, failed(`${call} was sent in an unknown form: ${error.message}`)];
    // Docker reads the text only of answers with status 200.
    return [200, failed(sentence(error))];
  }
}

/** Network drivers are heard by `Err`, IPAM drivers by `Error`. */
const failed = (message: string): Reply => ({ Err: message, Error: message });

function sentence(error: unknown): string {
  if (isFailure(error)) return isForNow(error) ? `${error.message} ${forNow}` : error.message;
  return `Trama failed: ${error instanceof Error ? error.message : String(error)}`;
}

/** @returns undefined when it is too long. Rejects when the sender breaks off. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
  }
  return size > bodyLimit ? undefined : Buffer.concat(chunks).toString();
}

function reply(response: ServerResponse, status: number, body: Reply): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/vnd.docker.plugins.v1.1+json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
