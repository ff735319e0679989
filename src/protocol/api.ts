import type { z } from 'zod';

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds until the caller gives up with `deadline`. Default 10000. */
  readonly deadlineMs?: number;
  /** Calls with the same id are one call. Default: a fresh id per call (kept over retries). */
  readonly id?: string;
}

/** Options of opening a stream. */
export interface OpenOptions {
  /** Milliseconds until the caller gives up with `deadline`, if it has not begun by then. Default 10000. */
  readonly deadlineMs?: number;
}

/**
 * Channels of a stream, as in Kubernetes' remote command protocol: bytes of the three standard streams, and JSON
 * control messages (`StreamControl`).
 */
export const channels = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
export type Channel = (typeof channels)[keyof typeof channels];

export interface StreamChunk {
  readonly channel: Channel;
  readonly data: Uint8Array;
}

/** Signals that are passed on to a command in a container. */
export const signals = ['INT', 'TERM', 'HUP', 'QUIT', 'USR1', 'USR2'] as const;

/** What travels on the control channel, as JSON. */
export type StreamControl =
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly type: 'end-of-input' }
  | { readonly type: 'signal'; readonly signal: (typeof signals)[number] }
  | { readonly type: 'progress'; readonly message: string }
  /** See `LogPosition`: where a log is after all that came before. */
  | { readonly type: 'position'; readonly at: string; readonly count: number };

/** A place in a log: behind `count` messages of the time `at` (RFC 3339, nanoseconds), and behind all of earlier times. */
export interface LogPosition {
  readonly at: string;
  readonly count: number;
}

/**
 * A two-way stream of bytes with back-pressure. Reading: iterate. Writing: `send` resolves when the other side can
 * take more. `end(result)` finishes one's own side with a JSON value (`{exitCode}` of an exec); the other side gets it
 * from `result` after its iteration ends. `reset` ends both sides with a Failure.
 */
export interface ByteStream extends AsyncIterable<StreamChunk> {
  send(channel: Channel, data: Uint8Array): Promise<void>;
  end(result?: unknown): void;
  reset(error: Error): void;
  /** What the other side ended with. Rejects when the stream was reset or the connection lost. */
  readonly result: Promise<unknown>;
}

/**
 * Anything that answers the methods of `methods.ts`: a server, an agent, or a client that reaches one over the bus or a
 * local socket.
 */
export interface Api {
  /** @throws Failure */
  call(method: string, params: unknown, options?: CallOptions): Promise<unknown>;
  /** @throws Failure when the stream cannot begin. */
  open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream>;
}

/** A method's contract. */
export interface Method<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  readonly params: P;
  readonly result: R;
}
