/** The process that runs the command line, as a CliIo. */
import type { Readable, Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { Failure } from '../../domain/errors.ts';
import { readIfThere } from '../../platform/files.ts';
import { type CliIo, type Input, type Output, OutputClosed } from './io.ts';

type Rest =
  | 'api'
  | 'daemons'
  | 'doctor'
  | 'console'
  | 'store'
  | 'lab'
  | 'registryAuth'
  | 'version'
  | 'contexts'
  | 'newUserKey';

/** @param rest what the composition brings. */
export function processIo(rest: Pick<CliIo, Rest>): CliIo {
  return {
    ...rest,
    stdout: outputOf(process.stdout),
    stderr: lateOutput(() => outputOf(process.stderr)),
    stdin: inputOf(() => process.stdin),
    env: process.env,
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    readFile: readIfThere,
    onResize(handler) {
      process.stdout.on('resize', handler);
      return () => void process.stdout.off('resize', handler);
    },
    onSignal(signal, handler) {
      process.on(signal, handler);
      return () => void process.off(signal, handler);
    },
  };
}

/** Most commands have nothing to say on stderr: it is opened by those that have. */
function lateOutput(open: () => Output): Output {
  let opened: Output | undefined;
  const there = () => {
    opened ??= open();
    return opened;
  };
  return {
    write: (data) => there().write(data),
    get isTTY() {
      return there().isTTY;
    },
    get columns() {
      return there().columns;
    },
    get rows() {
      return there().rows;
    },
  };
}

type Writes = Pick<Writable, 'write'> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
} & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

export function outputOf(stream: Writes): Output {
  let failed: Error | undefined;
  // Without a listener EPIPE would end the process with a stack trace.
  stream.on('error', (error: Error) => {
    failed ??= error;
  });
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) reject(unwritten(failed));
        else stream.write(data, (error) => (error ? reject(unwritten(failed ?? error)) : resolve()));
      }),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
    get rows() {
      return stream.rows ?? 24;
    },
  };
}

function unwritten(cause: Error): Error {
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED')
    return new OutputClosed('Nobody reads the output any more.', { cause });
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : cause.message;
  return new Failure('exhausted', `the output cannot be written: ${why}; what came before may be cut off`, { cause });
}

type Reads = Readable & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown };

/** @param open gives the stream when it is first needed: looking at process.stdin opens it. */
export function inputOf(open: () => Reads): Input {
  return {
    get isTTY() {
      return open().isTTY === true;
    },
    setRaw: (on) => void open().setRawMode?.(on),
    async *read(signal) {
      const stream = open();
      // A pending read would keep the process alive.
      const stop = () => void stream.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        if (!signal.aborted) yield* stream as AsyncIterable<Uint8Array>;
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
  };
}
