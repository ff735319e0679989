/**
 * The members of an etcd, of which one is asked until it fails; then the next. Calls are repeated only when that does no
 * harm: reads, and what a member has certainly not tried.
 */
import type { Clock } from '../../platform/platform.ts';
import { etcdFailure, isStaleToken, isTransient, wasNotTried } from './etcd-failure.ts';
import { Connection, GrpcError, type GrpcStream, grpcCodes, type MemberAddress, type TlsOptions } from './grpc.ts';
import { authenticateAnswer, authenticateRequest, calls } from './messages.ts';
import type { Message } from './protobuf.ts';

export interface MembersOptions {
  readonly hosts: readonly MemberAddress[];
  readonly tls?: TlsOptions;
  readonly user?: { readonly name: string; readonly password: string };
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** A linearizable read takes a round trip among the members; one that takes longer is tried elsewhere. */
const readMs = 2000;
/** Between two rounds over all members. */
const pauseMs = 200;

export class Members {
  readonly #options: MembersOptions;
  readonly #connections: readonly Connection[];
  /** The member that is asked. */
  #at = 0;
  #token: Promise<string> | undefined;

  constructor(options: MembersOptions) {
    this.#options = options;
    this.#connections = options.hosts.map((host) => new Connection(host, options.tls));
  }

  /** For sentences. */
  get where(): string {
    return this.#options.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(', ');
  }

  /** A call that may be made twice. @throws Failure */
  read(path: string, request: Buffer): Promise<Message> {
    return this.#ask(path, request, true);
  }

  /** A call that is made once, or not at all. @throws Failure; `unavailable` leaves open which. */
  write(path: string, request: Buffer): Promise<Message> {
    return this.#ask(path, request, false);
  }

  /**
   * A stream to the member that is asked now, whose iteration throws GrpcError: tell it to `failed`.
   * @throws GrpcError when there is none; the next is to another member.
   */
  async open(path: string): Promise<{ readonly stream: GrpcStream; readonly connection: Connection }> {
    const connection = this.#connection();
    try {
      return { stream: await connection.open(path, await this.#metadata()), connection };
    } catch (error) {
      this.failed(connection, grpcError(error));
      throw error;
    }
  }

  /** Asks another member from now on, and with a new token if it was that. */
  failed(connection: Connection, error: GrpcError): void {
    if (isStaleToken(error)) this.#token = undefined;
    else if (connection === this.#connection()) this.#at = (this.#at + 1) % this.#connections.length;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  async #ask(path: string, request: Buffer, repeatable: boolean): Promise<Message> {
    const end = performance.now() + this.#options.deadlineMs;
    for (let attempt = 1; ; attempt += 1) {
      const connection = this.#connection();
      const left = Math.max(1, Math.ceil(end - performance.now()));
      try {
        return await connection.call(path, request, await this.#metadata(), repeatable ? Math.min(readMs, left) : left);
      } catch (error) {
        const known = grpcError(error);
        const again = isStaleToken(known) ? attempt <= 2 : isTransient(known) && (repeatable || wasNotTried(known));
        this.failed(connection, known);
        if (!again || performance.now() >= end) throw etcdFailure(this.where, known, !repeatable);
        if (attempt % this.#connections.length === 0) await this.#options.clock.sleep(pauseMs);
      }
    }
  }

  #connection(): Connection {
    return this.#connections[this.#at] as Connection;
  }

  /** `hasleader`: a member that is cut off from the others says so, instead of letting us wait for events that cannot come. */
  async #metadata(): Promise<Record<string, string>> {
    const { user } = this.#options;
    if (user === undefined) return { hasleader: 'true' };
    this.#token ??= this.#authenticate(user.name, user.password);
    const mine = this.#token;
    try {
      return { hasleader: 'true', token: await mine };
    } catch (error) {
      if (this.#token === mine) this.#token = undefined;
      throw error;
    }
  }

  async #authenticate(name: string, password: string): Promise<string> {
    const request = authenticateRequest(name, password);
    return authenticateAnswer(
      await this.#connection().call(calls.authenticate, request, { hasleader: 'true' }, readMs),
    );
  }
}

export function grpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GrpcError(grpcCodes.unknown, message, true, { cause: error });
}
