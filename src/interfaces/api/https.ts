/** Serves the API over TLS, to whoever shows a user's key with each request: what is asked is judged as that user's. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { Failure, isFailure } from '../../domain/domain.ts';
import { createHttpsServer } from '../../platform/https.ts';
import type { Log } from '../../platform/platform.ts';
import type { Visitor } from '../../server/server.ts';
import { answerHttp, askedFor, asksForDocument, sendDocument } from './answer.ts';
import { isFlowing } from './operations.ts';
import { asFailure, refuse } from './replies.ts';
import { Tally } from './tally.ts';

/** PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface HttpsApiOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly certificate: Certificate;
  /** @throws Failure `denied` */
  admit(userKey: string): Promise<Visitor>;
  readonly log: Log;
}

export interface HttpsApi extends AsyncDisposable {
  /** Really bound. */
  readonly port: number;
  /** For connections from now on. @throws Error for what is no pair; that before is kept */
  renew(certificate: Certificate): void;
}

/** Until the TLS handshake is over, and until a request's headers are there. Milliseconds. */
const patienceMs = 10_000;
/** A connection without a request ends after this. Milliseconds. */
const idleMs = 30_000;
/** Of everybody together: each costs the server a file and its buffers. */
const mostConnections = 1024;
const headerLimit = 16 * 1024;

/** @throws Failure `conflict` for a port in use, `invalid` for an address or a certificate that cannot be */
export async function serveHttpsApi(options: HttpsApiOptions): Promise<HttpsApi> {
  const { log } = options;
  const tally = new Tally();
  const server = created(options);
  server.maxConnections = mostConnections;
  // Bodies of archives take as long as they take; those of requests have a limit of their own.
  server.requestTimeout = 0;
  server.headersTimeout = patienceMs;
  server.keepAliveTimeout = idleMs;
  server.on('request', (request, response) => void answer(options, tally, request, response));
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
    // 'close' tells.
    socket.on('error', () => {});
    upgrade(options, tally, request, socket, head).catch((error) => {
      log.error('the HTTP API could not answer', { error });
      socket.destroy();
    });
  });
  await listen(server, options);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    renew: (certificate) => server.setSecureContext({ ...secureContext, ...certificate }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await closed;
    },
  };
}

const secureContext = { minVersion: 'TLSv1.2' } as const;

function created({ certificate }: HttpsApiOptions): Server {
  try {
    const limits = {
      handshakeTimeout: patienceMs,
      connectionsCheckingInterval: patienceMs / 2,
      maxHeaderSize: headerLimit,
    };
    return createHttpsServer({ ...secureContext, ...certificate, ...limits, keepAlive: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('invalid', `the certificate of the API cannot be used with its key: ${why}`, { cause });
  }
}

async function answer(
  { log, ...options }: HttpsApiOptions,
  tally: Tally,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    // It tells nothing of this cluster.
    if (asksForDocument(request)) return sendDocument(request, response);
    const visitor = await visitorOf(options, request);
    if (response.destroyed) return;
    response.once('close', tally.enter(visitor, flows(request)));
    await answerHttp(visitor.api, log, request, response);
  } catch (error) {
    if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
    refuseAsked(log, error, (failure, status, headers) => refuse(response, failure, status, headers));
  }
}

async function upgrade(
  { log, ...options }: HttpsApiOptions,
  tally: Tally,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { refuseUpgrade, upgradeHttp } = await import('./web-socket.ts');
  if (socket.destroyed) return;
  try {
    const visitor = await visitorOf(options, request);
    if (socket.destroyed) return;
    socket.once('close', tally.enter(visitor, true));
    await upgradeHttp(visitor.api, log, request, socket, head);
  } catch (error) {
    refuseAsked(log, error, (...refusal) => refuseUpgrade(request, socket, ...refusal));
  }
}

/** Who brings no key that is somebody's is told how to bring one (RFC 6750, 3). */
function refuseAsked(
  log: Log,
  error: unknown,
  refused: (failure: Failure, status?: number, headers?: Readonly<Record<string, string>>) => void,
): void {
  const failure = asFailure(log, error);
  if (isFailure(failure, 'denied')) refused(failure, 401, { 'www-authenticate': 'Bearer realm="trama"' });
  else refused(failure);
}

/** @throws Failure `denied`, without what was shown */
async function visitorOf({ admit }: Pick<HttpsApiOptions, 'admit'>, { headers }: IncomingMessage): Promise<Visitor> {
  const [, userKey] = /^Bearer +([\x21-\x7e]{1,400})$/i.exec(headers.authorization ?? '') ?? [];
  if (userKey !== undefined) return admit(userKey);
  throw new Failure(
    'denied',
    "nobody is let in without a user's key: send `Authorization: Bearer tramauser1.…`, as `trama user create` printed it",
  );
}

/** What there is not flows nowhere, and is refused later. */
function flows(request: IncomingMessage): boolean {
  try {
    return isFlowing(askedFor(request).operation);
  } catch {
    return false;
  }
}

function listen(server: Server, { address, port }: HttpsApiOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, address, port)));
    server.listen({ host: address, port }, () => {
      server.removeAllListeners('error');
      // What goes wrong with single connections is theirs.
      server.on('error', () => {});
      resolve();
    });
  });
}

function explained(error: NodeJS.ErrnoException, address: string, port: number): Failure {
  const where = `the HTTP API cannot be served at ${address} port ${port}`;
  if (error.code === 'EADDRINUSE') {
    const who = `another program has that port ("ss -lntp sport = ${port}" shows it)`;
    return new Failure('conflict', `${where}: ${who}; choose another with --api-listen IP:PORT`, { cause: error });
  }
  const why = error.code === 'EADDRNOTAVAIL' ? 'this host does not have that address' : error.message;
  return new Failure('invalid', `${where}: ${why}; choose another with --api-listen`, { cause: error });
}
