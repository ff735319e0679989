/** Checks what arrives on the local socket against the tables of `protocol/methods.ts`. */
import type { z } from 'zod';
import { Failure } from '../../domain/errors.ts';
import { methods } from '../../protocol/methods.ts';
import { streams } from '../../protocol/stream-methods.ts';

export interface CallRequest {
  readonly method: string;
  readonly params: unknown;
  readonly deadlineMs?: number;
  readonly id?: string;
}

/** @throws Failure `invalid`. @returns the request with its parameters parsed: defaults filled in. */
export function parseCall(body: unknown): CallRequest {
  const { method, params, deadlineMs, id } = asObject(body);
  return {
    method: String(method),
    params: parseParams('method', String(method), lookUp(methods, method)?.params, params),
    ...deadlineOf(deadlineMs),
    ...(typeof id === 'string' ? { id } : {}),
  };
}

/** @throws Failure `invalid` */
export function parseOpen(body: unknown): Omit<CallRequest, 'id'> {
  const { method, params, deadlineMs } = asObject(body);
  return {
    method: String(method),
    params: parseParams('stream', String(method), lookUp(streams, method), params),
    ...deadlineOf(deadlineMs),
  };
}

const deadlineOf = (deadlineMs: unknown): { deadlineMs?: number } =>
  typeof deadlineMs === 'number' && deadlineMs > 0 ? { deadlineMs } : {};

function asObject(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new Failure('invalid', 'A request is a JSON object with "method" and "params".');
}

function lookUp<T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
}

function parseParams(kind: string, name: string, schema: z.ZodType | undefined, params: unknown): unknown {
  if (schema === undefined) {
    throw new Failure(
      'not-found',
      `There is no ${kind} ${JSON.stringify(name.slice(0, 60))}: are both sides the same version?`,
    );
  }
  const parsed = schema.safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'parameters' : issue.path.map(String).join('.');
  const trouble = issue?.message ?? 'unknown trouble';
  const missing = /^Invalid input: expected (.+), received undefined$/.exec(trouble);
  const what = missing ? `is missing: ${missing[1]} is expected` : `is not as it should be: ${trouble}`;
  throw new Failure('invalid', `${name}: ${where} ${what}.`);
}
