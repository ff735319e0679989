/** What is answered over HTTP, failures among it: `{error: {code, message}}` with the status of the code. */
import type { ServerResponse } from 'node:http';
import { type Failure, type FailureCode, toFailure } from '../../domain/errors.ts';
import type { Log } from '../../platform/platform.ts';

export const statuses: Readonly<Record<FailureCode, number>> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  exhausted: 507,
  denied: 403,
  unavailable: 503,
  deadline: 504,
  overloaded: 429,
  internal: 500,
};

type Headers = Readonly<Record<string, string>>;

export function reply(response: ServerResponse, status: number, value: unknown, headers: Headers = {}): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

/** @param status another than the code's. */
export function refuse(
  response: ServerResponse,
  { code, message }: Failure,
  status = statuses[code],
  headers: Headers = {},
): void {
  if (response.headersSent) response.destroy();
  else reply(response, status, { error: { code, message } }, headers);
}

/** A failure to hand out; what nobody foresaw is logged, too. */
export function asFailure(log: Log, error: unknown): Failure {
  const failure = toFailure(error);
  if (failure.code === 'internal') log.error('a request failed', { error: failure.cause ?? failure });
  return failure;
}
