/** The body of a request, and what its headers say of how it is to be done. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Failure, isFailure, quoted, toFailure } from '../../domain/domain.ts';
import type { CallOptions } from '../../protocol/api.ts';

/** Bytes of a request: a workload with a long command and environment. */
const bodyLimit = 1024 * 1024;
/** Somebody who sends it more slowly is not waited for. */
const bodyMs = 30_000;

const defaultWaitMs = 30_000;
const longestWaitS = 3600;

/** Leaves the connection as it is when the body is refused, so that the refusal is read. @throws Failure `invalid`, `deadline` */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const large = new Failure('invalid', `the request is larger than ${bodyLimit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw large;
  const timer = setTimeout(
    () => request.destroy(new Failure('deadline', `the request took longer than ${bodyMs / 1000} s to arrive`)),
    bodyMs,
  );
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > bodyLimit) throw large;
      parts.push(part);
    }
  } catch (error) {
    throw brokenOff(request, error);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts);
}

/** What a body that could not be read means: whoever sent it has gone, if nothing else is known. */
export function brokenOff(request: IncomingMessage, error: unknown): Failure {
  if (isFailure(error) || request.complete || !request.destroyed) return toFailure(error);
  return new Failure('unavailable', 'the request ended before all of its body had arrived', { cause: error });
}

/** @returns `{}` for an empty body. @throws Failure `invalid` */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure('invalid', `the body of the request is not JSON: ${why}`, { cause: error });
  }
}

/** `Prefer: wait=60` (RFC 7240): seconds that whoever asks waits for the answer. @throws Failure `invalid` */
export function waitOf({ headers }: IncomingMessage): Required<Pick<CallOptions, 'deadlineMs'>> {
  const [, text] = /(?:^|[,;\s])wait=("?\d+"?)/i.exec(String(headers.prefer ?? '')) ?? [];
  if (text === undefined) return { deadlineMs: defaultWaitMs };
  const seconds = Number(text.replaceAll('"', ''));
  if (seconds >= 1 && seconds <= longestWaitS) return { deadlineMs: seconds * 1000 };
  throw new Failure('invalid', `Prefer: wait=${seconds} cannot be: give it 1 to ${longestWaitS} seconds`);
}

/**
 * `Idempotency-Key`, of 1 to 200 visible characters: the same request under the same key is done once. What is asked counts with it, so
 * that a key which is used again for something else brings nobody another's answer.
 * @throws Failure `invalid`
 */
export function idOf({ headers }: IncomingMessage, method: string, body: Buffer): Pick<CallOptions, 'id'> {
  const given = headers['idempotency-key'];
  if (given === undefined) return {};
  const [, key] = /^"?([\x21\x23-\x7e]{1,200})"?$/.exec(String(given)) ?? [];
  if (key === undefined) {
    throw new Failure(
      'invalid',
      `${quoted(String(given).slice(0, 60))} is not an Idempotency-Key: 1 to 200 letters, digits and signs`,
    );
  }
  const asked = createHash('sha256').update(`${method}\n${key}\n`).update(body);
  return { id: `http-${asked.digest('hex').slice(0, 40)}` };
}
