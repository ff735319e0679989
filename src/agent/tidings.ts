/** What a person should know: into the log, and to a server, where `trama node inspect` shows it. */
import type { Clock, Log } from '../platform/platform.ts';
import { ask } from '../protocol/protocol.ts';
import type { ServerLink } from './server-link.ts';

export interface TidingsOptions {
  /** Undefined before the first connection: the log alone hears of it. */
  link(): ServerLink | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** One lost device may be thousands of sentences, of which nobody would read the rest. */
const toldAtOnce = 20;
const remembered = 1000;

export class Tidings {
  readonly #options: TidingsOptions;
  readonly #troubles = new Set<string>();

  constructor(options: TidingsOptions) {
    this.#options = options;
  }

  /** A trouble is told once, however often it is met. */
  trouble(message: string): void {
    if (this.#troubles.has(message)) return;
    if (this.#troubles.size >= remembered) this.#troubles.clear();
    this.#troubles.add(message);
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

  #send(kind: 'repair' | 'error', message: string): void {
    const link = this.#options.link();
    if (link === undefined) return;
    const event = { kind, message, time: this.#options.clock.now() };
    ask(link, 'node.event', event).catch((error: unknown) => this.#options.log.debug('event not told', { error }));
  }
}

function shortened(sentences: readonly string[]): readonly string[] {
  const rest = sentences.length - toldAtOnce;
  return rest > 0 ? [...sentences.slice(0, toldAtOnce), `and ${rest} more like these`] : sentences;
}
