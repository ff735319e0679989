import type { Gatekeeper, Peer } from '../bus/bus.ts';
import type { UserRecord } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, nodeKey, splitKey, tokenKey } from './keys.ts';
import type { StoredNode, StoredToken } from './records.ts';

/** A token or user's key that can no longer be used is still known this long, so that who brings it is told why. Milliseconds. */
const memoryMs = 24 * 60 * 60 * 1000;

/** When the token is to be forgotten. */
export function forgottenAt(token: StoredToken): number {
  return Math.min(token.expiresAt, token.spentAt ?? Number.POSITIVE_INFINITY) + memoryMs;
}

export interface MembersOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** As of `Gatekeeper`. */
  caughtUp(): Promise<void>;
  /** The key speaks for no node any more. */
  onRemoved(publicKey: string, node: string): void;
  /** The key is no user's any more. */
  onUserRemoved(publicKey: string): void;
}

/** Whose key is whose, in memory because every handshake asks: nodes, tokens and users, as of the last event of the store. */
export class Members implements Gatekeeper, Follower {
  readonly #options: MembersOptions;
  /** Public key → name. */
  #nodes = new Map<string, string>();
  /** Name → public key. */
  #keys = new Map<string, string>();
  /** Store key → token. */
  #tokens = new Map<string, StoredToken>();
  /** Store key → user. */
  #users = new Map<string, UserRecord>();
  /** Public key → store key. */
  #userKeys = new Map<string, string>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  peerOf(publicKey: string): Peer | undefined {
    const node = this.#nodes.get(publicKey);
    if (node !== undefined) return { kind: 'node', key: publicKey, node };
    const now = this.#options.clock.now();
    const token = this.#tokens.get(tokenKey(publicKey));
    if (token !== undefined) return now >= forgottenAt(token) ? undefined : { kind: 'token', key: publicKey };
    const user = this.#users.get(this.#userKeys.get(publicKey) ?? '');
    if (user === undefined) return undefined;
    const { name, expiresAt = Number.POSITIVE_INFINITY } = user;
    const peer: Peer = { kind: 'user', key: publicKey, user: name };
    if (now < expiresAt) return peer;
    return now >= expiresAt + memoryMs ? undefined : { ...peer, refused: expired(name, expiresAt) };
  }

  caughtUp(): Promise<void> {
    return this.#options.caughtUp();
  }

  /** @returns undefined for a key that is no user's, or one that has expired */
  userOf(publicKey: string): UserRecord | undefined {
    const peer = this.peerOf(publicKey);
    if (peer?.kind !== 'user' || peer.refused !== undefined) return undefined;
    return this.#users.get(this.#userKeys.get(publicKey) ?? '');
  }

  names(): string[] {
    return [...this.#keys.keys()];
  }

  isNode(name: string): boolean {
    return this.#keys.has(name);
  }

  async load(): Promise<number> {
    const nodes = await this.#options.store.range(allOf('nodes'));
    const tokens = await this.#options.store.range(allOf('tokens'));
    const users = await this.#options.store.range(allOf('users'));
    const before = this.#nodes;
    const usersBefore = this.#userKeys;
    this.#nodes = new Map();
    this.#keys = new Map();
    this.#tokens = new Map();
    this.#users = new Map();
    this.#userKeys = new Map();
    for (const entry of [...nodes.entries, ...tokens.entries, ...users.entries]) this.#learn(entry);
    for (const [key, name] of before) if (!this.#nodes.has(key)) this.#options.onRemoved(key, name);
    for (const key of usersBefore.keys()) if (!this.#userKeys.has(key)) this.#options.onUserRemoved(key);
    return Math.min(nodes.revision, tokens.revision, users.revision);
  }

  events(_revision: number, events: readonly StoreEvent[]): void {
    for (const event of events) {
      if (event.type === 'put') this.#learn(event.entry);
      else this.#forget(event.key);
    }
  }

  #learn({ key, value }: Entry): void {
    const place = splitKey(key);
    if (place?.collection === 'tokens') this.#tokens.set(key, JSON.parse(value) as StoredToken);
    if (place?.collection === 'users') this.#learnUser(key, JSON.parse(value) as UserRecord);
    if (place?.collection !== 'nodes') return;
    const node = JSON.parse(value) as StoredNode;
    if (this.#keys.get(node.name) !== node.key) this.#forget(nodeKey(node.name));
    this.#nodes.set(node.key, node.name);
    this.#keys.set(node.name, node.key);
  }

  #forget(key: string): void {
    const place = splitKey(key);
    if (place?.collection === 'tokens') this.#tokens.delete(key);
    if (place?.collection === 'users') this.#forgetUser(key);
    if (place?.collection !== 'nodes') return;
    const publicKey = this.#keys.get(place.rest);
    if (publicKey === undefined) return;
    this.#keys.delete(place.rest);
    this.#nodes.delete(publicKey);
    this.#options.onRemoved(publicKey, place.rest);
  }

  #learnUser(key: string, user: UserRecord): void {
    if (this.#users.get(key)?.key !== user.key) this.#forgetUser(key);
    this.#users.set(key, user);
    this.#userKeys.set(user.key, key);
  }

  #forgetUser(key: string): void {
    const user = this.#users.get(key);
    if (user === undefined) return;
    this.#users.delete(key);
    this.#userKeys.delete(user.key);
    this.#options.onUserRemoved(user.key);
  }
}

const expired = (name: string, at: number): string =>
  `The key of user ${name} expired at ${new Date(at).toISOString()}. Ask an administrator for a new one (\`trama user create\`).`;
