/**
 * Secrets as text that people copy: a prefix, and base64url (RFC 4648 §5) of the server's key, the secret and a CRC-32, which a
 * shell takes without quotes. Each kind has a prefix of its own, so that one is never taken for the other. Messages never repeat
 * the text: it is a secret.
 */
import { crc32, decodeBase64Url, decodeZ85, encodeBase64Url, encodeZ85 } from './encodings.ts';
import { Failure } from './errors.ts';

export interface SecretText {
  /** The server's CURVE public key, Z85, 40 characters. */
  readonly serverKey: string;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

const kinds = {
  token: { prefix: 'trama1.', called: 'join token', printedBy: '`trama token create`', isFor: 'hosts join with it' },
  user: {
    prefix: 'tramauser1.',
    called: "user's key",
    printedBy: '`trama user create`',
    isFor: 'people make a context of it (`trama context create`)',
  },
} as const;

export type SecretKind = keyof typeof kinds;

const keyBytes = 32;
const secretBytes = 32;
const whole = keyBytes + secretBytes;

export function formatSecretText(kind: SecretKind, { serverKey, secret }: SecretText): string {
  const { prefix, called } = kinds[kind];
  const key = decodeZ85(serverKey);
  if (key?.length !== keyBytes || secret.length !== secretBytes) {
    throw new Failure('internal', `a ${called} is made of a 32-byte key and a 32-byte secret`);
  }
  const body = Uint8Array.of(...key, ...secret);
  return prefix + encodeBase64Url(Uint8Array.of(...body, ...checksum(body)));
}

/** @throws Failure `invalid` that says what is wrong with the text, without the text. */
export function parseSecretText(kind: SecretKind, text: string): SecretText {
  const { prefix, called, printedBy } = kinds[kind];
  const other = Object.values(kinds).find((one) => one.prefix !== prefix && text.startsWith(one.prefix));
  if (other !== undefined) {
    throw new Failure(
      'invalid',
      `this is a ${other.called}, not a ${called}: ${other.isFor}; what is wanted here ${printedBy} prints`,
    );
  }
  if (!text.startsWith(prefix)) {
    throw new Failure('invalid', `this is not a ${called}: one begins with "${prefix}", and ${printedBy} prints it`);
  }
  const bytes = decodeBase64Url(text.slice(prefix.length));
  if (bytes?.length !== whole + 4) {
    throw new Failure(
      'invalid',
      `the ${called} is incomplete or has characters too many: copy the whole of what ${printedBy} printed`,
    );
  }
  const body = bytes.subarray(0, whole);
  if (checksum(body).some((byte, i) => byte !== bytes[whole + i])) {
    throw new Failure(
      'invalid',
      `the ${called} has a wrong character in it: copy it again from what ${printedBy} printed`,
    );
  }
  return { serverKey: encodeZ85(body.subarray(0, keyBytes)), secret: body.slice(keyBytes) };
}

function checksum(body: Uint8Array): Uint8Array {
  const sum = crc32(body);
  return Uint8Array.of(sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255);
}
