/**
 * The API over HTTP: `/v1/NAME` for each operation, and `/v1/openapi.json`, which describes them. Translates and nothing else: who asks,
 * and may, is decided by whoever hands in the Api.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure, quoted } from '../../domain/domain.ts';
import type { Log } from '../../platform/platform.ts';
import type { Api } from '../../protocol/protocol.ts';
import { parseCall } from '../local/requests.ts';
import { bodyOf, idOf, parseBody, waitOf } from './body.ts';
import { openApi } from './document.ts';
import { sendEvents } from './events.ts';
import { type Operation, type OperationName, operationOf } from './operations.ts';
import { queryParameters, readQuery } from './query.ts';
import { asFailure, refuse, reply } from './replies.ts';
import { sendBytes, takeBytes } from './transfer.ts';

const root = '/v1/';
export const documentPath = `${root}openapi.json`;

export interface Asked {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly query: URLSearchParams;
}

/** @throws Failure `not-found` */
export function askedFor({ url = '' }: IncomingMessage): Asked {
  const { path, query } = partsOf(url);
  const name = path.startsWith(root) ? path.slice(root.length) : '';
  const operation = operationOf(name);
  if (operation === undefined) {
    throw new Failure('not-found', `nothing is served at ${quoted(path.slice(0, 100))}: ${documentPath} lists what is`);
  }
  return { name: name as OperationName, operation, query };
}

function partsOf(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?');
  return at < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, at), query: new URLSearchParams(url.slice(at + 1)) };
}

export const asksForDocument = ({ url = '' }: IncomingMessage): boolean => partsOf(url).path === documentPath;

interface Exchange extends Asked {
  readonly api: Api;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly log: Log;
}

type Verb = 'GET' | 'POST';

const ways: {
  readonly [K in Operation['kind']]: { readonly verbs: readonly Verb[]; answer(exchange: Exchange): Promise<void> };
} = {
  look: { verbs: ['GET', 'POST'], answer: call },
  change: { verbs: ['POST'], answer: call },
  events: { verbs: ['GET'], answer: (exchange) => sendEvents(exchange, exchange.operation) },
  download: { verbs: ['GET'], answer: (exchange) => sendBytes(exchange, exchange.operation) },
  upload: { verbs: ['POST'], answer: takeBytes },
  terminal: {
    verbs: ['GET'],
    answer: async ({ name, response }) =>
      refuse(
        response,
        new Failure('invalid', `${name} goes both ways: ask for it as a WebSocket with the subprotocol trama.v1`),
        426,
        { connection: 'upgrade', upgrade: 'websocket' },
      ),
  },
};

/** Answers one request, whatever comes of it. */
export async function answerHttp(
  api: Api,
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (asksForDocument(request)) return sendDocument(request, response);
    const asked = askedFor(request);
    const { verbs, answer } = ways[asked.operation.kind];
    if (!verbs.some((verb) => verb === request.method)) return refuseVerb(response, asked.name, verbs);
    await answer({ ...asked, api, request, response, log });
  } catch (error) {
    // What is left of the body is not waited for.
    if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
    refuse(response, asFailure(log, error));
  }
}

export function sendDocument(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') reply(response, 200, openApi());
  else refuseVerb(response, 'openapi.json', ['GET']);
}

function refuseVerb(response: ServerResponse, name: string, verbs: readonly Verb[]): void {
  const failure = new Failure('invalid', `${name} is asked by ${verbs.join(' or ')}`);
  refuse(response, failure, 405, { allow: verbs.join(', ') });
}

async function call({ name, operation, query, api, request, response }: Exchange): Promise<void> {
  const body = await bodyOf(request);
  const looks = request.method === 'GET';
  if (looks && queryParameters(name) === undefined)
    throw new Failure('invalid', `${name} has parameters that a query cannot hold: ask it by POST`);
  if (!looks && query.size > 0)
    throw new Failure(
      'invalid',
      `${name}, asked by POST, has its parameters in the body, as JSON, and none in the query`,
    );
  const params = looks ? readQuery(name, query) : parseBody(body);
  const once = operation.kind === 'change' ? idOf(request, name, body) : {};
  const { method, params: parsed, ...rest } = parseCall({ method: name, params, ...waitOf(request), ...once });
  reply(response, 200, (await api.call(method, parsed, rest)) ?? {});
}
