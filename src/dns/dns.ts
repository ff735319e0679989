/**
 * The door of `dns`: answers names of a cluster's containers, and passes on all other questions.
 *
 * A question comes from a client (a container) to the address that this node has in a network, its gateway there. The
 * zone says, for that client, what a name stands for; only what the client shares a network with is there for it.
 */

/** What a name stands for. */
export interface Found {
  /** Addresses, in no order; empty: the name exists, but has none of the kind that was asked for (NODATA). */
  readonly addresses: readonly string[];
}

export interface Client {
  /** Where it asks from. */
  readonly address: string;
  /** The server's address that it asked: that of this node in one of its networks. */
  readonly server: string;
}

/** What is known of names. Asked for every question: an answer costs no more with many names than with few. */
export interface Zone {
  /**
   * `name` in lower case, without the final dot.
   * @returns undefined when the name is none of the cluster's for this client: the question is passed on
   */
  find(client: Client, name: string): Found | undefined;
  /** Names of an address, the fullest first. @returns undefined when the address is in no network of this client's */
  reverse(client: Client, address: string): readonly string[] | undefined;
  /** Names under it are only the cluster's: one that is not known does not exist, and no other server is asked. Without dots at its ends. */
  readonly suffix: string;
  /** Changes whenever an answer might: what was made for an earlier one is not used again. */
  readonly version: number;
  /** Where other questions of this client go, `ADDRESS` or `ADDRESS:PORT`, the first first. Empty: nowhere (REFUSED). */
  upstreams(client: Client): readonly string[];
}

export interface NameServer extends AsyncDisposable {
  /** Answers at exactly these addresses, port 53, UDP and TCP; others end. One that cannot be had is told to `onTrouble` and tried again. */
  listen(addresses: ReadonlySet<string>): void;
}
