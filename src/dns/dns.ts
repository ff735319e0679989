/**
 * The door of `dns`: answers names of a cluster's containers, and passes on all other questions.
 *
 * A question comes from a client (a container) to the address that this node has in a network, its gateway there. The
 * zone says, for that client, what a name stands for; only what the client shares a network with is there for it.
 */
import type { Clock, Log } from '../platform/platform.ts';

/** What a name stands for. */
export interface Found {
  /**
   * Addresses, in no order; empty: the name exists, but has no address (NODATA). So is a name under which there are others,
   * as `app.SUFFIX` over `web.app.SUFFIX`: who is told that it does not exist may take those for missing, too (RFC 8020).
   */
  readonly addresses: readonly string[];
}

export interface Client {
  /** Where it asks from. */
  readonly address: string;
  /** The server's address that it asked: that of this node in one of its networks. */
  readonly server: string;
}

/**
 * What is known of names. Asked for every question that was not answered before under the same `version`: an answer costs
 * no more with many names than with few. Nothing of it may throw.
 */
export interface Zone {
  /**
   * `name` in lower case, without the final dot.
   * @returns undefined when the name is none of the cluster's for this client: the question is passed on
   */
  find(client: Client, name: string): Found | undefined;
  /**
   * Names of an address, the fullest first; empty: it is in a network of this client's, and nobody has it (NXDOMAIN).
   * @returns undefined when the address is in no network of this client's: the question is passed on
   */
  reverse(client: Client, address: string): readonly string[] | undefined;
  /**
   * Asked before a question is passed on: what belongs to this client may not be all known yet.
   * @returns what to wait for before the zone is asked once more, soon over; undefined: nothing
   */
  untilKnown(client: Client): Promise<void> | undefined;
  /** Names under it are only the cluster's: one that is not known does not exist, and no other server is asked. Without dots at its ends. */
  readonly suffix: string;
  /** Changes whenever an answer to anybody might: what was made for an earlier one is not used again. Read for every question. */
  readonly version: number;
  /**
   * Where other questions of this client go, `ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT`, the first first. Empty: nowhere
   * (REFUSED); so for whoever is in none of the networks, lest this be a resolver for everybody.
   */
  upstreams(client: Client): readonly string[];
}

export interface NameServer extends AsyncDisposable {
  /** Answers at exactly these addresses, port 53, UDP and TCP; others end. One that cannot be had is told to `onTrouble` and tried again. */
  listen(addresses: ReadonlySet<string>): void;
}

export interface NameServerOptions {
  readonly zone: Zone;
  readonly clock: Clock;
  readonly log: Log;
  /** One sentence for a person, once for as long as it lasts: what is not answered, why, what to do. */
  onTrouble(message: string): void;
  /** Told of each answer, with how long it took. */
  onAnswered?(outcome: QuestionOutcome, seconds: number): void;
}

/**
 * `cached`, `answered`: from the zone, as before or anew. `forwarded`: another server answered; `failed`: none did.
 * `refused`: to pass it on is not allowed, or too much. `malformed`: it was no question that can be answered.
 */
export const questionOutcomes = ['cached', 'answered', 'forwarded', 'failed', 'refused', 'malformed'] as const;
export type QuestionOutcome = (typeof questionOutcomes)[number];
