/** Socket options that all sockets share, and addresses as ZeroMQ writes them. */
import { messageLimit } from '../session/wire.ts';

/**
 * `linger` 0: a closed socket holds nothing back. `sendTimeout` 0: a send is done or fails at once, so nothing queues
 * above ZeroMQ. Heartbeats: a peer that is gone without a word is noticed within 10 s. The handshake gets more time than
 * an attempt of the client's: a busy server must not look like a wrong one, which breaks the handshake off.
 */
export const common = {
  linger: 0,
  sendTimeout: 0,
  handshakeInterval: 10_000,
  heartbeatInterval: 3000,
  heartbeatTimeout: 6000,
  heartbeatTimeToLive: 9000,
  maxMessageSize: messageLimit + 64 * 1024,
} as const;

/** Of servers. Without a live handler for its ZAP domain a socket lets nobody in. */
export function curveServer(secretKey: string, zapDomain: ZapDomain) {
  return { curveServer: true, curveSecretKey: secretKey, zapDomain, zapEnforceDomain: true } as const;
}

/** Each kind of socket is a domain of its own: not every key may use each. */
export type ZapDomain = 'trama.requests' | 'trama.feed' | 'trama.metrics';

export const endpoint = (host: string, port: number | '*'): string =>
  host.includes(':') ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`;

/** Whether the socket option `ipv6` is needed. */
export const needsIpv6 = (host: string): boolean => host.includes(':');

export function portOf(lastEndpoint: string | null): number {
  return Number(lastEndpoint?.slice(lastEndpoint.lastIndexOf(':') + 1));
}
