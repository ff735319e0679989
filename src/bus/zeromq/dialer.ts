import { randomBytes } from 'node:crypto';
import { Failure, isFailure } from '../../domain/domain.ts';
import { isPair, sharedKey } from '../keys.ts';
import type { Dialer, Link } from '../session/link.ts';
import { capital, noServer, notOurs, wrongServer } from '../session/refusals.ts';
import { encodeHeader, encodeJson, noPayload } from '../session/wire.ts';
import { within } from '../session/within.ts';
import { HandshakeDropped, Requester } from './dealer.ts';
import { accepted, ended, type hello, marks, nonceBytes, parseFrame, welcome } from './frames.ts';
import type { Established, LinkOptions } from './link.ts';
import { ZeroMqLink } from './link.ts';
import { common } from './options.ts';
import { Sealer } from './seal.ts';

/**
 * How long an attempt may take. Where somebody listens and has not answered in time, the next one may take twice as long: of a thousand clients
 * that come to a server at once, each attempt that is given up was work for nothing, and all of them would give up again and again.
 */
const attemptMs = { first: 3000, most: common.handshakeInterval } as const;

/**
 * Handshakes in a row that the other side broke off, from which on it counts as the wrong server. A connection that is cut
 * looks the same, and of who has been the right one so far that is more likely for longer: with the pauses between, some 3 s.
 */
const dropsUntilWrong = { unknown: 2, known: 6 } as const;

export class ZeroMqDialer implements Dialer {
  readonly target: string;
  readonly #options: LinkOptions;
  #drops = 0;
  #patience: number = attemptMs.first;
  #known = false;
  /** Told once: it takes a millisecond, and a thousand clients of a server that has died try again and again. */
  #pair: boolean | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.target = options.target;
  }

  async dial(topics: ReadonlySet<string>, signal: AbortSignal): Promise<Link> {
    const { client, clock, context } = this.#options;
    this.#pair ??= isPair(client.keys);
    if (!this.#pair) throw new Failure('denied', notOurs);
    const requester = new Requester(context, client, this.target);
    const stop = () => requester.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const established = await within(clock, this.#patience, this.#establish(requester), () => {
        if (!requester.reached) return new Failure('unavailable', noServer(this.target));
        this.#patience = Math.min(attemptMs.most, 2 * this.#patience);
        return this.#noAnswer();
      });
      this.#drops = 0;
      this.#patience = attemptMs.first;
      this.#known = true;
      const link = new ZeroMqLink(this.#options, established, topics);
      await link.syncing;
      return link;
    } catch (error) {
      requester.close();
      throw this.#failure(error);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #establish(requester: Requester): Promise<Established> {
    const { keys, server } = this.#options.client;
    await requester.connected;
    const nonce = randomBytes(nonceBytes).toString('hex');
    const { lowest, highest } = this.#options.versions;
    const said: typeof hello._output = { version: lowest, highest, publicKey: keys.publicKey, nonce };
    requester.send([marks.hello, encodeJson(said)]);
    const welcomed = parseFrame(welcome, await this.#expect(requester, marks.welcome));
    if (welcomed === undefined) throw this.#noAnswer();
    this.#options.log.debug('versions agreed on', { server: this.target, version: welcomed.version });
    const nonces = Buffer.from(nonce + welcomed.nonce, 'hex');
    const key = sharedKey(keys.secretKey, server.key, nonces, keys.publicKey + server.key);
    const session = Buffer.from(welcomed.session, 'hex');
    const sealer = new Sealer(session, key);
    const proof = encodeHeader({ t: 'ping' });
    requester.send([sealer.seal(proof, noPayload), proof, noPayload]);
    const answer = parseFrame(accepted, await this.#expect(requester, marks.accepted));
    if (answer === undefined) throw this.#noAnswer();
    return { requester, sealer, kind: answer.kind };
  }

  /** The next message, which has to be this one. @throws Failure that the server gives instead. */
  async #expect(requester: Requester, mark: string): Promise<Buffer | undefined> {
    const broken = requester.lost.then((): Buffer[] => {
      throw new Failure('unavailable', `The connection to ${this.target} broke.`);
    });
    const [got, body] = await Promise.race([requester.receive(), broken]);
    if (`${got}` === mark) return body;
    const why = `${got}` === marks.ended ? parseFrame(ended, body) : undefined;
    throw why === undefined ? this.#noAnswer() : new Failure(why.code, why.message);
  }

  #noAnswer(): Failure {
    return new Failure('unavailable', `${capital(this.target)} does not answer as a server of Trama does.`);
  }

  #failure(error: unknown): Failure {
    if (!(error instanceof HandshakeDropped)) {
      this.#drops = 0;
      if (isFailure(error)) return error;
      return new Failure('unavailable', `There is no connection to ${this.target}: ${(error as Error).message}.`);
    }
    this.#drops += 1;
    if (this.#drops >= dropsUntilWrong[this.#known ? 'known' : 'unknown'])
      return new Failure('denied', wrongServer(this.target));
    return new Failure('unavailable', `${capital(this.target)} broke the handshake off.`);
  }
}
