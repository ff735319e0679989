import { describe, expect, test } from 'vitest';
import { curveKeyPair } from 'zeromq';
import { generateKeys, isPair, keyFromZ85, keysFromSecret, sharedKey, toZ85 } from './keys.ts';

describe('keys', () => {
  test('Z85 is that of RFC 32', () => {
    expect(toZ85(Buffer.from('864fd26fb559f75b', 'hex'))).toBe('HelloWorld');
  });

  test('there and back, and nothing else is taken for a key', () => {
    const { publicKey } = generateKeys();
    expect(toZ85(keyFromZ85(publicKey))).toBe(publicKey);
    for (const wrong of ['', publicKey.slice(1), `${publicKey}a`, `${publicKey.slice(1)}~`, '#'.repeat(40)]) {
      expect(() => keyFromZ85(wrong)).toThrow('40 characters of Z85');
    }
  });

  test("pairs are those of libzmq's own", () => {
    expect(isPair(curveKeyPair())).toBe(true);
    expect(isPair({ ...curveKeyPair(), publicKey: curveKeyPair().publicKey })).toBe(false);
    expect(isPair(keysFromSecret(Buffer.alloc(32, 1).toString('base64url')))).toBe(true);
  });

  test('both ends derive the same key, nobody else does, and other nonces give another', () => {
    const [client, server, other] = [generateKeys(), generateKeys(), generateKeys()];
    const nonces = Buffer.alloc(32, 1);
    const ours = sharedKey(client.secretKey, server.publicKey, nonces, 'names');
    expect(sharedKey(server.secretKey, client.publicKey, nonces, 'names')).toEqual(ours);
    expect(sharedKey(other.secretKey, client.publicKey, nonces, 'names')).not.toEqual(ours);
    expect(sharedKey(client.secretKey, server.publicKey, Buffer.alloc(32, 2), 'names')).not.toEqual(ours);
  });
});
