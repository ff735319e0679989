/** What is typed to join a cluster: a join token (`trama1.…`, see `secret-text.ts`), and where servers are. */

import { isAddress } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import { formatSecretText, parseSecretText, type SecretText } from './secret-text.ts';

export type JoinToken = SecretText;

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

export const formatToken = (token: JoinToken): string => formatSecretText('token', token);

/** @throws Failure `invalid` that says what is wrong with the text, without the text. */
export const parseToken = (text: string): JoinToken => parseSecretText('token', text);

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
