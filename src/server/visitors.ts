/**
 * Users who come another way than the bus: each request brings the key itself, and is judged as one that came over the bus. Their
 * streams are known here, since nobody asks anything at them: they end when the key does.
 */
import { knownPeer } from '../bus/bus.ts';
import { encodeBase64Url, Failure, parseUserKey } from '../domain/domain.ts';
import type { Api, ByteStream } from '../protocol/protocol.ts';
import type { Call, Context } from './context.ts';
import type { Visitor } from './server.ts';

/** Between looks whether a key has expired, while it has streams. Milliseconds. */
const lookMs = 1000;

export interface VisitorsOptions {
  answer(method: string, params: unknown, call: Call, deadlineMs: number): Promise<unknown>;
  open(method: string, params: unknown, call: Call): Promise<ByteStream>;
}

const defaultDeadlineMs = 10_000;

export class Visitors {
  readonly #context: Pick<Context, 'members' | 'clock' | 'signal' | 'userKeysFromSecret' | 'keys'>;
  readonly #options: VisitorsOptions;
  /** Public key → what it has open. */
  readonly #streams = new Map<string, Set<ByteStream>>();
  #looking = false;

  constructor(
    context: Pick<Context, 'members' | 'clock' | 'signal' | 'userKeysFromSecret' | 'keys'>,
    options: VisitorsOptions,
  ) {
    this.#context = context;
    this.#options = options;
  }

  /** @throws Failure `denied` that says why, without the key */
  async admit(text: string): Promise<Visitor> {
    const key = this.#publicKeyOf(text);
    const peer = await knownPeer(this.#context.members, key);
    if (peer?.kind !== 'user' || peer.user === undefined) throw unknownKey;
    if (peer.refused !== undefined) throw new Failure('denied', peer.refused);
    return { name: peer.user, key, api: this.#apiOf({ ...peer, user: peer.user }) };
  }

  #publicKeyOf(text: string): string {
    let parsed: ReturnType<typeof parseUserKey>;
    try {
      parsed = parseUserKey(text);
    } catch (cause) {
      throw new Failure('denied', cause instanceof Error ? cause.message : String(cause), { cause });
    }
    if (parsed.serverKey !== this.#context.keys.publicKey)
      throw new Failure('denied', 'this key is of another cluster: its servers are others');
    return this.#context.userKeysFromSecret(encodeBase64Url(parsed.secret)).publicKey;
  }

  #apiOf(caller: Call['caller'] & { readonly kind: 'node' | 'token' | 'user' }): Api {
    const until = (ms: number) => this.#context.clock.now() + ms;
    return {
      call: (method, params, { deadlineMs = defaultDeadlineMs, id } = {}) => {
        const call = { caller, deadline: until(deadlineMs), ...(id === undefined ? {} : { id }) };
        return this.#options.answer(method, params, call, deadlineMs);
      },
      open: async (method, params, { deadlineMs = defaultDeadlineMs } = {}) => {
        const stream = await this.#options.open(method, params, { caller, deadline: until(deadlineMs) });
        this.#keep(caller.key, stream);
        return stream;
      },
    };
  }

  /** Ends what the key has open. */
  expel(key: string, why = 'your key was removed'): void {
    for (const stream of this.#streams.get(key) ?? []) stream.reset(new Failure('denied', why));
  }

  #keep(key: string, stream: ByteStream): void {
    const streams = this.#streams.get(key) ?? new Set();
    this.#streams.set(key, streams.add(stream));
    const over = () => {
      streams.delete(stream);
      if (streams.size === 0 && this.#streams.get(key) === streams) this.#streams.delete(key);
    };
    stream.result.then(over, over);
    // It may have ended while the stream was opened.
    this.#expelExpired(key);
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#streams.size > 0) {
        await this.#context.clock.sleep(lookMs, this.#context.signal);
        for (const key of [...this.#streams.keys()]) this.#expelExpired(key);
      }
    } catch {
      // The server stops.
    } finally {
      this.#looking = false;
    }
  }

  #expelExpired(key: string): void {
    const peer = this.#context.members.peerOf(key);
    if (peer?.kind !== 'user') this.expel(key);
    else if (peer.refused !== undefined) this.expel(key, peer.refused);
  }
}

const unknownKey = new Failure(
  'denied',
  "the server does not know this user's key: it was removed, or is of another cluster; ask an administrator for a new one",
);
