/** How frames are written: `frames.ts` says what they are. Imports nothing: see `early.ts`. */

export const frameTypes = {
  /** First from the client: JSON `{method, params, deadlineMs?}`. */
  open: 16,
  /** First from the server when the stream has begun; empty. */
  opened: 17,
  /** The sender's side is over: JSON result, or empty for none. */
  end: 18,
  /** Both sides are over: JSON `{code, message}`. */
  reset: 19,
} as const;

export const headerSize = 5;

export function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerSize + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.set(payload, headerSize);
  return frame;
}

export function encodeJson(type: number, value: unknown): Buffer {
  return encodeFrame(type, value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value)));
}
