/**
 * How much of its streams a session has on its way at once, whatever their readers do: what is sent later, a heartbeat above all,
 * waits behind no more than that. A pong says that all that was sent before its ping has arrived. Credit (see LinkStream) bounds what
 * waits to be read; this bounds what lies in queues and in the network.
 */

/** Bytes on their way. At 10 Mbit/s they take 0.4 s, and a node is called silent after 3. */
export const inFlightLimit = 512 * 1024;
/** Above this there are pings, and a stream's small pieces wait for its earlier ones: what is written meanwhile goes with them. */
const pingAfter = 64 * 1024;
/** A piece of this size is worth a message of its own. */
const enough = 32 * 1024;

/** Of one stream: behind how many of the session's bytes its last piece was. */
export interface Mark {
  at: number;
}

interface Waiting {
  readonly size: number;
  readonly mark: Mark;
  go(): void;
}

export class Pace {
  readonly #ping: () => void;
  /** Bytes that were let go, in all; and those of them that have arrived. */
  #sent = 0;
  #arrived = 0;
  /** What had been sent before each ping under way. While more than `pingAfter` is in flight there is one. */
  readonly #pings: number[] = [];
  /** In turn: each stream has one piece here at most. */
  #waiting: readonly Waiting[] = [];
  #answered: boolean;
  #closed = false;

  /**
   * @param ping sends one, behind all that was sent before
   * @param answered whether the other side is known to answer pings: of before, clients did not. Until then nothing waits.
   */
  constructor(ping: () => void, answered: boolean) {
    this.#ping = ping;
    this.#answered = answered;
  }

  /** Resolves when a piece of this size may be sent, and counts it. `after` is to be called then, whether it was sent or not. */
  async before(size: number, mark: Mark): Promise<void> {
    const inTurn = size < enough || this.#waiting.every((other) => other.size < enough);
    if (inTurn && this.#admits(size, mark)) this.#count(size, mark);
    else await new Promise<void>((go) => (this.#waiting = [...this.#waiting, { size, mark, go }]));
  }

  after(): void {
    if (this.#pings.length > 0) return;
    if (!this.#answered || this.#sent - this.#arrived >= pingAfter) this.ping();
  }

  ping(): void {
    if (this.#closed) return;
    this.#pings.push(this.#sent);
    this.#ping();
  }

  pong(): void {
    this.#answered = true;
    this.#arrived = Math.max(this.#arrived, this.#pings.shift() ?? 0);
    this.after();
    this.#letGo();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  #letGo(): void {
    let full = false;
    const stay: Waiting[] = [];
    for (const each of this.#waiting) {
      const { size, mark, go } = each;
      if ((full && size >= enough) || !this.#admits(size, mark)) {
        full ||= size >= enough;
        stay.push(each);
      } else {
        this.#count(size, mark);
        go();
      }
    }
    this.#waiting = stay;
  }

  #count(size: number, mark: Mark): void {
    this.#sent += size;
    mark.at = this.#sent;
  }

  #admits(size: number, mark: Mark): boolean {
    if (!this.#answered || this.#closed) return true;
    const inFlight = this.#sent - this.#arrived;
    if (inFlight < pingAfter) return true;
    // A key that is pressed does not wait for what others send.
    return inFlight + size <= inFlightLimit && (size >= enough || mark.at <= this.#arrived);
  }
}
