/**
 * Serves a raw connection of the engine as a ByteStream. Back-pressure goes through in both directions: the engine is read
 * no faster than the client reads, and the client's input waits for the engine.
 *
 * When the client goes away the connection to the engine ends; when the engine does, the client's stream is reset.
 */
import type { Duplex } from 'node:stream';
import type { Failure } from '../../domain/domain.ts';
import { writeTo } from '../../platform/platform.ts';
import {
  type ByteStream,
  channels,
  readControl,
  type StreamChunk,
  type StreamControl,
  streamPair,
} from '../../protocol/protocol.ts';
import { Demultiplexer, type Reading, unframed } from './frames.ts';
import { gathered } from './gathered.ts';
import type { Body } from './raw-answer.ts';

/** Bytes. The engine's sentences are some hundred. */
const keptBackLimit = 4096;

export interface Served {
  /** The container has a terminal: its output is not framed. */
  readonly tty: boolean;
  /** What the output is read by, if it is not just frames or a terminal's bytes. */
  readonly reading?: Reading;
  /** Told before any output. */
  readonly first?: StreamChunk;
  /** Whether output that begins so may be the engine's own word, and is kept back until its end. */
  readonly keepsBack?: (beginning: string) => boolean;
  /**
   * Called after the output's end, with what was kept back; its value is what the client's stream ends with. If that has an
   * `error`, it says what was kept back, which is not sent then.
   */
  readonly finish: (keptBack: string) => Promise<unknown>;
  /** Called when the session is over in whatever way, perhaps twice, perhaps while `finish` still waits. */
  readonly release?: () => void;
  /** A lost connection as a Failure. */
  readonly explain: (error: unknown) => Failure;
}

/** One way: logs. */
export function serveOutput(source: Body, served: Served): ByteStream {
  const [client, own] = streamPair();
  void forwardOutput(source, own, served);
  void drain(own, source);
  return client;
}

/** Both ways: exec, attach. @param resize tells the engine the size of the client's terminal. */
export function serveSession(
  connection: Duplex,
  served: Served & {
    readonly stdin: boolean;
    readonly resize: (columns: number, rows: number) => Promise<void>;
    /** Passes a signal on to the process. Absent: there are none. */
    readonly signal?: (name: Signal) => Promise<void>;
  },
): ByteStream {
  const [client, own] = streamPair();
  void forwardOutput(connection, own, served);
  void forwardInput(own, connection, served, newestOnly(served.resize));
  return client;
}

export type Signal = Extract<StreamControl, { type: 'signal' }>['signal'];

async function forwardOutput(source: AsyncIterable<Buffer>, own: ByteStream, served: Served): Promise<void> {
  const reading = served.reading ?? (served.tty ? unframed : new Demultiplexer());
  const kept = new KeptBack(own, served.keepsBack);
  const forward = async (chunks: readonly StreamChunk[]) => {
    for (const chunk of chunks) if (!(await kept.keeps(chunk))) await own.send(chunk.channel, chunk.data);
  };
  try {
    if (served.first !== undefined) await own.send(served.first.channel, served.first.data);
    for await (const data of gathered(source)) await forward(reading.push(data));
    await forward(reading.finish());
    const result = await served.finish(kept.text);
    if ((result as { error?: unknown } | undefined)?.error === undefined) await kept.release();
    own.end(result);
  } catch (error) {
    own.reset(served.explain(error));
  } finally {
    served.release?.();
  }
}

/** The beginning of an output, as long as it may be the engine's word. */
class KeptBack {
  readonly #own: ByteStream;
  readonly #keeps: (beginning: string) => boolean;
  #chunks: StreamChunk[] = [];
  #size = 0;
  #over = false;

  constructor(own: ByteStream, keeps: (beginning: string) => boolean = () => false) {
    this.#own = own;
    this.#keeps = keeps;
  }

  get text(): string {
    return Buffer.concat(this.#chunks.map(({ data }) => data)).toString();
  }

  async keeps(chunk: StreamChunk): Promise<boolean> {
    if (this.#over) return false;
    this.#chunks.push(chunk);
    this.#size += chunk.data.length;
    if (this.#size > keptBackLimit || !this.#keeps(this.text)) await this.release();
    return true;
  }

  /** It was the command's own. */
  async release(): Promise<void> {
    this.#over = true;
    for (const { channel, data } of this.#chunks.splice(0)) await this.#own.send(channel, data);
  }
}

/** Reads what the client should not send, to learn of its going away. */
async function drain(own: ByteStream, source: Body): Promise<void> {
  try {
    const reader = own[Symbol.asyncIterator]();
    while (!(await reader.next()).done);
  } catch (error) {
    source.destroy(error instanceof Error ? error : undefined);
  }
}

async function forwardInput(
  own: ByteStream,
  connection: Duplex,
  { stdin, release, signal }: Served & { readonly stdin: boolean; readonly signal?: (name: Signal) => Promise<void> },
  resize: Resizing,
): Promise<void> {
  try {
    for await (const { channel, data } of own) {
      if (channel === channels.stdin && stdin) {
        // What is typed at a terminal of one size is not read at one of another.
        await resize.settled();
        await writeTo(connection, data);
      }
      if (channel !== channels.control) continue;
      const message = readControl(data);
      if (message?.type === 'resize') resize.to(message.columns, message.rows);
      if (message?.type === 'signal') void signal?.(message.signal);
      if (message?.type === 'end-of-input' && stdin) connection.end();
    }
    if (stdin) connection.end();
  } catch (error) {
    connection.destroy(error instanceof Error ? error : undefined);
    release?.();
  }
}

interface Resizing {
  readonly to: (columns: number, rows: number) => void;
  /** Resolves when the newest size is the terminal's. */
  readonly settled: () => Promise<void>;
}

/** One resize at a time; of those that come meanwhile only the newest counts. */
function newestOnly(resize: (columns: number, rows: number) => Promise<void>): Resizing {
  let next: [number, number] | undefined;
  let running: Promise<void> | undefined;
  const run = async () => {
    while (next !== undefined) {
      const size = next;
      next = undefined;
      await resize(...size);
    }
    running = undefined;
  };
  return {
    to: (columns, rows) => {
      next = [columns, rows];
      running ??= run();
    },
    settled: async () => running,
  };
}
