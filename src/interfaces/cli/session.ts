/** What a command works with: the world, the daemon, and ways to say things. */
import { Failure } from '../../domain/errors.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../../protocol/api.ts';
import type { MethodName, Params, Result } from '../../protocol/methods.ts';
import type { StreamName } from '../../protocol/stream-methods.ts';
import { chosenContext } from './context-choice.ts';
import { type CliIo, OutputClosed, type StoredContext } from './io.ts';
import { clause, printable } from './text.ts';

export class Session {
  readonly io: CliIo;
  /** Of the command that ran. */
  exitCode = 0;
  /** What `--context` says. */
  contextFlag: string | undefined;
  #api: Promise<Api> | undefined;

  constructor(io: CliIo) {
    this.io = io;
  }

  /** `protocol`'s own `ask` without loading its schemas. */
  async ask<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>> {
    return (await (await this.#connect()).call(method, params, options)) as Result<M>;
  }

  /** For what is done over more than one call. */
  get api(): Promise<Api> {
    return this.#connect();
  }

  async open(method: StreamName, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    return (await this.#connect()).open(method, params, options);
  }

  /** The cluster that the command is about; undefined: this host's. @throws Failure `not-found` */
  context(): Promise<StoredContext | undefined> {
    return chosenContext(this.io, this.contextFlag);
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

  #connect(): Promise<Api> {
    this.#api ??= this.context().then((context) => this.io.api(context));
    return this.#api;
  }
}

/** Ended by Ctrl-C or SIGTERM. */
export class Interrupted extends Failure {
  constructor(message: string) {
    super('unavailable', message);
  }
}

/**
 * What goes on until Ctrl-C or SIGTERM. That ends it at once, whatever it waits for: nobody may have to wait for a server that does not
 * answer. `work` is told by the signal, and what it throws then is nobody's.
 * @throws Interrupted
 */
export async function untilInterrupted<T>({ io }: Session, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const interrupted = Promise.withResolvers<never>();
  const end = () => {
    const reason = new Interrupted('');
    ended.abort(reason);
    interrupted.reject(reason);
  };
  const undo = (['SIGINT', 'SIGTERM'] as const).map((signal) => io.onSignal(signal, end));
  try {
    return await Promise.race([interrupted.promise, work(ended.signal)]);
  } finally {
    for (const each of undo) each();
  }
}

/** The way to a container broke while somebody was in it: nothing is known of what ran there. Ends with a code of its own. */
export class ConnectionLost extends Failure {
  constructor(message: string, options?: ErrorOptions) {
    super('unavailable', message, options);
  }
}
