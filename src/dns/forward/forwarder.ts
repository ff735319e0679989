/**
 * Questions that are not the zone's, put to other servers, one after another. A server that is slow may still answer while
 * the next is asked, too: the first answer counts.
 */
import type { Clock } from '../../platform/platform.ts';
import { rcodes } from '../message/wire.ts';
import { type Cancel, exchange, rcodeOf, type Transport } from './exchange.ts';
import { Health } from './health.ts';
import { readUpstream } from './upstream.ts';

/** In milliseconds. */
export interface Patience {
  /** Until the next server is asked, or the only one again. */
  readonly next: number;
  /** The same for one that was silent the last time, when there is another. */
  readonly doubtful: number;
  /** Until nobody is waited for any more. dockerd gives up after 4 s, stub resolvers after 5. */
  readonly all: number;
}

export const usualPatience: Patience = { next: 1500, doubtful: 250, all: 3800 };

/** Servers that are asked at least, the same ones again if need be: datagrams get lost. */
const leastAttempts = 3;

export interface ForwarderOptions {
  readonly clock: Clock;
  readonly patience: Patience;
}

export class Forwarder {
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #health: Health;
  readonly #under = new Set<AbortController>();
  readonly #asked = new Map<string, Promise<Buffer | undefined>>();

  constructor(options: ForwarderOptions) {
    this.#clock = options.clock;
    this.#patience = options.patience;
    this.#health = new Health(() => options.clock.now());
  }

  /** Questions under way; the same ones of several clients count once. */
  get size(): number {
    return this.#asked.size;
  }

  /**
   * @param query a whole message @param questionEnd where its question section ends
   * @returns the answer with another id, to be copied before it is changed; undefined when nobody answered
   */
  ask(
    query: Buffer,
    questionEnd: number,
    upstreams: readonly string[],
    transport: Transport,
  ): Promise<Buffer | undefined> {
    const key = `${transport} ${upstreams.join(' ')} ${query.toString('latin1', 2)}`;
    const under = this.#asked.get(key);
    if (under !== undefined) return under;
    const asked = this.#pursue({ query, questionEnd, transport }, upstreams).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  /** All that is under way ends without an answer. */
  close(): void {
    for (const each of this.#under) each.abort();
  }

  async #pursue(asked: Asked, upstreams: readonly string[]): Promise<Buffer | undefined> {
    const over = new AbortController();
    const cancels: Cancel[] = [];
    this.#under.add(over);
    const result = Promise.withResolvers<Buffer | undefined>();
    let lesser: Buffer | undefined;
    const attempt: Attempt = (upstream) =>
      new Promise((failed) => {
        const parsed = readUpstream(upstream);
        if (parsed === undefined) return failed('silent');
        const tell = (answer: Buffer | undefined) => {
          if (answer !== undefined) this.#health.answered(upstream);
          if (answer !== undefined && isUseful(answer)) return result.resolve(answer);
          lesser ??= answer;
          failed(answer === undefined ? 'silent' : 'useless');
        };
        cancels.push(exchange(parsed, asked.transport, asked.query, asked.questionEnd, tell));
      });
    try {
      const all = this.#clock.sleep(this.#patience.all, over.signal);
      const none = this.#attempts(attempt, upstreams, over.signal).then(() => undefined);
      return (await Promise.race([result.promise, none, all.then(() => undefined)])) ?? lesser;
    } catch {
      // The sleep rejects when the server ends.
      return undefined;
    } finally {
      this.#under.delete(over);
      over.abort();
      for (const cancel of cancels) cancel();
    }
  }

  /** Resolves when every attempt has failed. */
  async #attempts(attempt: Attempt, upstreams: readonly string[], signal: AbortSignal): Promise<void> {
    const order = this.#health.order(upstreams);
    const failures: Promise<unknown>[] = [];
    const failed = new Set<string>();
    for (let i = 0; i < Math.max(order.length, leastAttempts); i++) {
      const upstream = order[i % order.length];
      if (signal.aborted || upstream === undefined) return;
      if (failed.has(upstream)) continue;
      const askedAt = this.#clock.now();
      const failure = attempt(upstream).then((how) => {
        failed.add(upstream);
        return how;
      });
      failures.push(failure);
      const hasOther = order.some((each) => !this.#health.isDoubtful(each));
      const patience = hasOther && this.#health.isDoubtful(upstream) ? this.#patience.doubtful : this.#patience.next;
      const waited = this.#clock.sleep(patience, signal).then(
        () => 'silent' as const,
        () => 'over' as const,
      );
      if ((await Promise.race([failure, waited])) === 'silent') this.#health.silent(upstream, askedAt);
    }
    await Promise.all(failures);
  }
}

interface Asked {
  readonly query: Buffer;
  readonly questionEnd: number;
  readonly transport: Transport;
}

/** Puts the question to one; resolves with why that brought nothing, and never when it did, or nothing is heard. */
type Attempt = (upstream: string) => Promise<'silent' | 'useless'>;

/** Others may know better than who cannot or will not answer; so do resolvers in libc. */
function isUseful(answer: Buffer): boolean {
  const rcode = rcodeOf(answer);
  return rcode === rcodes.noError || rcode === rcodes.nameError;
}
