/**
 * gRPC to one member over HTTP/2, as much as the store needs: calls with one answer, and streams.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Message } from './protobuf.ts';

export interface TlsOptions {
  /** PEM. Absent: the system's authorities. */
  readonly ca?: Buffer;
  /** PEM, with which we show who we are. */
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

export interface MemberAddress {
  readonly host: string;
  readonly port: number;
}

/** Codes of gRPC that the store tells apart. */
export const grpcCodes = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** How a call ended, when not well. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  /** False: the member has certainly not seen the call. */
  readonly sent: boolean;

  constructor(code: number, message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.sent = sent;
  }
}

export type Metadata = Readonly<Record<string, string>>;

/** One call: what is sent, and the answers as they come. Answers are not taken off the wire before they are asked for. */
export interface GrpcStream extends AsyncIterable<Message> {
  send(message: Buffer): void;
  /** Nothing more will be sent. */
  end(): void;
  /** Ends it from our side: the iteration fails with `reason`, or ends if there is none. */
  cancel(reason?: GrpcError): void;
}

const connectMs = 2000;
/** What a member may be silent while it owes an answer, and then until it answers a ping. */
const silenceMs = 1000;
/** A member ends a connection on which pings come more often (`--grpc-keepalive-min-time`). */
const pingMs = 5000;

export class Connection {
  readonly #address: MemberAddress;
  readonly #tls: TlsOptions | undefined;
  #session: Promise<{ session: ClientHttp2Session; socket: Socket }> | undefined;
  #pingedAt = Number.NEGATIVE_INFINITY;

  constructor(address: MemberAddress, tls: TlsOptions | undefined) {
    this.#address = address;
    this.#tls = tls;
  }

  /** A call with one answer. @throws GrpcError */
  async call(path: string, request: Buffer, metadata: Metadata, timeoutMs: number): Promise<Message> {
    const stream = await this.open(path, metadata);
    const late = () => new GrpcError(grpcCodes.deadlineExceeded, `no answer within ${timeoutMs} ms`, true);
    const timer = setTimeout(() => stream.cancel(late()), timeoutMs);
    const doubt = setTimeout(() => this.prove(), Math.min(silenceMs, timeoutMs));
    try {
      stream.send(request);
      stream.end();
      let answer: Message | undefined;
      for await (const message of stream) answer = message;
      if (answer === undefined) throw new GrpcError(grpcCodes.unknown, 'an answer without a message', true);
      return answer;
    } finally {
      clearTimeout(timer);
      clearTimeout(doubt);
    }
  }

  /** @throws GrpcError with `sent` false when there is no connection. */
  async open(path: string, metadata: Metadata): Promise<GrpcStream> {
    try {
      const { session } = await this.#connected();
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        ':scheme': this.#tls === undefined ? 'http' : 'https',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...metadata,
      });
      return new Http2Call(stream);
    } catch (error) {
      this.#session = undefined;
      throw new GrpcError(grpcCodes.unavailable, reasonOf(error), false, { cause: error });
    }
  }

  /**
   * Ends the connection, and all calls on it, unless the member shows in a second that it lives, if it has not just done
   * so. Bytes that come prove that as well as the answer to a ping.
   */
  prove(): void {
    if (this.#session === undefined || performance.now() - this.#pingedAt < pingMs) return;
    this.#pingedAt = performance.now();
    this.#session
      .then(({ session, socket }) => {
        const before = socket.bytesRead;
        if (!session.destroyed) session.ping(() => {});
        setTimeout(() => {
          if (!session.destroyed && socket.bytesRead === before) session.destroy(new Error('it is silent'));
        }, silenceMs).unref();
      })
      .catch(() => {});
  }

  close(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.then(({ session }) => session.destroy()).catch(() => {});
  }

  #connected() {
    if (this.#session === undefined) {
      const mine = this.#connect();
      this.#pingedAt = Number.NEGATIVE_INFINITY;
      this.#session = mine;
      const forget = () => {
        if (this.#session === mine) this.#session = undefined;
      };
      mine.then(({ session }) => session.once('close', forget).once('goaway', forget)).catch(forget);
    }
    return this.#session;
  }

  /** Until the member speaks: one that is paused takes connections as well. */
  async #connect() {
    const { host, port } = this.#address;
    const authority = `${this.#tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const socket = this.#tls === undefined ? connectTcp({ host, port }) : connectTls(tlsOptions(host, port, this.#tls));
    socket.setNoDelay(true);
    const session = connectHttp2(authority, { createConnection: () => socket });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`it says nothing within ${connectMs} ms`)), connectMs);
    session.once('remoteSettings', () => resolve());
    session.on('error', reject);
    session.once('close', () => reject(new Error('it closed the connection')));
    // A session whose socket fails before it is connected need not say so.
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('it closed the connection')));
    try {
      await promise;
      return { session, socket };
    } catch (error) {
      session.destroy();
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function tlsOptions(host: string, port: number, tls: TlsOptions) {
  return {
    host,
    port,
    ALPNProtocols: ['h2'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
}

class Http2Call implements GrpcStream {
  readonly #stream: ClientHttp2Stream;
  readonly #closed: Promise<void>;
  #status: { readonly code: number; readonly message: string } | undefined;
  #cancelled = false;
  #reason: GrpcError | undefined;
  #error: unknown;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    const heed = (headers: IncomingHttpHeaders) => {
      const code = headers['grpc-status'];
      if (typeof code !== 'string') return;
      this.#status = { code: Number(code), message: decodeURIComponent(String(headers['grpc-message'] ?? '')) };
    };
    stream.on('response', heed);
    stream.on('trailers', heed);
    stream.on('error', (error) => {
      this.#error = error;
    });
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
  }

  send(message: Buffer): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    if (!this.#stream.writableEnded && !this.#stream.destroyed) this.#stream.write(Buffer.concat([head, message]));
  }

  end(): void {
    this.#stream.end();
  }

  cancel(reason?: GrpcError): void {
    this.#cancelled = true;
    this.#reason = reason;
    this.#stream.close(8 /* CANCEL */);
    this.#stream.destroy();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, void> {
    try {
      yield* messagesOf(this.#stream);
    } catch (error) {
      // A stream that broke: what it says is of less use than the status, if there is one.
      this.#error ??= error;
    } finally {
      if (!this.#stream.closed) this.#stream.close(8 /* CANCEL */);
    }
    await this.#closed;
    if (this.#cancelled) {
      if (this.#reason !== undefined) throw this.#reason;
      return;
    }
    if (this.#status === undefined) {
      throw new GrpcError(grpcCodes.unavailable, `the connection broke: ${reasonOf(this.#error)}`, true);
    }
    if (this.#status.code !== 0) throw new GrpcError(this.#status.code, this.#status.message, true);
  }
}

/** Cuts what comes into messages: a byte that says whether it is compressed (we ask for none), four of length. */
async function* messagesOf(stream: ClientHttp2Stream): AsyncGenerator<Message, void, void> {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = 5;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) continue;
    let bytes = Buffer.concat(parts);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      yield new Message(bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
    wanted = bytes.length < 5 ? 5 : 5 + bytes.readUInt32BE(1);
    parts = [bytes];
    held = bytes.length;
  }
}

function reasonOf(error: unknown): string {
  // Several addresses of one name that all refused.
  const one = error instanceof AggregateError ? error.errors.at(-1) : error;
  return one instanceof Error ? one.message : 'it ended without a status';
}
