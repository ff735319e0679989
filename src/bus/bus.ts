/**
 * The bus: how agents and servers talk. Two channels, each with an in-process and a ZeroMQ implementation:
 *
 * - requests (DEALER→ROUTER, port 4701): both sides may ask and both may open streams over the one connection; nodes also
 *   tell their metrics there, which may be lost;
 * - the feed (PUB→SUB, port 4702): per-topic deltas chained by revision, see `protocol/feed.ts`.
 *
 * Every connection is bound to a CURVE key. A session exists only after the peer has proved that it holds the
 * secret half of the key that it names.
 */
import { Failure, type SecretKind } from '../domain/domain.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../protocol/protocol.ts';

export { writtenAs } from './written.ts';

export interface KeyPair {
  /** Z85, 40 characters. */
  readonly publicKey: string;
  readonly secretKey: string;
}

/** Who is at the other end. `token` may join and nothing else. `user`: a person, elsewhere: requests and streams, and nothing else. */
export interface Peer {
  readonly kind: 'node' | 'token' | 'user';
  readonly key: string;
  /** Name of the node that holds `key`; absent for others. */
  readonly node?: string;
  /** Name of the user that holds `key`; absent for others. */
  readonly user?: string;
  /** A sentence: the key is known, and may do nothing (any more). It gets no session, and is told why. */
  readonly refused?: string;
}

/** Decides which keys may speak at all. Asked on every handshake and again when a session is made. */
export interface Gatekeeper {
  /** @returns undefined for a key that is nobody's. */
  peerOf(publicKey: string): Peer | undefined;
  /**
   * Asked before a key is refused for being nobody's, and `peerOf` once more after it: resolves when what was written
   * anywhere before the call is known here. Absent: it always is. @throws Failure when that cannot be said now.
   */
  caughtUp?(): Promise<void>;
}

/** Whose key it is. One that seems to be nobody's may only just have been made, by another server. @throws Failure */
export async function knownPeer(gatekeeper: Gatekeeper, publicKey: string): Promise<Peer | undefined> {
  const peer = gatekeeper.peerOf(publicKey);
  if (peer !== undefined || gatekeeper.caughtUp === undefined) return peer;
  await gatekeeper.caughtUp();
  return gatekeeper.peerOf(publicKey);
}

/** What a server does with requests. Throws Failures; anything else becomes `internal`. */
export interface RequestHandler {
  /** `id`: the same for all tries of one request. */
  call(
    method: string,
    params: unknown,
    context: { readonly peer: Peer; readonly deadline: number; readonly id: string },
  ): Promise<unknown>;
  open(
    method: string,
    params: unknown,
    context: { readonly peer: Peer; readonly deadline: number },
  ): Promise<ByteStream>;
  /** Whether a request that is asked again may be done again: its answer is not kept for that. Absent: none may. */
  repeatable?(method: string): boolean;
}

/** One delta of the feed. `data` is JSON text; `previous` is the topic's revision before this one. */
export interface FeedMessage {
  readonly topic: string;
  readonly previous: number;
  readonly revision: number;
  readonly data: string;
}

export interface MetricsMessage {
  /** Whose session it came in: never a name that the message itself gives. */
  readonly node: string;
  /** Any JSON: the bus does not look into it. */
  readonly data: unknown;
}

export interface BusServer extends AsyncDisposable {
  /** Ports really bound (useful when 0 was asked for). */
  readonly ports: { readonly requests: number; readonly feed: number };
  publish(message: FeedMessage): void;
  /**
   * The connected node as an Api: ask it, open streams to it. Calls fail with `unavailable` while it has no session.
   */
  toNode(name: string): Api;
  connectedNodes(): readonly string[];
  /** Ends every live session of the key at once, the feed's included. Future handshakes are the gatekeeper's matter. */
  expel(publicKey: string): Promise<void>;
}

export interface BusServerOptions {
  readonly address: string;
  readonly ports: { readonly requests: number; readonly feed: number };
  readonly keys: KeyPair;
  readonly gatekeeper: Gatekeeper;
  readonly handler: RequestHandler;
  /** What it throws is logged, and ends nothing. */
  onMetrics(message: MetricsMessage): void;
  /** A node says that it is there, by its session's name. Absent: nobody is interested. */
  onBeat?(node: string): void;
  /** A session began (`true`) or ended. */
  onPeer?(peer: Peer, connected: boolean): void;
}

/** Where a server is, and the key it must prove. */
export interface ServerAddress {
  readonly host: string;
  readonly ports: { readonly requests: number; readonly feed: number };
  readonly key: string;
}

export type LinkState = 'connecting' | 'ready' | 'refused' | 'closed';

export interface BusClientOptions {
  readonly server: ServerAddress;
  readonly keys: KeyPair;
  /** What a key is that the server does not know, as a sentence; absent: that of a host which is, or would be, a node. */
  readonly unknownKey?: string;
  /** Answers what the server asks of this client. */
  readonly handler?: RequestHandler;
  /** Every change of the link; `refused` carries a sentence that says why (unknown key, wrong server key, version). */
  onState?(state: LinkState, reason: string): void;
  onFeed?(message: FeedMessage): void;
  /** The feed was interrupted within the session, and is heard again: what was published meanwhile is missed. */
  onFeedAgain?(): void;
}

/** The session ended before the answer came: whether the request was done is not known. */
export class SessionLost extends Failure {}

/**
 * A client's connection. It reconnects by itself, for ever, with a bounded back-off. `call` waits for a session within
 * its deadline; a request whose answer was lost is asked again under the same id, and the server answers the same (for
 * five minutes; an answer above 64 KiB is not kept, nor one that is `repeatable`, and such a request runs again).
 * Refusal is immediate: `denied` with the reason. At most 1000 requests wait; the next fails with `overloaded`.
 *
 * What is called after `subscribe` is asked once the subscription holds: a snapshot asked for then, and the deltas that
 * follow, have no gap between them. A new session does not tell what was published between the two: compare revisions.
 *
 * Streams do not outlive their session. The side that answered `open` closes a stream with its `end`; what the opener
 * sends after that is dropped. Data is not copied: do not write to it after `send`.
 */
export interface BusClient extends Api, AsyncDisposable {
  readonly state: LinkState;
  call(method: string, params: unknown, options?: CallOptions): Promise<unknown>;
  /** Over the session that there is now, and no other. @throws Failure as `call`; SessionLost, also when there is none */
  callOnce(method: string, params: unknown, options: Required<CallOptions>): Promise<unknown>;
  open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /**
   * What a node tells of itself, of which the server takes up to 64 KiB of JSON. Never waits, and nobody answers: dropped
   * when there is no session. @throws Failure `invalid` for what JSON cannot say
   */
  pushMetrics(data: unknown): void;
  /** A node's sign of life, to a server that is known to hear such. As `pushMetrics`: never waits, and nobody answers. */
  beat(): void;
}

/** The two implementations, as factories. `main` chooses. */
export interface Bus {
  /** @throws Failure `conflict` for a port in use, `invalid` for an address that is not the host's. */
  serve(options: BusServerOptions): Promise<BusServer>;
  /** Resolves at once, before there is a session: `onState` tells. */
  connect(options: BusClientOptions): Promise<BusClient>;
  generateKeys(): KeyPair;
  /** The key pair that the secret (32 bytes, base64url) of a join token or of a user's key stands for. Of one secret they differ. */
  keysFromSecret(secret: string, of?: SecretKind): KeyPair;
}
