import { Failure } from '../../domain/domain.ts';
import type { Peer } from '../bus.ts';

/** The sentences that a refused client shows, the same whatever carries the bus. */
export const unknownKey =
  'The server does not know this key: the token is used up, expired or revoked, or the node was removed. ' +
  'Create a new token with `trama token create` and join with it; a host that was a node has to `trama node leave` first.';

/** The same of a person's key. */
export const unknownUser =
  "The server does not know this user's key: the user was removed, or the key expired. " +
  'Ask an administrator for a new one (`trama user create`).';

/** Why whoever holds a key may not come in (any more); undefined: it may. @param peer as the gatekeeper knows it now */
export function refusalOf(peer: Peer | undefined, was: Peer['kind'] = 'node'): Failure | undefined {
  if (peer === undefined) return new Failure('denied', was === 'user' ? unknownUser : unknownKey);
  return peer.refused === undefined ? undefined : new Failure('denied', peer.refused);
}

/** @param target `the server at 10.0.0.1:4701` */
export const wrongServer = (target: string): string =>
  `${capital(target)} does not hold the key that the token names: it is another cluster's server or a forged one. ` +
  'Check the address, or create a new token there.';

export const noServer = (target: string): string =>
  `no server answers: ${target} cannot be reached. Check that it runs, that the address is right and that its ports are open.`;

export const notOurs = 'The key pair is no pair: the secret half does not belong to the public half.';

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
