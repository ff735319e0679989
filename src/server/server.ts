/**
 * The door of `server`: the control plane. It decides about membership, networks, addresses and workloads, and keeps
 * nothing of its own: everything that must last is in the store, so any number of servers serve one store at once.
 */
import type { Bus, KeyPair } from '../bus/bus.ts';
import type { Log, Metrics, SteadyClock } from '../platform/platform.ts';
import type { Api, Readiness, ServedApi } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';

export { type Rule, type Ruled, rules, type Within } from './rules.ts';

export interface ServerOptions {
  /** Stays the caller's: it is not disposed with the server. */
  readonly store: Store;
  readonly bus: Bus;
  /** The server's own; every server of a cluster has the same. */
  readonly keys: KeyPair;
  readonly clock: SteadyClock;
  readonly random: Random;
  readonly log: Log;
  readonly listen: {
    readonly address: string;
    readonly ports: { readonly requests: number; readonly feed: number };
  };
  /** Where agents reach it: an address or a name. Absent: they are not told of it. */
  readonly advertise?: string;
  readonly version: string;
  readonly health?: HealthTimes;
  /** Whether a host answers at all, whatever runs on it. */
  hostAnswers(address: string): Promise<boolean>;
  /** Whether it tries to reach these ports and does not hear the answers; absent: that cannot be told. */
  isKnocking?(address: string, ports: readonly number[]): Promise<boolean>;
  /** Where its figures go. */
  readonly metrics?: Metrics;
  /** Keeps a line of JSON about each change that somebody asked for. */
  audit?(line: string): void;
}

/** When a silent node counts as what. Milliseconds; the same at every server of a cluster. */
export interface HealthTimes {
  readonly suspectMs: number;
  readonly downMs: number;
  readonly evictMs: number;
  /** What nodes are given after this server itself was held up. */
  readonly graceMs: number;
}

export const defaultHealth: HealthTimes = { suspectMs: 3000, downMs: 5000, evictMs: 60_000, graceMs: 3000 };

/** Randomness fit for secrets. */
export interface Random {
  bytes(count: number): Uint8Array;
}

/** A user who is not on the bus. */
export interface Visitor {
  readonly name: string;
  /** Public half of the key. */
  readonly key: string;
  readonly api: Api;
}

/** `call` and `open` are for root on the server's own host: they may do everything that needs no node's identity. */
export interface Server extends Api, AsyncDisposable {
  /** Never changes while the store lives. */
  readonly cluster: string;
  readonly version: string;
  /** Z85. What a join token carries. */
  readonly publicKey: string;
  /**
   * Who shows the key that `trama user create` printed. What is asked is judged as what comes over the bus under that key; streams
   * end when the key does.
   * @throws Failure `denied` for a key that is nobody's, or expired
   */
  admit(userKey: string): Promise<Visitor>;
  /** Whoever asks for the servers is told of it from now on: over the bus, where nobody can pass for the server. */
  tell(api: ServedApi): void;
  /** Not ready: every request that needs the store fails. */
  readiness(): Promise<Readiness>;
  /** Ports really bound. */
  readonly ports: { readonly requests: number; readonly feed: number };
}
