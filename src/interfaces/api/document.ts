/**
 * The document that describes the API (OpenAPI 3.1), made of the tables that it is answered by: the operations, the schemas of the
 * protocol, and the rules for users. `docs/openapi.json` is the same, written by `npm run -s openapi`.
 */
import { failureCodes } from '../../domain/errors.ts';
import { type MethodName, methods, watchTopics } from '../../protocol/protocol.ts';
import { type Ruled, rules } from '../../server/server.ts';
import { isFlowing, type Operation, type OperationName, operationOf, operations } from './operations.ts';
import { queryParameters } from './query.ts';
import { about, sentences, ways } from './sentences.ts';
import { answerShape, paramsShape, shapeOf, shared } from './shapes.ts';

type Json = Readonly<Record<string, unknown>>;

let made: Json | undefined;

/** The same object each time: it is not written to. */
export function openApi(): Json {
  made ??= {
    openapi: '3.1.0',
    info: {
      title: 'Trama',
      version: '1',
      summary: about.summary,
      description: about.description,
      license: about.license,
    },
    servers: [
      { url: 'https://{server}:4705', description: about.overTls, variables: { server: { default: '10.0.0.1' } } },
      { url: 'http://localhost', description: about.onSocket },
    ],
    security: [{ userKey: [] }],
    tags: Object.entries(about.tags).map(([name, description]) => ({ name, description })),
    paths: {
      '/v1/openapi.json': { get: documentItself },
      ...Object.fromEntries(
        (Object.keys(operations) as OperationName[]).sort().map((name) => [`/v1/${name}`, pathOf(name)]),
      ),
    },
    components: {
      securitySchemes: {
        userKey: { type: 'http', scheme: 'bearer', bearerFormat: 'tramauser1.…', description: about.userKey },
      },
      schemas: {
        ...Object.fromEntries(Object.entries(shared).map(([name, schema]) => [name, shapeOf(schema, 'output')])),
        Failure: failureShape,
      },
      responses: failureAnswers,
      parameters: { IdempotencyKey: idempotencyKey, Prefer: prefer, LastEventId: lastEventId },
    },
  };
  return made;
}

const documentItself: Json = {
  operationId: 'openapi',
  summary: 'This document',
  security: [],
  responses: { 200: answered('The document', { type: 'object' }) },
};

const failureShape: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', enum: failureCodes },
        message: { type: 'string', description: 'A sentence' },
      },
    },
  },
};

const failureRef = { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } };
const failureAnswers: Json = Object.fromEntries(
  Object.entries(sentences.failures).map(([name, description]) => [name, { description, content: failureRef }]),
);
const refusals: Json = {
  400: { $ref: '#/components/responses/Invalid' },
  401: { $ref: '#/components/responses/Unknown' },
  403: { $ref: '#/components/responses/Denied' },
  default: { $ref: '#/components/responses/Failed' },
};

const idempotencyKey: Json = {
  ...{ name: 'Idempotency-Key', in: 'header', description: sentences.idempotencyKey },
  schema: { type: 'string', maxLength: 200 },
};
const prefer: Json = {
  ...{ name: 'Prefer', in: 'header', description: sentences.prefer },
  ...{ schema: { type: 'string' }, example: 'wait=60' },
};
const lastEventId: Json = {
  ...{ name: 'Last-Event-ID', in: 'header', description: sentences.lastEventId },
  schema: { type: 'string' },
};

function pathOf(name: OperationName): Json {
  const operation = operationOf(name) as Operation;
  const { kind } = operation;
  if (isFlowing(operation)) return { [kind === 'upload' ? 'post' : 'get']: flowing(name, operation) };
  const post = { ...common(name, operation, 'post'), ...posted(name, kind) };
  if (kind === 'change') return { post };
  const query = queryParameters(name);
  const get = query && {
    ...common(name, operation, 'get'),
    parameters: [...inQuery(name), preferRef],
    ...returning(name),
  };
  return { ...(get === undefined ? {} : { get }), post };
}

const preferRef: Json = { $ref: '#/components/parameters/Prefer' };

function common(name: OperationName, { summary }: Operation, verb: 'get' | 'post'): Json {
  const rule: Ruled | undefined = name in rules ? rules[name as keyof typeof rules] : undefined;
  const role = typeof rule === 'object' ? rule.least : undefined;
  const limited = typeof rule === 'object' && role !== 'admin' ? sentences.limited[rule.within] : undefined;
  const who = role === undefined ? sentences.onHost : `Takes the role ${role}.`;
  const [tag = ''] = name.split('.');
  return {
    operationId: `${verb}.${name}`,
    ...{ summary, tags: [tag], description: [who, limited].filter((one) => one !== undefined).join(' ') },
    'x-least-role': role ?? 'root',
    ...(role === undefined ? { security: [] } : {}),
  };
}

function posted(name: OperationName, kind: Operation['kind']): Json {
  const schema = paramsShape(name);
  return {
    parameters: [...(kind === 'change' ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []), preferRef],
    requestBody: { required: (schema.required ?? []).length > 0, content: { 'application/json': { schema } } },
    ...returning(name),
  };
}

const returning = (name: OperationName): Json => ({
  responses: { 200: answered('Done', answerShape(methods[name as MethodName].result)), ...refusals },
});

function answered(description: string, schema: Json): Json {
  return { description, content: { 'application/json': { schema } } };
}

function inQuery(name: OperationName): Json[] {
  return (queryParameters(name) ?? []).map(({ name: key, required, schema, kind }) => ({
    ...{ name: key, in: 'query', required, schema },
    // `command=ls&command=-l`
    ...(kind === 'strings' ? { explode: true } : {}),
  }));
}

function flowing(name: OperationName, operation: Operation): Json {
  const { kind } = operation;
  const { description, ...rest } = common(name, operation, kind === 'upload' ? 'post' : 'get');
  const way = ways[kind];
  return {
    ...rest,
    description: `${description} ${way}`,
    'x-websocket': 'trama.v1',
    ...(name in eventData ? { 'x-event-data': eventData[name] } : {}),
    parameters: [
      ...inQuery(name),
      ...(kind === 'events' && !operation.lines ? [encoding] : []),
      ...(kind === 'events' ? [{ $ref: '#/components/parameters/LastEventId' }] : []),
      preferRef,
    ],
    ...(kind === 'upload' ? { requestBody: { required: true, content: { [operation.type]: {} } } } : {}),
    responses: { ...begun(operation), ...refusals },
  };
}

/** What each event of those that tell lines is. */
const eventData: Readonly<Record<string, Json>> = {
  'cluster.events': { $ref: '#/components/schemas/ClusterEvent' },
  'cluster.watch': {
    type: 'object',
    required: ['cluster', 'changed'],
    properties: {
      cluster: { type: 'string' },
      changed: { type: 'array', items: { type: 'string', enum: watchTopics } },
    },
  },
};

const encoding: Json = {
  ...{ name: 'encoding', in: 'query', required: false, description: sentences.encoding },
  schema: { type: 'string', enum: ['utf8', 'base64'], default: 'utf8' },
};

function begun(operation: Operation): Json {
  const socket = { 101: { description: sentences.webSocket } };
  switch (operation.kind) {
    case 'events':
      return {
        200: { description: sentences.events, content: { 'text/event-stream': { schema: { type: 'string' } } } },
        ...socket,
      };
    case 'download':
      return { 200: { description: 'The bytes', content: { [operation.type]: {} } }, ...socket };
    case 'upload':
      return { 200: answered('All of it is there', { type: 'object' }), ...socket };
    default:
      return { ...socket, 426: { description: 'It was not asked for as a WebSocket', content: failureRef } };
  }
}
