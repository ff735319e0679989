/**
 * A stream that is asked for at the very beginning of a process, before anything else is loaded: the other side works meanwhile.
 * What loads little is all that may be imported here.
 */
import type { Socket } from 'node:net';
import { encodeJson, frameTypes } from './frame-bytes.ts';

/** Words by which a connection to the local socket becomes one of frames (RFC 9110, 7.8). */
export const upgradeRequest = [
  'POST /v1/stream HTTP/1.1',
  'Host: trama',
  'Connection: Upgrade',
  'Upgrade: trama-stream',
  'Content-Length: 0',
  '\r\n',
].join('\r\n');

export interface EarlyStream {
  readonly path: string;
  readonly method: string;
  readonly params: unknown;
  readonly socket: Socket;
  /** What came to pass before somebody listened. */
  failure: Error | undefined;
  /** Resolves when it is on its way, or cannot be: what is loaded before that keeps it from going. */
  readonly sent: Promise<void>;
}

export function beginStream(path: string, method: string, params: unknown): EarlyStream {
  // An import would read all that `node:net` exports.
  const socket = process.getBuiltinModule('node:net').createConnection(path);
  const sent = Promise.withResolvers<void>();
  const early: EarlyStream = { path, method, params, socket, failure: undefined, sent: sent.promise };
  socket.on('error', (error) => {
    early.failure = error;
    sent.resolve();
  });
  // Those that wait for it are written before anybody else hears of it.
  socket.once('connect', () => setImmediate(sent.resolve));
  socket.write(upgradeRequest);
  socket.write(encodeJson(frameTypes.open, { method, params }));
  return early;
}
