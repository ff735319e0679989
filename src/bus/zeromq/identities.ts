import { randomBytes } from 'node:crypto';
import type { SteadyClock } from '../../platform/platform.ts';
import type { KeyPair } from '../bus.ts';
import { sharedKey } from '../keys.ts';
import type { Session } from '../session/sessions.ts';
import { nonceBytes } from './frames.ts';
import { SealChecker, sessionBytes, sessionOf } from './seal.ts';

/** Somebody who says to be the holder of `key`; proved once a seal of theirs was right. */
export interface Identity {
  readonly id: string;
  readonly key: string;
  /** ZeroMQ's name of the connection that it belongs to. */
  readonly route: Buffer;
  readonly since: number;
  readonly seals: SealChecker;
  /** Set when proved. */
  session: Session | undefined;
}

/** Of those who have not proved theirs yet. */
const limits = { count: 1000, ms: 10_000 } as const;

/** Who speaks through the requests socket: claimed, then proved. A connection has one identity at most. */
export class Identities {
  readonly #keys: KeyPair;
  readonly #clock: Pick<SteadyClock, 'elapsed'>;
  readonly #byId = new Map<string, Identity>();
  readonly #byRoute = new Map<string, Identity>();
  /** Not proved, the oldest first. */
  readonly #claims = new Set<Identity>();

  constructor(keys: KeyPair, clock: Pick<SteadyClock, 'elapsed'>) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @returns undefined when the connection has proved another identity before. @throws Failure for a bad key. */
  claim(route: Buffer, key: string, clientNonce: string): { identity: Identity; nonce: string } | undefined {
    const before = this.ofRoute(route);
    if (before?.session !== undefined) return undefined;
    if (before !== undefined) this.remove(before);
    this.#dropOldClaims();
    const nonce = randomBytes(nonceBytes);
    const nonces = Buffer.concat([Buffer.from(clientNonce, 'hex'), nonce]);
    const secret = sharedKey(this.#keys.secretKey, key, nonces, key + this.#keys.publicKey);
    const identity: Identity = {
      id: randomBytes(sessionBytes).toString('hex'),
      key,
      route,
      since: this.#clock.elapsed(),
      seals: new SealChecker(secret),
      session: undefined,
    };
    this.#byId.set(identity.id, identity);
    this.#byRoute.set(route.toString('hex'), identity);
    this.#claims.add(identity);
    return { identity, nonce: nonce.toString('hex') };
  }

  proved(identity: Identity, session: Session): void {
    identity.session = session;
    this.#claims.delete(identity);
  }

  /** Who sealed this message on this connection; undefined when nobody known did. */
  sealedBy(route: Buffer, seal: Buffer, header: Uint8Array, payload: Uint8Array): Identity | undefined {
    const identity = this.#byId.get(sessionOf(seal) ?? '');
    if (identity === undefined || !identity.route.equals(route)) return undefined;
    return identity.seals.check(seal, header, payload) ? identity : undefined;
  }

  ofRoute(route: Buffer): Identity | undefined {
    return this.#byRoute.get(route.toString('hex'));
  }

  has(identity: Identity): boolean {
    return this.#byId.get(identity.id) === identity;
  }

  remove(identity: Identity): void {
    this.#byId.delete(identity.id);
    this.#claims.delete(identity);
    const route = identity.route.toString('hex');
    if (this.#byRoute.get(route) === identity) this.#byRoute.delete(route);
  }

  #dropOldClaims(): void {
    const oldest = this.#clock.elapsed() - limits.ms;
    for (const claim of this.#claims) {
      if (claim.since >= oldest && this.#claims.size < limits.count) return;
      this.remove(claim);
    }
  }
}
