import type { Context } from 'zeromq';
import { Dealer } from 'zeromq';
import { Failure } from '../../domain/domain.ts';
import type { BusClientOptions } from '../bus.ts';
import { noServer, unknownKey } from '../session/refusals.ts';
import { common, endpoint, needsIpv6, watchful } from './options.ts';

/**
 * The server broke the handshake off. ZeroMQ's servers do so, without a word, when the client asks for another key than
 * theirs; but also when they are just going down.
 */
export class HandshakeDropped extends Error {}

/** Key options of a client's socket. */
export const curveClient = ({ keys, server }: Pick<BusClientOptions, 'keys' | 'server'>) => ({
  curvePublicKey: keys.publicKey,
  curveSecretKey: keys.secretKey,
  curveServerKey: server.key,
});

/** One connection to the requests socket: a socket that does not reconnect, so that it holds one session at most. */
export class Requester {
  /** Rejects with HandshakeDropped or Failure. */
  readonly connected: Promise<void>;
  /** Somebody listens at the address. */
  reached = false;
  /** Resolves when the connection ends after it was made. */
  readonly lost: Promise<void>;
  readonly #socket: Dealer;
  readonly #giveUp: () => void;

  constructor(context: Context, client: BusClientOptions, target: string) {
    const { host, ports } = client.server;
    const connected = Promise.withResolvers<void>();
    const lost = Promise.withResolvers<void>();
    this.connected = connected.promise;
    this.lost = lost.promise;
    this.connected.catch(() => {});
    this.#giveUp = () => connected.reject(new Failure('unavailable', `The attempt to reach ${target} was given up.`));
    this.#socket = new Dealer({
      ...common,
      ...watchful,
      ...curveClient(client),
      context,
      ipv6: needsIpv6(host),
      reconnectInterval: -1,
      // What waits is bounded above: by the number of requests and the credit of streams; beats and metrics, some hundred bytes a
      // second, by the session, which ends when nothing is heard for long, and with it all that waits for it.
      sendHighWaterMark: 0,
    });
    const { events } = this.#socket;
    const drop = () => connected.reject(new HandshakeDropped());
    const absent = () => connected.reject(new Failure('unavailable', noServer(target)));
    events.on('connect', () => {
      this.reached = true;
    });
    events.on('handshake', () => connected.resolve());
    events.on('handshake:error:auth', ({ error }) =>
      connected.reject(refusal(error.status, target, client.unknownKey)),
    );
    events.on('handshake:error:protocol', drop);
    events.on('handshake:error:other', drop);
    events.on('close', absent);
    events.on('close:error', absent);
    events.on('disconnect', () => {
      drop();
      lost.resolve();
    });
    this.#socket.connect(endpoint(host, ports.requests));
  }

  /** Silently nowhere when the connection is gone. */
  send(frames: (string | Uint8Array)[]): void {
    if (!this.#socket.closed) this.#socket.send(frames).catch(() => {});
  }

  receive(): Promise<Buffer[]> {
    return this.#socket.receive();
  }

  close(): void {
    this.#giveUp();
    this.#socket.close();
  }
}

/** What ZAP's status means for whoever connects. */
function refusal(status: number, target: string, unknown = unknownKey): Failure {
  if (status === 400) return new Failure('denied', unknown);
  return new Failure('unavailable', `It cannot be said now whether ${target} knows this key: trying again.`);
}
