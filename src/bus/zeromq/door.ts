import type { Context } from 'zeromq';
import { Router } from 'zeromq';
import type { Log } from '../../platform/platform.ts';
import { type Gatekeeper, knownPeer } from '../bus.ts';
import { toZ85 } from '../keys.ts';
import type { ZapDomain } from './options.ts';

/** What each socket is for: the feed is the nodes' own. Who is to be told why it is refused comes in for that. */
const admitted: Readonly<Record<ZapDomain, readonly string[]>> = {
  'trama.requests': ['node', 'token', 'user'],
  'trama.feed': ['node'],
};

/**
 * Answers ZeroMQ's question whether a key may connect (ZAP, RFC 27), for the sockets of one context. It is asked once per
 * connection, never again while that lives. Bind it before any other socket; while it is closed nobody gets in.
 */
export class Door {
  readonly #socket: Router;
  readonly #gatekeeper: Gatekeeper;
  readonly #log: Log;
  /** Keys that have come in by each domain since `forget`. */
  readonly #inside = new Map<string, Set<string>>();
  /** The last answer: a socket sends one message at a time. */
  #sending: Promise<void> = Promise.resolve();

  private constructor(context: Context, gatekeeper: Gatekeeper, log: Log) {
    this.#socket = new Router({ context, linger: 0, sendTimeout: 0 });
    this.#gatekeeper = gatekeeper;
    this.#log = log;
  }

  static open(context: Context, gatekeeper: Gatekeeper, log: Log): Door {
    const door = new Door(context, gatekeeper, log);
    door.#socket.bindSync('inproc://zeromq.zap.01');
    void door.#answer();
    return door;
  }

  close(): void {
    this.#socket.close();
  }

  /** Whether the key may have live connections to the domain's socket. */
  hasLetIn(domain: ZapDomain, key: string): boolean {
    return this.#inside.get(domain)?.has(key) ?? false;
  }

  /** The domain's socket was closed, and all connections with it. */
  forget(domain: ZapDomain): void {
    this.#inside.delete(domain);
  }

  async #answer(): Promise<void> {
    try {
      for await (const [route, , version, id, domain, address, , mechanism, credentials] of this.#socket) {
        // One key that has to be looked for does not hold up the others.
        void this.#decide(`${domain}`, `${mechanism}`, credentials).then((status) => {
          this.#log.debug('handshake', { domain: `${domain}`, address: `${address}`, status });
          const said = [route ?? '', '', version ?? '1.0', id ?? '', status, '', '', ''];
          this.#sending = this.#sending.then(() => this.#socket.send(said)).catch(() => {});
        });
      }
    } catch {
      // Closed.
    }
  }

  /** 200 come in, 400 no, 500 cannot tell. */
  async #decide(domain: string, mechanism: string, key: Buffer | undefined): Promise<'200' | '400' | '500'> {
    const kinds = admitted[domain as ZapDomain];
    if (kinds === undefined || mechanism !== 'CURVE' || key?.length !== 32) return '400';
    const name = toZ85(key);
    try {
      const peer = await knownPeer(this.#gatekeeper, name);
      if (peer === undefined || !kinds.includes(peer.kind)) return '400';
    } catch (error) {
      this.#log.warn('it cannot be said now whose key this is: it is not let in', { error });
      return '500';
    }
    this.#inside.set(domain, (this.#inside.get(domain) ?? new Set()).add(name));
    return '200';
  }
}
