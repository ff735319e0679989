/**
 * The join token as text: `trama1.` and base64url (RFC 4648 §5) of key, secret and CRC-32, which a shell takes without
 * quotes. Messages never repeat the token: it is a secret.
 */

import { isAddress } from './address.ts';
import { crc32, decodeBase64Url, decodeZ85, encodeBase64Url, encodeZ85 } from './encodings.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

export interface JoinToken {
  /** The server's CURVE public key, Z85, 40 characters. */
  readonly serverKey: string;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

export interface ServerAddress {
  /** IP address without brackets, or DNS name. */
  readonly host: string;
  readonly port: number;
}

export interface JoinTarget {
  readonly token: JoinToken;
  /** At least one. */
  readonly servers: readonly ServerAddress[];
}

const prefix = 'trama1.';
const keyBytes = 32;
const secretBytes = 32;

export function formatToken(token: JoinToken): string {
  const key = decodeZ85(token.serverKey);
  if (key?.length !== keyBytes || token.secret.length !== secretBytes) {
    throw new Failure('internal', 'a join token is made of a 32-byte key and a 32-byte secret');
  }
  const body = Uint8Array.of(...key, ...token.secret);
  return prefix + encodeBase64Url(Uint8Array.of(...body, ...checksum(body)));
}

/** @throws Failure `invalid` that says what is wrong with the text, without the text. */
export function parseToken(text: string): JoinToken {
  if (!text.startsWith(prefix)) {
    throw new Failure(
      'invalid',
      `this is not a join token: one begins with "${prefix}", and \`trama token create\` prints it`,
    );
  }
  const bytes = decodeBase64Url(text.slice(prefix.length));
  const whole = keyBytes + secretBytes;
  if (bytes?.length !== whole + 4) {
    throw new Failure(
      'invalid',
      'the join token is incomplete or has characters too many: copy the whole of what `trama token create` printed',
    );
  }
  const body = bytes.subarray(0, whole);
  if (checksum(body).some((byte, i) => byte !== bytes[whole + i])) {
    throw new Failure(
      'invalid',
      'the join token has a wrong character in it: copy it again from what `trama token create` printed',
    );
  }
  return { serverKey: encodeZ85(body.subarray(0, keyBytes)), secret: body.slice(keyBytes) };
}

/** `TOKEN@HOST[:PORT][,HOST[:PORT]…]`; an IPv6 address with a port stands in brackets. @throws Failure `invalid` */
export function parseJoin(text: string, defaultPort: number): JoinTarget {
  const at = text.indexOf('@');
  if (at < 0) {
    throw new Failure('invalid', 'a join needs a token and a server: write it like TOKEN@10.0.0.1');
  }
  return {
    token: parseToken(text.slice(0, at)),
    servers: text
      .slice(at + 1)
      .split(',')
      .map((server) => parseServer(server, defaultPort)),
  };
}

/** `HOST[:PORT]`. @throws Failure `invalid` */
export function parseServer(text: string, defaultPort: number): ServerAddress {
  if (text.includes(':') && isAddress(text)) return { host: text, port: defaultPort };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  const right = bracketed === undefined ? isHost(host) : host.includes(':') && isAddress(host);
  if (!right)
    throw new Failure('invalid', `${quoted(text)} is not a server's address: write it like 10.0.0.1 or 10.0.0.1:4701`);
  const number = port === undefined ? defaultPort : Number(port);
  if (number >= 1 && number <= 65535) return { host, port: number };
  throw new Failure('invalid', `${quoted(text)} has port ${quoted(port ?? '')}: a port is a number from 1 to 65535`);
}

/** IPv4, or a DNS name whose last label is not a number (RFC 1123 §2.1), so that `10.1` is neither. */
function isHost(host: string): boolean {
  if (isAddress(host)) return true;
  const labels = host.split('.');
  if (host.length > 253 || /^[0-9]+$/.test(labels.at(-1) ?? '')) return false;
  return labels.every((label) => /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/.test(label));
}

function checksum(body: Uint8Array): Uint8Array {
  const sum = crc32(body);
  return Uint8Array.of(sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255);
}
