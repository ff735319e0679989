/**
 * The door of `server`: the control plane. It decides about membership, networks, addresses and workloads, and keeps
 * nothing of its own: everything that must last is in the store, so any number of servers serve one store at once.
 */
import type { Bus, KeyPair } from '../bus/bus.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { Api } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';

export interface ServerOptions {
  /** Stays the caller's: it is not disposed with the server. */
  readonly store: Store;
  readonly bus: Bus;
  /** The server's own; every server of a cluster has the same. */
  readonly keys: KeyPair;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly listen: {
    readonly address: string;
    readonly ports: { readonly requests: number; readonly feed: number; readonly metrics: number };
  };
  readonly version: string;
}

/** Randomness fit for secrets. */
export interface Random {
  bytes(count: number): Uint8Array;
}

/** `call` and `open` are for root on the server's own host: they may do everything that needs no node's identity. */
export interface Server extends Api, AsyncDisposable {
  /** Never changes while the store lives. */
  readonly cluster: string;
  readonly version: string;
  /** Z85. What a join token carries. */
  readonly publicKey: string;
  /** Ports really bound. */
  readonly ports: { readonly requests: number; readonly feed: number; readonly metrics: number };
}
