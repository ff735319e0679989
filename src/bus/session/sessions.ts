import { Failure } from '../../domain/domain.ts';
import type { Log, SteadyClock } from '../../platform/platform.ts';
import type { Api, CallOptions, OpenOptions } from '../../protocol/protocol.ts';
import type { BusServerOptions, Peer } from '../bus.ts';
import { answeringFor } from './answering.ts';
import { Answers } from './answers.ts';
import { Conversation } from './conversation.ts';
import { refusalOf } from './refusals.ts';
import type { Header, Line } from './wire.ts';
import { decodeJson, encodeJson, noPayload } from './wire.ts';

const defaultDeadlineMs = 10_000;
const silentMs = 15_000;
const sweepMs = 1_000;
/** Bytes; a node's metrics are some hundred. */
const metricsLimit = 64 * 1024;

/** The server's end of a client's connection. */
export interface ServerLine extends Line {
  /** The session is over: tells the client why (`denied`: and do not come back) and takes no more of its messages. */
  dismiss(failure: Failure): void;
}

export interface Session {
  readonly peer: Peer;
  readonly line: ServerLine;
  readonly conversation: Conversation;
  heard: number;
}

export interface SessionsOptions
  extends Pick<BusServerOptions, 'gatekeeper' | 'handler' | 'onMetrics' | 'onBeat' | 'onPeer'> {
  readonly clock: SteadyClock;
  readonly log: Log;
  readonly newId: () => string;
}

/**
 * The live sessions of a server. A node has one: a newer session of its key replaces the older. A token may have many:
 * several hosts join with it at once. So may a user, who works in several windows.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #answers: Answers;
  readonly #live = new Set<Session>();
  readonly #nodes = new Map<string, Session>();
  readonly #closing = new AbortController();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#answers = new Answers(() => options.clock.elapsed());
    void this.#sweepOften();
  }

  /** The peer has proved its key. */
  begin(peer: Peer, line: ServerLine): Session {
    const { clock, handler, log, onPeer } = this.#options;
    const session: Session = {
      peer,
      line,
      heard: clock.elapsed(),
      conversation: new Conversation({
        line,
        clock,
        side: 'server',
        other: nameOf(peer),
        answering: answeringFor(peer, handler, this.#answers, clock),
      }),
    };
    if (peer.node !== undefined) {
      const older = this.#nodes.get(peer.node);
      const replaced = new Failure('unavailable', `A newer connection of node ${peer.node} has replaced this one.`);
      if (older !== undefined) this.end(older, replaced);
      this.#nodes.set(peer.node, session);
    }
    this.#live.add(session);
    log.debug('session began', { kind: peer.kind, node: peer.node });
    onPeer?.(peer, true);
    return session;
  }

  receive(session: Session, header: Header, payload: Uint8Array): void {
    if (!this.#live.has(session)) return;
    session.heard = this.#options.clock.elapsed();
    if (header.t === 'ping') session.line.send({ t: 'pong' }, noPayload);
    else if (header.t === 'bye') this.end(session, new Failure('unavailable', 'The client closed the connection.'));
    else if (!this.#stillWelcome(session)) return;
    else if (header.t === 'metrics') this.#takeMetrics(session.peer, payload);
    else if (header.t === 'beat') this.#takeBeat(session.peer);
    else session.conversation.receive(header, payload);
  }

  end(session: Session, failure: Failure): void {
    if (!this.#live.delete(session)) return;
    const { node } = session.peer;
    if (node !== undefined && this.#nodes.get(node) === session) this.#nodes.delete(node);
    session.line.dismiss(failure);
    session.conversation.close(failure.message);
    this.#options.log.debug('session ended', { kind: session.peer.kind, node, reason: failure.message });
    this.#options.onPeer?.(session.peer, false);
  }

  /** Ends all sessions of a key that may come no more. */
  expel(publicKey: string): void {
    this.#answers.forget(publicKey);
    for (const session of [...this.#live]) {
      if (session.peer.key === publicKey) this.#refuse(session, undefined);
    }
  }

  /** Ends everything without a word to `onPeer`: the server goes away, not its peers. */
  close(): void {
    this.#closing.abort();
    for (const session of this.#live) session.conversation.close('The server is shutting down.');
    this.#live.clear();
    this.#nodes.clear();
  }

  connectedNodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  toNode(name: string): Api {
    const conversation = () => {
      const session = this.#nodes.get(name);
      if (session !== undefined) return session.conversation;
      throw new Failure('unavailable', `Node ${name} is not connected: is its host up, and its agent running?`);
    };
    return {
      call: async (method: string, params: unknown, options: CallOptions = {}) =>
        await conversation().request(
          options.id ?? this.#options.newId(),
          method,
          encodeJson(params),
          options.deadlineMs ?? defaultDeadlineMs,
        ),
      open: async (method: string, params: unknown, { deadlineMs = defaultDeadlineMs }: OpenOptions = {}) =>
        await conversation().open(method, encodeJson(params), deadlineMs),
    };
  }

  /** They may be lost: what is wrong with them is logged, and the session goes on. */
  #takeMetrics({ kind, node }: Peer, payload: Uint8Array): void {
    const { log, onMetrics } = this.#options;
    if (kind !== 'node' || node === undefined) {
      log.debug('metrics of somebody who is no node were dropped', { kind });
      return;
    }
    if (payload.length > metricsLimit) {
      log.warn('metrics that are too large were dropped', { node, bytes: payload.length, most: metricsLimit });
      return;
    }
    let data: unknown;
    try {
      data = decodeJson(payload);
    } catch (error) {
      log.warn('metrics that are no JSON were dropped', { node, error });
      return;
    }
    try {
      onMetrics({ node, data });
    } catch (error) {
      log.error('metrics could not be taken', { node, error });
    }
  }

  #takeBeat({ kind, node }: Peer): void {
    if (kind === 'node' && node !== undefined) this.#options.onBeat?.(node);
  }

  /** Ends the sessions of which nothing was heard. */
  async #sweepOften(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(sweepMs, signal).catch(() => {});
      if (signal.aborted) return;
      this.#answers.sweep();
      const oldest = clock.elapsed() - silentMs;
      for (const session of [...this.#live]) {
        // A stream that only flows to the user says nothing that one could be asked at.
        if (session.peer.kind === 'user' && !this.#stillWelcome(session)) continue;
        if (session.heard >= oldest) continue;
        this.end(session, new Failure('unavailable', `Nothing was heard for ${silentMs / 1000} s.`));
      }
    }
  }

  /** A key's right may have ended without anybody expelling it: a token's time passes, and a user's. */
  #stillWelcome(session: Session): boolean {
    const { key, kind, node, user } = session.peer;
    const now = this.#options.gatekeeper.peerOf(key);
    const same = now !== undefined && now.kind === kind && now.node === node && now.user === user;
    if (same && now.refused === undefined) return true;
    this.#refuse(session, same ? now : undefined);
    return false;
  }

  #refuse(session: Session, now: Peer | undefined): void {
    const refusal = refusalOf(now, session.peer.kind);
    if (refusal !== undefined) this.end(session, refusal);
  }
}

function nameOf({ kind, node, user }: Peer): string {
  return kind === 'user' ? `user ${user}` : node === undefined ? 'the joining host' : `node ${node}`;
}
