import type { Gatekeeper, Peer } from '../bus/bus.ts';
import type { Clock } from '../platform/platform.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, nodeKey, splitKey, tokenKey } from './keys.ts';
import type { StoredNode, StoredToken } from './records.ts';

/** A token that can no longer be used is still known this long, so that who brings it is told why. Milliseconds. */
const tokenMemoryMs = 24 * 60 * 60 * 1000;

/** When the token is to be forgotten. */
export function forgottenAt(token: StoredToken): number {
  return Math.min(token.expiresAt, token.spentAt ?? Number.POSITIVE_INFINITY) + tokenMemoryMs;
}

export interface MembersOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** The key speaks for no node any more. */
  onRemoved(publicKey: string, node: string): void;
}

/** Whose key is whose, in memory because every handshake asks: nodes and tokens, as of the last event of the store. */
export class Members implements Gatekeeper, Follower {
  readonly #options: MembersOptions;
  /** Public key → name. */
  #nodes = new Map<string, string>();
  /** Name → public key. */
  #keys = new Map<string, string>();
  /** Store key → token. */
  #tokens = new Map<string, StoredToken>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  peerOf(publicKey: string): Peer | undefined {
    const node = this.#nodes.get(publicKey);
    if (node !== undefined) return { kind: 'node', key: publicKey, node };
    const token = this.#tokens.get(tokenKey(publicKey));
    if (token === undefined || this.#options.clock.now() >= forgottenAt(token)) return undefined;
    return { kind: 'token', key: publicKey };
  }

  isNode(name: string): boolean {
    return this.#keys.has(name);
  }

  async load(): Promise<number> {
    const nodes = await this.#options.store.range(allOf('nodes'));
    const tokens = await this.#options.store.range(allOf('tokens'));
    const before = this.#nodes;
    this.#nodes = new Map();
    this.#keys = new Map();
    this.#tokens = new Map();
    for (const entry of [...nodes.entries, ...tokens.entries]) this.#learn(entry);
    for (const [key, name] of before) if (!this.#nodes.has(key)) this.#options.onRemoved(key, name);
    return Math.min(nodes.revision, tokens.revision);
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
    if (place?.collection !== 'nodes') return;
    const node = JSON.parse(value) as StoredNode;
    if (this.#keys.get(node.name) !== node.key) this.#forget(nodeKey(node.name));
    this.#nodes.set(node.key, node.name);
    this.#keys.set(node.name, node.key);
  }

  #forget(key: string): void {
    const place = splitKey(key);
    if (place?.collection === 'tokens') this.#tokens.delete(key);
    if (place?.collection !== 'nodes') return;
    const publicKey = this.#keys.get(place.rest);
    if (publicKey === undefined) return;
    this.#keys.delete(place.rest);
    this.#nodes.delete(publicKey);
    this.#options.onRemoved(publicKey, place.rest);
  }
}
