/** What a command works with: the world, the daemon, and ways to say things. */
import { Failure } from '../../domain/errors.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../../protocol/api.ts';
import type { MethodName, Params, Result, StreamName } from '../../protocol/methods.ts';
import { type CliIo, OutputClosed } from './io.ts';
import { clause, printable } from './text.ts';

export class Session {
  readonly io: CliIo;
  /** Of the command that ran. */
  exitCode = 0;
  #api: Api | undefined;

  constructor(io: CliIo) {
    this.io = io;
  }

  /** `protocol`'s own `ask` without loading its schemas. */
  ask<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>> {
    return this.#connect().call(method, params, options) as Promise<Result<M>>;
  }

  open(method: StreamName, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return this.#connect().open(method, params, options);
  }

  /** Data, to stdout. */
  print(text: string): Promise<void> {
    return this.io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** A message, to stderr, on one line. */
  async note(text: string): Promise<void> {
    try {
      await this.io.stderr.write(`${printable(text)}\n`);
    } catch (error) {
      // Nobody listens to messages; the command goes on.
      if (!(error instanceof OutputClosed)) throw error;
    }
  }

  /** For every name, all at once; what went wrong is said per name. @returns the exit code. */
  async forEach(names: readonly string[], act: (name: string) => Promise<void>): Promise<number> {
    const outcomes = await Promise.allSettled(names.map(act));
    let failed = false;
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') await this.print(names[at] ?? '');
      else {
        if (outcome.reason instanceof OutputClosed) throw outcome.reason;
        failed = true;
        await this.complain(outcome.reason);
      }
    }
    return failed ? 1 : 0;
  }

  /** One sentence on stderr; with TRAMA_DEBUG=1 also where it came from. */
  async complain(error: unknown): Promise<void> {
    await this.note(`trama: ${clause(error instanceof Error ? error.message : String(error))}`);
    if (this.io.env.TRAMA_DEBUG !== '1') return;
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      await this.io.stderr.write(`${cause.stack}\n`).catch(() => {});
    }
  }

  #connect(): Api {
    this.#api ??= this.io.api();
    return this.#api;
  }
}

/** Ended by Ctrl-C or SIGTERM. */
export class Interrupted extends Failure {
  constructor(message: string) {
    super('unavailable', message);
  }
}
