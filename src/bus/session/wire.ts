/** The messages of a session, whatever carries them: a small JSON header and a payload of bytes. */
import { z } from 'zod';
import { Failure, failureCodes } from '../../domain/domain.ts';
import { writingOf, writtenAs } from '../written.ts';

export const nameLimits = { id: 200, method: 100 } as const;

const id = z.string().min(1).max(nameLimits.id);
const method = z.string().min(1).max(nameLimits.method);
/** A newer peer may have others, whose sentences are as good. */
export const code = z.enum(failureCodes).catch('internal');
const failure = { id, code, message: z.string() };
/** Milliseconds that the asker still waits. Not a time: clocks of hosts differ. */
const left = z.number().nonnegative();

const header = z.discriminatedUnion('t', [
  /** Payload: parameters as JSON. */
  z.object({ t: z.literal('request'), id, method, left }),
  /** Payload: the result as JSON. */
  z.object({ t: z.literal('answer'), id }),
  z.object({ t: z.literal('failure'), ...failure }),
  /** `id` is that of the stream to be. Payload: parameters as JSON. */
  z.object({ t: z.literal('open'), id, method, left }),
  z.object({ t: z.literal('opened'), id }),
  z.object({ t: z.literal('data'), id, channel: z.literal([0, 1, 2, 3]) }),
  /** The reader has read this much; the writer may send as much more. */
  z.object({ t: z.literal('credit'), id, cost: z.number().nonnegative() }),
  /** Payload: the result as JSON. */
  z.object({ t: z.literal('end'), id }),
  z.object({ t: z.literal('reset'), ...failure }),
  z.object({ t: z.literal('ping') }),
  z.object({ t: z.literal('pong') }),
  /** Of a node, without an answer; may be lost. Payload: what it tells of itself, as JSON. */
  z.object({ t: z.literal('metrics') }),
  /** Of a node, without an answer: it is there. Only for servers that have said that they hear it. */
  z.object({ t: z.literal('beat') }),
  /** The sender ends the session. */
  z.object({ t: z.literal('bye') }),
]);

export type Header = z.infer<typeof header>;

/** Bytes of a message, its payload above all. A listing of 10,000 endpoints is 3 MB. */
export const messageLimit = 16 * 1024 * 1024;

export const noPayload = new Uint8Array(0);

/** A frozen value is written once, however often it is sent. @throws Failure('invalid') for what JSON cannot say, or too much of it. */
export function encodeJson(value: unknown): Uint8Array {
  if (value === undefined) return noPayload;
  const bytes = writingOf(value) ?? written(value);
  if (bytes.length > messageLimit)
    throw new Failure('invalid', `The value cannot be sent: its ${bytes.length} bytes exceed ${messageLimit}.`);
  return bytes;
}

function written(value: unknown): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(JSON.stringify(value));
  } catch (error) {
    throw new Failure('invalid', `The value cannot be sent: ${(error as Error).message}.`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && Object.isFrozen(value)) writtenAs(value, bytes);
  return bytes;
}

/** @throws SyntaxError */
export function decodeJson(payload: Uint8Array): unknown {
  return payload.length === 0 ? undefined : JSON.parse(Buffer.from(payload).toString());
}

export function encodeHeader(value: Header): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** @returns undefined for what is no header. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  try {
    return header.safeParse(decodeJson(bytes)).data;
  } catch {
    return undefined;
  }
}

/** One direction of a live connection: in order, never blocks, silently nowhere once the connection is gone. */
export interface Line {
  send(header: Header, payload: Uint8Array): void;
}
