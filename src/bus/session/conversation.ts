import { Failure, toFailure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import type { ByteStream } from '../../protocol/protocol.ts';
import { relay } from '../../protocol/protocol.ts';
import { SessionLost } from '../bus.ts';
import type { StreamHeader } from './link-stream.ts';
import { LinkStream } from './link-stream.ts';
import { Pace } from './pace.ts';
import type { Header, Line } from './wire.ts';
import { decodeJson, nameLimits, noPayload } from './wire.ts';
import { within } from './within.ts';

/** Streams that one session may have open at once, each way. */
const streamLimit = 256;

/** What answers the other side. Parameters and results are JSON bytes. */
export interface Answering {
  /** @param left milliseconds until the asker gives up. @throws Failure */
  call(id: string, method: string, params: Uint8Array, left: number): Promise<Uint8Array>;
  /** @param left as above. @throws Failure */
  open(method: string, params: Uint8Array, left: number): Promise<ByteStream>;
}

interface Pending {
  readonly answer: PromiseWithResolvers<Uint8Array>;
  waiting: number;
}

export interface ConversationOptions {
  readonly line: Line;
  readonly clock: Clock;
  readonly answering: Answering;
  /** Begins the ids of the streams that this side opens, so that they differ from the other's. */
  readonly side: 'client' | 'server';
  /** Who is at the other end, as a sentence has it: `the server at 10.0.0.1:4701`. */
  readonly other: string;
}

/** Requests and streams, both ways, over one session: from its beginning to its end, never longer. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #opening = new Map<string, PromiseWithResolvers<void>>();
  readonly #streams = new Map<string, LinkStream>();
  /** Streams that the other side asked for and that are being made here. */
  readonly #making = new Set<string>();
  readonly #pace: Pace;
  #opened = 0;
  #closed: SessionLost | undefined;

  constructor(options: ConversationOptions) {
    this.#options = options;
    // Servers have always answered.
    this.#pace = new Pace(() => options.line.send({ t: 'ping' }, noPayload), options.side === 'client');
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#pace.ping();
  }

  /** @throws Failure, SessionLost */
  async request(id: string, method: string, params: Uint8Array, left: number): Promise<unknown> {
    if (this.#closed !== undefined) throw this.#closed;
    checkNames(method, id);
    const pending = this.#pending.get(id) ?? { answer: Promise.withResolvers<Uint8Array>(), waiting: 0 };
    if (pending.waiting === 0) {
      this.#pending.set(id, pending);
      this.#options.line.send({ t: 'request', id, method, left: Math.max(0, left) }, params);
    }
    pending.waiting += 1;
    try {
      return decodeJson(
        await within(this.#options.clock, left, pending.answer.promise, () => this.#late(method, 'answer', left)),
      );
    } finally {
      pending.waiting -= 1;
      if (pending.waiting === 0 && this.#pending.get(id) === pending) this.#pending.delete(id);
    }
  }

  /** @throws Failure, SessionLost */
  async open(method: string, params: Uint8Array, left: number): Promise<ByteStream> {
    if (this.#closed !== undefined) throw this.#closed;
    checkNames(method);
    if (this.#streams.size >= streamLimit) {
      throw new Failure('overloaded', `${streamLimit} streams are open with ${this.#options.other}: end some first.`);
    }
    this.#opened += 1;
    const id = `${this.#options.side}-${this.#opened}`;
    const opened = Promise.withResolvers<void>();
    const stream = new LinkStream(id, 'opener', this.#options.line, this.#pace, () => this.#streams.delete(id));
    this.#opening.set(id, opened);
    this.#streams.set(id, stream);
    // What fails before it is opened fails the opening.
    stream.result.catch((error) => opened.reject(error));
    this.#options.line.send({ t: 'open', id, method, left: Math.max(0, left) }, params);
    try {
      await within(this.#options.clock, left, opened.promise, () => this.#late(method, 'begin', left));
      return stream;
    } catch (error) {
      stream.reset(toFailure(error));
      throw error;
    } finally {
      this.#opening.delete(id);
    }
  }

  receive(header: Header, payload: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (header.t === 'ping') this.#send({ t: 'pong' });
    else if (header.t === 'pong') this.#pace.pong();
    else if (header.t === 'request') void this.#answer(header, payload);
    else if (header.t === 'answer') this.#pending.get(header.id)?.answer.resolve(payload);
    else if (header.t === 'failure')
      this.#pending.get(header.id)?.answer.reject(new Failure(header.code, header.message));
    else if (header.t === 'open') void this.#make(header, payload);
    else if (header.t === 'opened') this.#opening.get(header.id)?.resolve();
    else if (header.t === 'data' || header.t === 'credit' || header.t === 'end' || header.t === 'reset') {
      this.#toStream(header, payload);
    }
  }

  /** Fails everything that is under way. What was asked of this side goes on, its answer stays here. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    const lost = new SessionLost('unavailable', reason);
    this.#closed = lost;
    for (const { answer } of this.#pending.values()) answer.reject(lost);
    for (const stream of [...this.#streams.values()]) stream.fail(lost);
    this.#pace.close();
    this.#making.clear();
  }

  #toStream(header: StreamHeader, payload: Uint8Array): void {
    if (header.t === 'reset') this.#making.delete(header.id);
    this.#streams.get(header.id)?.receive(header, payload);
  }

  async #answer(header: Extract<Header, { t: 'request' }>, params: Uint8Array): Promise<void> {
    const { id, method, left } = header;
    try {
      const result = await this.#options.answering.call(id, method, params, left);
      this.#send({ t: 'answer', id }, result);
    } catch (error) {
      const { code, message } = toFailure(error);
      this.#send({ t: 'failure', id, code, message });
    }
  }

  async #make(header: Extract<Header, { t: 'open' }>, params: Uint8Array): Promise<void> {
    const { id, method, left } = header;
    // An id is the stream's name on both sides: the other must not take one that is in use.
    if (this.#making.has(id) || this.#streams.has(id)) return;
    try {
      if (this.#making.size + this.#streams.size >= 2 * streamLimit) {
        throw new Failure('overloaded', `${2 * streamLimit} streams are open on this connection: end some first.`);
      }
      this.#making.add(id);
      const inner = await this.#options.answering.open(method, params, left);
      if (!this.#making.delete(id)) {
        inner.reset(this.#closed ?? new Failure('unavailable', `Who asked for ${method} has given up.`));
        return;
      }
      const stream = new LinkStream(id, 'answerer', this.#options.line, this.#pace, () => this.#streams.delete(id));
      this.#streams.set(id, stream);
      this.#send({ t: 'opened', id });
      await relay(stream, inner);
    } catch (error) {
      this.#making.delete(id);
      const { code, message } = toFailure(error);
      this.#send({ t: 'reset', id, code, message });
    }
  }

  #send(header: Header, payload: Uint8Array = noPayload): void {
    if (this.#closed === undefined) this.#options.line.send(header, payload);
  }

  #late(method: string, what: string, left: number): Failure {
    const { other } = this.#options;
    return new Failure('deadline', `${method} did not ${what} within ${Math.round(left)} ms at ${other}: try again.`);
  }
}

function checkNames(method: string, id = '-'): void {
  if (method.length >= 1 && method.length <= nameLimits.method && id.length >= 1 && id.length <= nameLimits.id) return;
  throw new Failure(
    'invalid',
    `A method is named by 1 to ${nameLimits.method} characters, a request by ${nameLimits.id}.`,
  );
}
