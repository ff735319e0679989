/**
 * First frames of the messages on the requests socket.
 *
 * client → server: [hello, JSON] once, then [seal, header, payload] (see `seal.ts`).
 * server → client: [welcome, JSON], [accepted, JSON], [ended, JSON], [message, header, payload]. These need no seal: on a
 * CURVE connection nobody but the holder of the server's key can send them.
 *
 *     hello ────────►            who I say I am, the versions I speak, and a nonce
 *           ◄──────── welcome    the session's id, the version we speak, and a nonce
 *     sealed ping ──►            proof: only who holds the named key can seal it
 *           ◄──────── accepted   from here on the session lives
 */
import { z } from 'zod';
import { code, decodeJson } from '../session/wire.ts';

export const nonceBytes = 16;

export const marks = { hello: 'H', welcome: 'W', accepted: 'A', ended: 'X', message: 'M' } as const;

/** `version`: the lowest that the client speaks; `highest` absent: that one only. */
export const hello = z.object({
  version: z.number(),
  highest: z.number().optional(),
  publicKey: z.string().length(40),
  nonce: hex(nonceBytes),
});
/** `version`: what is spoken from here on; absent: 1. */
export const welcome = z.object({ session: hex(16), nonce: hex(nonceBytes), version: z.number().default(1) });
export const accepted = z.object({ kind: z.enum(['node', 'token', 'user']) });
export const ended = z.object({ code, message: z.string() });

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
