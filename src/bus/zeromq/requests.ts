import type { Context } from 'zeromq';
import { Router } from 'zeromq';
import { Failure, toFailure } from '../../domain/domain.ts';
import type { Log } from '../../platform/platform.ts';
import type { BusServerOptions } from '../bus.ts';
import { refusalOf } from '../session/refusals.ts';
import type { ServerLine, Session, Sessions } from '../session/sessions.ts';
import { commonVersion, noCommonVersion, type VersionRange } from '../session/versions.ts';
import type { Header } from '../session/wire.ts';
import { decodeHeader, encodeHeader, encodeJson } from '../session/wire.ts';
import { hello, marks, parseFrame } from './frames.ts';
import type { Identities, Identity } from './identities.ts';
import { common, curveServer, needsIpv6 } from './options.ts';

/** Messages that wait in ZeroMQ for one peer. Requests and credit bound them well below; beyond, the peer is stuck. */
const waitingPerPeer = 10_000;

const notUnderstood =
  'The server does not understand how this client introduces itself. Install the same Trama on both.';

export interface RequestsOptions {
  readonly context: Context;
  readonly server: BusServerOptions;
  readonly sessions: Sessions;
  readonly identities: Identities;
  readonly versions: VersionRange;
  readonly log: Log;
}

/** The server's requests socket: makes sessions of connections, and lets only sealed messages through to them. */
export class Requests {
  readonly socket: Router;
  readonly #options: RequestsOptions;

  constructor(options: RequestsOptions) {
    this.#options = options;
    const { server, context } = options;
    this.socket = new Router({
      ...common,
      ...curveServer(server.keys.secretKey, 'trama.requests'),
      context,
      ipv6: needsIpv6(server.address),
      // A send to a connection that is gone or stuck fails, instead of vanishing.
      mandatory: true,
      sendHighWaterMark: waitingPerPeer,
    });
  }

  async run(): Promise<void> {
    for await (const [route, first, second, third] of this.socket) {
      if (route === undefined || first === undefined || second === undefined) continue;
      try {
        if (third !== undefined) this.#onSealed(route, first, second, third);
        else if (first.toString() === marks.hello) this.#onHello(route, second);
      } catch (error) {
        this.#options.log.error('a message could not be taken', { error });
      }
    }
  }

  #onHello(route: Buffer, bytes: Buffer): void {
    const said = parseFrame(hello, bytes);
    if (said === undefined) {
      this.#end(route, new Failure('denied', notUnderstood));
      return;
    }
    const theirs = { lowest: said.version, highest: said.highest ?? said.version };
    const version = commonVersion(this.#options.versions, theirs);
    if (version === undefined) {
      this.#options.log.warn('a client speaks no version of the protocol that this server speaks', theirs);
      this.#end(route, new Failure('denied', noCommonVersion(this.#options.versions, theirs)));
      return;
    }
    try {
      const refusal = refusalOf(this.#options.server.gatekeeper.peerOf(said.publicKey));
      if (refusal !== undefined) throw refusal;
      const claim = this.#options.identities.claim(route, said.publicKey, said.nonce);
      if (claim === undefined) return;
      this.#send(route, [marks.welcome, encodeJson({ session: claim.identity.id, nonce: claim.nonce, version })]);
    } catch (error) {
      this.#end(route, toFailure(error));
    }
  }

  #onSealed(route: Buffer, seal: Buffer, headerBytes: Buffer, payload: Buffer): void {
    const { identities, sessions, log } = this.#options;
    const identity = identities.sealedBy(route, seal, headerBytes, payload);
    if (identity === undefined) {
      log.debug('a message without a valid seal was dropped');
      this.#end(route, new Failure('unavailable', 'The server does not know this session any more.'));
      return;
    }
    const header = decodeHeader(headerBytes);
    if (header === undefined) {
      log.warn('a malformed message was dropped', { key: identity.key });
      return;
    }
    const session = identity.session ?? this.#accept(identity);
    if (session !== undefined) sessions.receive(session, header, payload);
  }

  /** The first right seal proves the claim. */
  #accept(identity: Identity): Session | undefined {
    const { identities, sessions, server } = this.#options;
    const peer = server.gatekeeper.peerOf(identity.key);
    const refusal = refusalOf(peer);
    if (peer === undefined || refusal !== undefined) {
      identities.remove(identity);
      if (refusal !== undefined) this.#end(identity.route, refusal);
      return undefined;
    }
    this.#send(identity.route, [marks.accepted, encodeJson({ kind: peer.kind })]);
    const session = sessions.begin(peer, this.#line(identity));
    identities.proved(identity, session);
    return session;
  }

  #line(identity: Identity): ServerLine {
    const { identities } = this.#options;
    return {
      send: (header: Header, payload: Uint8Array) => {
        if (!identities.has(identity)) return;
        this.#send(identity.route, [marks.message, encodeHeader(header), payload]);
      },
      dismiss: (failure) => {
        identities.remove(identity);
        this.#end(identity.route, failure);
      },
    };
  }

  #end(route: Buffer, { code, message }: Failure): void {
    this.#send(route, [marks.ended, encodeJson({ code, message })]);
  }

  #send(route: Buffer, frames: (string | Uint8Array)[]): void {
    if (this.socket.closed) return;
    this.socket.send([route, ...frames]).catch((error: Error) => {
      const identity = this.#options.identities.ofRoute(route);
      this.#options.log.debug('a message could not be sent', { error, node: identity?.session?.peer.node });
      if (identity?.session === undefined) return;
      this.#options.sessions.end(identity.session, new Failure('unavailable', 'The connection is gone or stuck.'));
    });
  }
}
