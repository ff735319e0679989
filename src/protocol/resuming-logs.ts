/**
 * A log that goes on over another way when its connection is lost, without a line lost or doubled: an agent tells with `position`
 * controls where one is, and the next stream begins there. Over any Api.
 */
import { Failure, isFailure, toFailure } from '../domain/errors.ts';
import { type Api, type ByteStream, channels, type LogPosition, type StreamChunk } from './api.ts';
import { streamPair } from './streams.ts';

/** Of `workload.logs`. */
export interface LogParams {
  readonly name: string;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tail?: number;
  readonly since?: number;
  readonly until?: number;
}

export interface ResumingOptions {
  /** Milliseconds; steady enough to measure seconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** It has not been possible to go on for a while: once for each loss. */
  onTrouble?(why: string): void;
}

/** How long somebody waits who was looking on: servers restart in seconds, a node is back or called down within as many. */
const patienceMs = 30_000;
const pauseMs = 250;
const troubleMs = 2000;

/** @throws Failure when it cannot begin */
export async function openResumingLogs(api: Api, params: LogParams, options: ResumingOptions): Promise<ByteStream> {
  const log = new ResumingLog(api, params, options);
  await log.open();
  const [near, far] = streamPair();
  void log.serve(near);
  return far;
}

class ResumingLog {
  readonly #api: Api;
  readonly #params: LogParams;
  readonly #options: ResumingOptions;
  #stream: ByteStream | undefined;
  #position: LogPosition | undefined;
  /** Bytes read of this stream, and ever handed on, behind the position. */
  #read = 0;
  #told = 0;
  #left = false;

  constructor(api: Api, params: LogParams, options: ResumingOptions) {
    this.#api = api;
    this.#params = params;
    this.#options = options;
  }

  async open(): Promise<void> {
    const after = this.#position === undefined ? {} : { after: this.#position };
    this.#stream = await this.#api.open('workload.logs', { ...this.#params, positions: true, ...after });
    this.#read = 0;
  }

  async serve(near: ByteStream): Promise<void> {
    near.result.catch((error) => this.#leave(error));
    try {
      for (;;) {
        try {
          await this.#carry(near);
          near.end();
          return;
        } catch (error) {
          if (this.#left || !isPassing(error)) throw error;
          await this.#reopen(toFailure(error));
        }
      }
    } catch (error) {
      near.reset(toFailure(error));
    }
  }

  #leave(error: Error): void {
    this.#left = true;
    this.#stream?.reset(error);
  }

  async #carry(near: ByteStream): Promise<void> {
    let confirmed = this.#position === undefined;
    for await (const chunk of this.#stream ?? []) {
      const position = positionIn(chunk);
      if (!confirmed) {
        if (position?.at !== this.#position?.at || position?.count !== this.#position?.count)
          throw tooOld(this.#params.name);
        confirmed = true;
      } else if (position !== undefined) {
        this.#told = Math.max(0, this.#told - this.#read);
        this.#read = 0;
        this.#position = position;
      } else await this.#pass(near, chunk);
    }
  }

  /** What was told before, behind the position, comes again. */
  async #pass(near: ByteStream, { channel, data }: StreamChunk): Promise<void> {
    const again = Math.max(0, Math.min(data.length, this.#told - this.#read));
    this.#read += data.length;
    this.#told = Math.max(this.#told, this.#read);
    if (again < data.length) await near.send(channel, data.subarray(again));
  }

  /** @throws Failure when it is not possible within a while, or for good */
  async #reopen(lost: Failure): Promise<void> {
    const { now, sleep, onTrouble } = this.#options;
    if (this.#position === undefined && this.#told > 0) throw lost;
    const began = now();
    let told = false;
    for (let why = lost; ; ) {
      try {
        await this.open();
        // Who has gone meanwhile did not find this stream.
        if (this.#left) this.#stream?.reset(why);
        return;
      } catch (error) {
        if (this.#left || !isPassing(error) || now() - began >= patienceMs) throw error;
        why = toFailure(error);
      }
      if (!told && now() - began >= troubleMs) {
        told = true;
        onTrouble?.(why.message);
      }
      await sleep(pauseMs);
    }
  }
}

const isPassing = (error: unknown): boolean =>
  isFailure(error, 'unavailable') || isFailure(error, 'deadline') || isFailure(error, 'overloaded');

/** Servers and agents have checked what they send; others may send what we do not know. */
function positionIn({ channel, data }: StreamChunk): LogPosition | undefined {
  if (channel !== channels.control) return undefined;
  const { type, at, count } = JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>;
  return type === 'position' && typeof at === 'string' && typeof count === 'number' ? { at, count } : undefined;
}

const tooOld = (name: string): Failure =>
  new Failure(
    'invalid',
    `the log of ${name} cannot be gone on with: its node, or the server between, is too old for that; ask for it again`,
  );
