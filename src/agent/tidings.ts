/** What a person should know: into the log, and to the servers, where `trama node inspect` shows it. */
import { isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ServerLink } from './server-link.ts';

export interface TidingsOptions {
  /** To the servers, each of which keeps what it hears in its memory; undefined before the first connection. */
  link(): Pick<ServerLink, 'everywhere'> | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** One lost device may be thousands of sentences, of which nobody would read the rest. */
const toldAtOnce = 20;
const remembered = 1000;
/** What has not been met for so long was healed: it is told when it comes again. */
const healedMs = 10 * 60_000;
/** While no server answers; of more, the first say what began it. */
const kept = 100;

interface NodeEvent {
  readonly kind: 'repair' | 'error';
  readonly message: string;
  /** ms since 1970 */
  readonly time: number;
}

export class Tidings {
  readonly #options: TidingsOptions;
  /** When each was last met, ms since 1970; the one that was met last stands last. */
  readonly #troubles = new Map<string, number>();
  readonly #untold: NodeEvent[] = [];
  #telling = false;

  constructor(options: TidingsOptions) {
    this.#options = options;
  }

  /** A trouble is told once, however often it is met, until it has stayed away for a while. */
  trouble(message: string): void {
    const now = this.#options.clock.now();
    const met = this.#troubles.get(message);
    this.#troubles.delete(message);
    this.#troubles.set(message, now);
    if (met !== undefined && now - met < healedMs) return;
    const [oldest] = this.#troubles.keys();
    if (this.#troubles.size > remembered && oldest !== undefined) this.#troubles.delete(oldest);
    this.#options.log.error(message);
    this.#send('error', message);
  }

  troubles(messages: readonly string[]): void {
    for (const message of shortened(messages)) this.trouble(message);
  }

  repairs(sentences: readonly string[]): void {
    for (const sentence of shortened(sentences)) {
      this.#options.log.info(sentence, { kind: 'repair' });
      this.#send('repair', sentence);
    }
  }

  /** Servers answer again: what they have not heard. */
  async tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (;;) {
        const link = this.#options.link();
        const [event] = this.#untold;
        if (link === undefined || event === undefined) return;
        await link.everywhere('node.event', event).catch((error: unknown) => {
          if (isFailure(error, 'unavailable') || isFailure(error, 'deadline')) throw error;
          this.#options.log.debug('an event was not taken', { error });
        });
        this.#untold.shift();
      }
    } finally {
      this.#telling = false;
    }
  }

  #send(kind: NodeEvent['kind'], message: string): void {
    if (this.#untold.length < kept) this.#untold.push({ kind, message, time: this.#options.clock.now() });
    this.tell().catch((error: unknown) => this.#options.log.debug('event not told yet', { error }));
  }
}

function shortened(sentences: readonly string[]): readonly string[] {
  const rest = sentences.length - toldAtOnce;
  return rest > 0 ? [...sentences.slice(0, toldAtOnce), `and ${rest} more like these`] : sentences;
}
