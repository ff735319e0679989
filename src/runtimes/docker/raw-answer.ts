/**
 * A request to the engine whose answer is read from the connection itself. An engine writes a log line by line, each as a chunk of
 * HTTP's own (RFC 9112, 7.1); Node's parser makes an event of each, which costs more than all else that is done with it.
 */
import { createConnection, type Socket } from 'node:net';
import { Failure } from '../../domain/domain.ts';

const headLimit = 64 * 1024;
const headEnd = Buffer.from('\r\n\r\n');

/** A body to be read as it comes. Who does not read it to its end destroys it. */
export interface Body extends AsyncIterable<Buffer> {
  destroy(error?: Error): void;
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
}

export interface RawRequest {
  readonly socketPath: string;
  readonly path: string;
  readonly method: 'GET' | 'HEAD';
  readonly timeoutMs: number;
  readonly doing: string;
}

/** @throws what the connection failed with; Failure `deadline` when there is no answer in time */
export async function rawAnswer({ socketPath, path, method, timeoutMs, doing }: RawRequest): Promise<RawAnswer> {
  const socket = createConnection(socketPath);
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  // Whoever reads hears of an error there.
  socket.on('error', () => {});
  const timer = setTimeout(() => {
    const message = `Docker did not ${doing} within ${timeoutMs / 1000} s; it hangs or is overloaded.`;
    socket.destroy(new Failure('deadline', message));
  }, timeoutMs);
  timer.unref();
  try {
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n`);
    const { head, rest } = await readHead(socket);
    const { status, headers } = parseHead(head);
    const chunked = method === 'GET' && headers['transfer-encoding']?.toLowerCase() === 'chunked';
    return { status, headers, body: bodyOf(socket, rest, chunked ? new Dechunker() : undefined), closed };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws what the connection failed with */
async function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let all: Buffer = Buffer.alloc(0);
  const reader = socket.iterator({ destroyOnReturn: false });
  for await (const data of reader as AsyncIterable<Buffer>) {
    all = all.length === 0 ? data : Buffer.concat([all, data]);
    const end = all.indexOf(headEnd);
    if (end >= 0) return { head: all.toString('latin1', 0, end), rest: all.subarray(end + headEnd.length) };
    if (all.length > headLimit) break;
  }
  throw brokenOff('it did not answer in HTTP');
}

function parseHead(head: string): { status: number; headers: Record<string, string> } {
  const [first = '', ...lines] = head.split('\r\n');
  const [, status] = /^HTTP\/1\.\d (\d{3})/.exec(first) ?? [];
  if (status === undefined) throw brokenOff('it did not answer in HTTP');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(status), headers: Object.fromEntries(headers) };
}

const brokenOff = (why: string): Error => Object.assign(new Error(why), { code: 'ECONNRESET' });

function bodyOf(socket: Socket, rest: Buffer, dechunker: Dechunker | undefined): Body {
  return {
    destroy: (error) => void socket.destroy(error),
    async *[Symbol.asyncIterator]() {
      const read = (data: Buffer) => (dechunker === undefined ? data : dechunker.push(data));
      try {
        const first = read(rest);
        if (first.length > 0) yield first;
        for await (const data of socket as AsyncIterable<Buffer>) {
          const body = read(data);
          if (body.length > 0) yield body;
          if (dechunker?.ended) return;
        }
        if (dechunker?.ended === false) throw brokenOff('the answer ended in its middle');
      } finally {
        socket.destroy();
      }
    },
  };
}

const [cr, lf] = [13, 10];
/** Hexadecimal digits of a chunk's size. */
const longestSize = 12;

/** Takes chunks apart, in place. */
export class Dechunker {
  ended = false;
  #state: 'size' | 'extension' | 'data' | 'after' | 'trailer' = 'size';
  #size = 0;
  #digits = 0;
  #left = 0;
  #lineLength = 0;

  /** @returns the part of `data` that holds the body's bytes of it. @throws Error for what are no chunks */
  push(data: Buffer): Buffer {
    let to = 0;
    for (let at = 0; at < data.length && !this.ended; ) {
      if (this.#state === 'data') {
        const end = Math.min(data.length, at + this.#left);
        to += data.copy(data, to, at, end);
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = 'after';
      } else {
        this.#step(data[at] ?? 0);
        at += 1;
      }
    }
    return data.subarray(0, to);
  }

  #step(byte: number): void {
    if (this.#state === 'size') this.#sizeByte(byte);
    else if (this.#state === 'extension') {
      if (byte === lf) this.#sized();
    } else if (this.#state === 'after') {
      if (byte === lf) this.#state = 'size';
      else if (byte !== cr) throw brokenOff('the answer was no chunks');
    } else if (byte === lf) {
      // An empty line ends the trailer.
      if (this.#lineLength === 0) this.ended = true;
      this.#lineLength = 0;
    } else if (byte !== cr) this.#lineLength += 1;
  }

  #sizeByte(byte: number): void {
    const digit = digitOf(byte);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
      if (this.#digits > longestSize) throw brokenOff('the answer was no chunks');
    } else if (this.#digits === 0) throw brokenOff('the answer was no chunks');
    else if (byte === lf) this.#sized();
    else this.#state = 'extension';
  }

  #sized(): void {
    this.#left = this.#size;
    this.#state = this.#size === 0 ? 'trailer' : 'data';
    this.#size = 0;
    this.#digits = 0;
  }
}

function digitOf(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
