/**
 * First frames of the messages on the requests socket.
 *
 * client → server: [hello, JSON] once, then [seal, header, payload] (see `seal.ts`).
 * server → client: [welcome, JSON], [accepted, JSON], [ended, JSON], [message, header, payload]. These need no seal: on a
 * CURVE connection nobody but the holder of the server's key can send them.
 *
 *     hello ────────►            who I say I am, and a nonce
 *           ◄──────── welcome    the session's id, and a nonce
 *     sealed ping ──►            proof: only who holds the named key can seal it
 *           ◄──────── accepted   from here on the session lives
 */
import { z } from 'zod';
import { failureCodes } from '../../domain/domain.ts';
import { decodeJson } from '../session/wire.ts';

export const protocolVersion = 1;
export const nonceBytes = 16;

export const marks = { hello: 'H', welcome: 'W', accepted: 'A', ended: 'X', message: 'M' } as const;

export const hello = z.object({ version: z.number(), publicKey: z.string().length(40), nonce: hex(nonceBytes) });
export const welcome = z.object({ session: hex(16), nonce: hex(nonceBytes) });
export const accepted = z.object({ kind: z.enum(['node', 'token']) });
export const ended = z.object({ code: z.enum(failureCodes), message: z.string() });

/** @returns undefined for what does not fit. */
export function parseFrame<T>(schema: z.ZodType<T>, bytes: Uint8Array | undefined): T | undefined {
  try {
    return schema.safeParse(decodeJson(bytes ?? Buffer.alloc(0))).data;
  } catch {
    return undefined;
  }
}

function hex(bytes: number) {
  return z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
}
