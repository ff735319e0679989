/** Serves figures and health over HTTP, to whoever reaches the port: it tells, and changes nothing. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Failure } from '../../domain/errors.ts';
import { createServer } from '../../platform/http.ts';
import type { Log, Metrics } from '../../platform/platform.ts';
import type { Readiness } from '../../protocol/readiness.ts';

export interface HttpOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** The flag that chooses the port, for whoever has to choose another. */
  readonly flag: string;
  readonly metrics: Metrics;
  readiness(): Promise<Readiness>;
  readonly log: Log;
}

export interface HttpServer extends AsyncDisposable {
  /** Really bound. */
  readonly port: number;
}

/** Prometheus gives up after 10 s unless told otherwise. */
const requestTimeoutMs = 10_000;
/** Those who hold more connections open wait: what is told here must not cost the daemon its files. */
const mostConnections = 64;

const text = 'text/plain; charset=utf-8';
const exposition = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * `GET /metrics`: the exposition format 0.0.4. `GET /healthz`: 200 as long as the process' event loop turns. `GET /readyz`: 200,
 * or 503 with a sentence.
 * @throws Failure `conflict` for a port in use, `invalid` for an address that is not the host's or a port that may not be had
 */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const server = createServer((request, response) => void answer(options, request, response));
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  server.maxConnections = mostConnections;
  await listen(server, options);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Answer = (options: HttpOptions) => Promise<readonly [status: number, type: string, body: string]>;

const answers: Readonly<Record<string, Answer>> = {
  '/metrics': async ({ metrics, log }) => [200, exposition, await metrics.text(log)],
  '/healthz': async () => [200, text, 'ok\n'],
  '/readyz': async ({ readiness }) => {
    const state = await readiness();
    return state.ready ? [200, text, 'ready\n'] : [503, text, `${state.why}\n`];
  },
};

async function answer(options: HttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, type: string, body: string) => {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
    response.writeHead(status, headers);
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  request.resume();
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const how = Object.hasOwn(answers, path) ? answers[path] : undefined;
  try {
    if (how === undefined) reply(404, text, `there is nothing here: look at ${Object.keys(answers).join(', ')}\n`);
    else if (request.method !== 'GET' && request.method !== 'HEAD')
      reply(405, text, 'this can only be read: use GET\n');
    else reply(...(await how(options)));
  } catch (error) {
    options.log.error('a question over HTTP failed', { path, error });
    if (!response.headersSent) reply(500, text, 'it failed: the log of the daemon says why\n');
  }
}

function listen(server: Server, { address, port, flag }: HttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, address, port, flag)));
    server.listen({ host: address, port }, () => {
      // What goes wrong with single connections is theirs.
      server.on('error', () => {});
      resolve();
    });
  });
}

function explained(error: NodeJS.ErrnoException, address: string, port: number, flag: string): Failure {
  const where = `figures and health cannot be served at ${address} port ${port}`;
  const instead = `choose another port with ${flag}, or none with ${flag} none`;
  const cause = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE': {
      const who = `another program has that port, if not a Trama that runs here already ("ss -lntp sport = ${port}" shows it)`;
      return new Failure('conflict', `${where}: ${who}; ${instead}`, cause);
    }
    case 'EADDRNOTAVAIL':
      return new Failure(
        'invalid',
        `${where}: this host does not have that address; choose another with --http-listen`,
        cause,
      );
    default:
      return new Failure('invalid', `${where}: ${error.message}; ${instead}`, cause);
  }
}
