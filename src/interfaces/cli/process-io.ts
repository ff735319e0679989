/** The process that runs the command line, as a CliIo. */
import type { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { readIfThere } from '../../platform/files.ts';
import { type CliIo, type Input, type Output, OutputClosed } from './io.ts';

/** @param rest what the composition brings. */
export function processIo(rest: Pick<CliIo, 'api' | 'daemons' | 'registryAuth' | 'version'>): CliIo {
  return {
    ...rest,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
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

type Writes = Pick<WriteStream, 'write' | 'on'> & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

function outputOf(stream: Writes): Output {
  let closed = false;
  // Without a listener EPIPE would end the process with a stack trace.
  stream.on('error', () => {
    closed = true;
  });
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        if (closed) reject(new OutputClosed('Nobody reads the output any more.'));
        else {
          stream.write(data, (error) => {
            if (error) reject(new OutputClosed('Nobody reads the output any more.', { cause: error }));
            else resolve();
          });
        }
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
