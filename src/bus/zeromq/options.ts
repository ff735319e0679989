/** Socket options that all sockets share, and addresses as ZeroMQ writes them. */
import { messageLimit } from '../session/wire.ts';

/**
 * `linger` 0: a closed socket holds nothing back. `sendTimeout` 0: a send is done or fails at once, so nothing queues
 * above ZeroMQ. The handshake gets more time than an attempt of the client's: a busy server must not look like a wrong one,
 * which breaks the handshake off.
 */
export const common = {
  linger: 0,
  sendTimeout: 0,
  handshakeInterval: 10_000,
  maxMessageSize: messageLimit + 64 * 1024,
} as const;

/**
 * Of clients. The kernel notices a server that is gone without a word within 10 s, be there something to send or not, and costs nothing
 * while there is something. ZeroMQ's own pings, which wake four threads each, are for what the kernel of another answers instead of the server:
 * a process that is paused, a proxy. The server does not ping in return; nor does it hear for how long a client may be silent, since
 * ZeroMQ looks through the timers of all clients at each message of any.
 */
export const watchful = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 5,
  tcpKeepaliveInterval: 2,
  tcpKeepaliveCount: 2,
  // From what was sent last, which on a quiet session is its own ping, after five seconds.
  tcpMaxRetransmitTimeout: 4500,
  heartbeatInterval: 15_000,
  heartbeatTimeout: 5000,
} as const;

/** Of servers: the kernel finds clients that are gone without a word, be there something to send or not, within a minute and a half. */
const keepalive = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 30,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 6,
  tcpMaxRetransmitTimeout: 90_000,
} as const;

/** Without a live handler for its ZAP domain a socket lets nobody in. */
export function curveServer(secretKey: string, zapDomain: ZapDomain) {
  return { ...keepalive, curveServer: true, curveSecretKey: secretKey, zapDomain, zapEnforceDomain: true } as const;
}

/** Each kind of socket is a domain of its own: not every key may use each. */
export type ZapDomain = 'trama.requests' | 'trama.feed';

export const endpoint = (host: string, port: number | '*'): string =>
  host.includes(':') ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`;

/** Whether the socket option `ipv6` is needed. */
export const needsIpv6 = (host: string): boolean => host.includes(':');

export function portOf(lastEndpoint: string | null): number {
  return Number(lastEndpoint?.slice(lastEndpoint.lastIndexOf(':') + 1));
}
