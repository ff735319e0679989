/** Joins a container's streams with ours: an exec, an attach, logs. */
import { type ByteStream, channels, type StreamControl } from '../../protocol/api.ts';
import type { CliIo, Undo } from './io.ts';
import type { Session } from './session.ts';

// `protocol/api.ts` imports zod as a type only: it costs nothing to load.

export interface Carried {
  /** Send our input; `false` for logs. */
  readonly input: boolean;
  /** The other side has a terminal: keys go raw, sizes are told. */
  readonly tty: boolean;
  /** The first Ctrl-C, or SIGTERM, is the command's: it is passed on. */
  readonly signals?: boolean;
  /** Input waits for this, so that keys typed before are not lost on a container that is still being made. */
  readonly ready?: Promise<unknown>;
  readonly onProgress?: (message: string) => Promise<void>;
  readonly onOutput?: () => void;
}

/** @returns what the other side ended with. @throws Failure when it was reset or the connection was lost; OutputClosed. */
export async function carry(session: Session, stream: ByteStream, carried: Carried): Promise<unknown> {
  const over = new AbortController();
  const undo: Undo[] = [];
  // Not waited for: it may be stuck in a send to a command that has ended and reads no more.
  if (carried.input) void sendInput(session.io, stream, carried, over.signal, undo);
  try {
    await receive(session, stream, carried);
    return await stream.result;
  } finally {
    over.abort();
    for (const one of undo.reverse()) one();
    stream.end();
  }
}

async function receive(session: Session, stream: ByteStream, carried: Carried): Promise<void> {
  for await (const { channel, data } of stream) {
    if (channel !== channels.control) carried.onOutput?.();
    if (channel === channels.stdout) await session.io.stdout.write(data);
    else if (channel === channels.stderr) await session.io.stderr.write(data);
    else if (channel === channels.control) await carried.onProgress?.(progressOf(data));
  }
}

function progressOf(data: Uint8Array): string {
  const control = JSON.parse(Buffer.from(data).toString()) as StreamControl;
  return control.type === 'progress' ? control.message : '';
}

/** What is told to a stream that has ended is nobody's. */
export function tell(stream: ByteStream, message: StreamControl): void {
  stream.send(channels.control, Buffer.from(JSON.stringify(message))).catch(() => {});
}

/** Never rejects: when the stream is gone, its result tells why. */
async function sendInput(
  io: CliIo,
  stream: ByteStream,
  { tty, ready }: Carried,
  over: AbortSignal,
  undo: Undo[],
): Promise<void> {
  try {
    await Promise.race([ready, new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }))]);
    if (over.aborted) return;
    if (tty && io.stdin.isTTY) {
      io.stdin.setRaw(true);
      undo.push(() => io.stdin.setRaw(false));
    }
    if (tty && io.stdout.isTTY) {
      const resized = () => tell(stream, { type: 'resize', columns: io.stdout.columns, rows: io.stdout.rows });
      undo.push(io.onResize(resized));
      resized();
    }
    for await (const data of io.stdin.read(over)) await stream.send(channels.stdin, data);
    if (!over.aborted) tell(stream, { type: 'end-of-input' });
  } catch {
    // See above.
  }
}
