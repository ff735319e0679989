/** CURVE keys: X25519 keys written in Z85, as ZeroMQ wants them (RFC 32/Z85, RFC 7748). */

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { Failure, type SecretKind } from '../domain/domain.ts';
import type { KeyPair } from './bus.ts';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** DER of an X25519 private key (PKCS#8) up to its 32 bytes; RFC 8410. */
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
/** The same of a public key (SPKI). */
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex');

/** @param bytes a multiple of 4 long. */
export function toZ85(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < view.length; at += 4) {
    const value = view.readUInt32BE(at);
    for (let divisor = 85 ** 4; divisor >= 1; divisor /= 85) text += alphabet[Math.floor(value / divisor) % 85];
  }
  return text;
}

/** @throws Failure('invalid') when the text is no Z85 of 32 bytes. */
export function keyFromZ85(text: string): Buffer {
  const wrong = () => new Failure('invalid', 'A key is 40 characters of Z85: what was given is not one.');
  if (text.length !== 40) throw wrong();
  const bytes = Buffer.alloc(32);
  for (let group = 0; group < 8; group++) {
    let value = 0;
    for (const character of text.slice(group * 5, group * 5 + 5)) {
      const digit = alphabet.indexOf(character);
      if (digit < 0) throw wrong();
      value = value * 85 + digit;
    }
    if (value > 0xffff_ffff) throw wrong();
    bytes.writeUInt32BE(value, group * 4);
  }
  return bytes;
}

export function generateKeys(): KeyPair {
  return pairOf(generateKeyPairSync('x25519').privateKey);
}

/** Of one secret each kind is another pair: a user's key opens no door as a token. */
const labels: Readonly<Record<SecretKind, string>> = { token: 'trama join token', user: 'trama user key' };

/** @throws Failure('invalid') when the secret is not 32 bytes of base64url. */
export function keysFromSecret(secret: string, of: SecretKind = 'token'): KeyPair {
  const bytes = Buffer.from(secret, 'base64url');
  if (bytes.length !== 32 || bytes.toString('base64url') !== secret) {
    throw new Failure('invalid', `The secret is damaged: copy it again as \`trama ${of} create\` printed it.`);
  }
  return pairOf(privateKey(Buffer.from(hkdfSync('sha256', bytes, '', labels[of], 32))));
}

/** Whether the two halves belong together. */
export function isPair(keys: KeyPair): boolean {
  return pairOf(privateKey(keyFromZ85(keys.secretKey))).publicKey === keys.publicKey;
}

/**
 * A key that only the holders of the two secret keys can know, new for every pair of nonces.
 * @param names public keys of client and server, in this order on both sides.
 */
export function sharedKey(secretKey: string, otherPublicKey: string, nonces: Uint8Array, names: string): Buffer {
  const shared = diffieHellman({
    privateKey: privateKey(keyFromZ85(secretKey)),
    publicKey: createPublicKey({
      key: Buffer.concat([publicPrefix, keyFromZ85(otherPublicKey)]),
      format: 'der',
      type: 'spki',
    }),
  });
  return Buffer.from(hkdfSync('sha256', shared, nonces, `trama session ${names}`, 32));
}

function privateKey(bytes: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privatePrefix, bytes]), format: 'der', type: 'pkcs8' });
}

function pairOf(key: KeyObject): KeyPair {
  return {
    publicKey: toZ85(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)),
    secretKey: toZ85(key.export({ format: 'der', type: 'pkcs8' }).subarray(privatePrefix.length)),
  };
}
