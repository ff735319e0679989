/** What every bus does. Each implementation's test file runs this suite. */
import { describe, expect, test } from 'vitest';
import {
  type Bus,
  type BusClient,
  type BusClientOptions,
  type BusServer,
  type BusServerOptions,
  type FeedMessage,
  type KeyPair,
  type LinkState,
  type MetricsMessage,
  type Peer,
  type RequestHandler,
  SessionLost,
} from '../../src/bus/bus.ts';
import { Failure } from '../../src/domain/domain.ts';
import type { ByteStream } from '../../src/protocol/protocol.ts';
import { streamPair, streamWindow } from '../../src/protocol/protocol.ts';

export const host = '127.0.0.1';
const anyPort = { requests: 0, feed: 0 };

export async function until(what: string, holds: () => boolean, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(5);
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Answers by a table; what is not there is `not-found`. */
export function handles(
  calls: Record<string, (params: never, peer: Peer, deadline: number) => unknown>,
  streams: Record<string, (stream: ByteStream, deadline: number) => Promise<void>> = {},
): RequestHandler {
  return {
    async call(method, params, { peer, deadline }) {
      const call = calls[method];
      if (call === undefined) throw new Failure('not-found', `There is no ${method}.`);
      return await call(params as never, peer, deadline);
    },
    async open(method, _params, { deadline }) {
      const serve = streams[method];
      if (serve === undefined) throw new Failure('not-found', `There is no stream ${method}.`);
      const [mine, theirs] = streamPair();
      serve(mine, deadline).catch((error) => mine.reset(error));
      return theirs;
    },
  };
}

/** A server with its gatekeeper, its clients, and everything they said; releases all at the end of the test. */
export class Stage implements AsyncDisposable {
  readonly bus: Bus;
  readonly serverKeys: KeyPair;
  readonly peers = new Map<string, Peer>();
  readonly seen: { peer: Peer; connected: boolean }[] = [];
  readonly metrics: MetricsMessage[] = [];
  readonly beats: string[] = [];
  readonly #resources: AsyncDisposable[] = [];
  server: BusServer | undefined;
  ports = anyPort;

  constructor(bus: Bus) {
    this.bus = bus;
    this.serverKeys = bus.generateKeys();
  }

  async serve(handler: RequestHandler, options: Partial<BusServerOptions> = {}): Promise<BusServer> {
    const server = await this.bus.serve({
      address: host,
      ports: this.ports,
      keys: this.serverKeys,
      gatekeeper: { peerOf: (key) => this.peers.get(key) },
      handler,
      onMetrics: (message) => this.metrics.push(message),
      onBeat: (node) => this.beats.push(node),
      onPeer: (peer, connected) => this.seen.push({ peer, connected }),
      ...options,
    });
    this.#resources.push(server);
    this.server = server;
    this.ports = server.ports;
    return server;
  }

  /** Keys that the gatekeeper knows. */
  node(name: string): KeyPair {
    const keys = this.bus.generateKeys();
    this.peers.set(keys.publicKey, { kind: 'node', key: keys.publicKey, node: name });
    return keys;
  }

  token(): KeyPair {
    const keys = this.bus.generateKeys();
    this.peers.set(keys.publicKey, { kind: 'token', key: keys.publicKey });
    return keys;
  }

  user(name: string): KeyPair {
    const keys = this.bus.generateKeys();
    this.peers.set(keys.publicKey, { kind: 'user', key: keys.publicKey, user: name });
    return keys;
  }

  async connect(
    keys: KeyPair,
    options: Partial<BusClientOptions> = {},
  ): Promise<{ client: BusClient; states: [LinkState, string][]; feed: FeedMessage[] }> {
    const states: [LinkState, string][] = [];
    const feed: FeedMessage[] = [];
    const client = await this.bus.connect({
      server: { host, ports: this.ports, key: this.serverKeys.publicKey },
      keys,
      onState: (state, reason) => states.push([state, reason]),
      onFeed: (message) => feed.push(message),
      ...options,
    });
    this.#resources.push(client);
    return { client, states, feed };
  }

  async ready(keys: KeyPair, options: Partial<BusClientOptions> = {}) {
    const made = await this.connect(keys, options);
    await until('ready', () => made.client.state === 'ready');
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.reverse()) await resource[Symbol.asyncDispose]();
  }
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: Failure) => ({ code: error.code, message: error.message }),
  );

async function bytesOf(stream: ByteStream): Promise<number> {
  let bytes = 0;
  for await (const { data } of stream) bytes += data.length;
  return bytes;
}

const message = (topic: string, previous: number, revision: number): FeedMessage => ({
  topic,
  previous,
  revision,
  data: JSON.stringify([{ key: `k${revision}`, value: null }]),
});

export function describeBus(create: () => Bus): void {
  describe('keys', () => {
    test('are Z85, differ, and those of a secret are always the same', () => {
      const bus = create();
      const keys = bus.generateKeys();
      expect(keys.publicKey).toMatch(/^[\x21-\x7e]{40}$/);
      expect(keys).not.toEqual(bus.generateKeys());
      const secret = Buffer.alloc(32, 7).toString('base64url');
      expect(bus.keysFromSecret(secret)).toEqual(create().keysFromSecret(secret));
      expect(bus.keysFromSecret(secret)).not.toEqual(bus.keysFromSecret(Buffer.alloc(32, 8).toString('base64url')));
      expect(() => bus.keysFromSecret('short')).toThrow(Failure);
    });
  });

  describe('requests', () => {
    test('are answered, with the peer and the deadline known to the handler', async () => {
      await using stage = new Stage(create());
      const context: { peer?: Peer; left?: number } = {};
      await stage.serve(
        handles({
          echo: (params, peer, deadline) => {
            Object.assign(context, { peer, left: deadline - Date.now() });
            return { got: params };
          },
        }),
      );
      const keys = stage.node('h1');
      const { client } = await stage.connect(keys);
      expect(await client.call('echo', { a: [1, 'ñ', null] }, { deadlineMs: 3000 })).toEqual({
        got: { a: [1, 'ñ', null] },
      });
      expect(context.peer).toEqual({ kind: 'node', key: keys.publicKey, node: 'h1' });
      expect(context.left).toBeGreaterThan(1000);
      expect(context.left).toBeLessThanOrEqual(3000);
    });

    test('nobody shares objects', async () => {
      await using stage = new Stage(create());
      const kept = { list: [1] };
      await stage.serve(
        handles({
          take: (params: { list: number[] }) => {
            params.list.push(99);
            return kept;
          },
        }),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const params = { list: [0] };
      const answer = (await client.call('take', params)) as typeof kept;
      answer.list.push(2);
      expect(params).toEqual({ list: [0] });
      expect(kept).toEqual({ list: [1] });
    });

    test('failures keep their code and message; anything else is internal', async () => {
      await using stage = new Stage(create());
      await stage.serve(
        handles({
          clash: () => {
            throw new Failure('conflict', 'Subnet 10.0.0.0/8 overlaps network app.');
          },
          broken: () => {
            throw new TypeError('x is undefined');
          },
          nothing: () => undefined,
        }),
      );
      const { client } = await stage.connect(stage.node('h1'));
      expect(await outcome(client.call('clash', {}))).toEqual({
        code: 'conflict',
        message: 'Subnet 10.0.0.0/8 overlaps network app.',
      });
      expect(await outcome(client.call('broken', {}))).toMatchObject({ code: 'internal' });
      expect(await outcome(client.call('missing', {}))).toMatchObject({ code: 'not-found' });
      expect(await client.call('nothing', {})).toBeUndefined();
      expect(await outcome(client.call('x'.repeat(300), {}))).toMatchObject({ code: 'invalid' });
      expect(await outcome(client.call('echo', 1n))).toMatchObject({ code: 'invalid' });
    });

    test('end at their deadline', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ never: () => new Promise(() => {}), echo: (x) => x }));
      const { client } = await stage.ready(stage.node('h1'));
      const began = Date.now();
      expect(await outcome(client.call('never', {}, { deadlineMs: 100 }))).toMatchObject({ code: 'deadline' });
      expect(Date.now() - began).toBeLessThan(5000);
      expect(await client.call('echo', 1)).toBe(1);
    });

    test('1000 at once are all answered, each with its own answer; the next is too many', async () => {
      await using stage = new Stage(create());
      const gate = Promise.withResolvers<void>();
      await stage.serve(handles({ double: (n: number) => gate.promise.then(() => 2 * n) }));
      const { client } = await stage.ready(stage.node('h1'));
      const calls = Array.from({ length: 1000 }, (_, n) => client.call('double', n));
      expect(await outcome(client.call('double', 1000))).toMatchObject({ code: 'overloaded' });
      gate.resolve();
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, n) => 2 * n));
    });

    test('with one id are one', async () => {
      await using stage = new Stage(create());
      let runs = 0;
      await stage.serve(handles({ count: () => ++runs }));
      const { client } = await stage.connect(stage.node('h1'));
      expect(await Promise.all([1, 2].map(() => client.call('count', {}, { id: 'same' })))).toEqual([1, 1]);
      expect(await client.call('count', {}, { id: 'same' })).toBe(1);
      expect(await client.call('count', {}, { id: 'other' })).toBe(2);
      const second = await stage.connect(stage.node('h2'));
      expect(await second.client.call('count', {}, { id: 'same' })).toBe(3);
    });

    test('of which the answer was lost with the session are done once and answered', async () => {
      await using stage = new Stage(create());
      let runs = 0;
      const began = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      await stage.serve(
        handles({
          slow: async () => {
            runs += 1;
            began.resolve();
            await gate.promise;
            return runs;
          },
        }),
      );
      const keys = stage.node('h1');
      const { client, states } = await stage.ready(keys);
      const answer = client.call('slow', {});
      await began.promise;
      // A newer session of the same key ends the first.
      const newer = await stage.ready(keys);
      await newer.client[Symbol.asyncDispose]();
      await until('back', () => states.filter(([state]) => state === 'ready').length >= 2);
      gate.resolve();
      expect(await answer).toBe(1);
      expect(runs).toBe(1);
    });

    test('asked over one session alone are lost with it, and asked again by whoever asked', async () => {
      await using stage = new Stage(create());
      const began = Promise.withResolvers<void>();
      let runs = 0;
      const never = () => {
        runs += 1;
        began.resolve();
        return runs === 1 ? new Promise(() => {}) : runs;
      };
      const first = await stage.serve(handles({ never }));
      const { client } = await stage.ready(stage.node('h1'));
      const options = { id: 'one', deadlineMs: 5000 };
      const lost = client.callOnce('never', {}, options).catch((error: unknown) => [error, client.state] as const);
      await began.promise;
      await first[Symbol.asyncDispose]();
      const [error, state] = (await lost) as readonly [unknown, LinkState];
      expect(error).toBeInstanceOf(SessionLost);
      // Whoever hears of it does not take this server for one that could be asked.
      expect(state).toBe('connecting');
      await expect(client.callOnce('never', {}, options)).rejects.toBeInstanceOf(SessionLost);
      await stage.serve(handles({ never }));
      await until('back', () => client.state === 'ready');
      expect(await client.callOnce('never', {}, options)).toBe(2);
    });

    test('wait for a server that restarts on the same ports', async () => {
      await using stage = new Stage(create());
      const first = await stage.serve(handles({ who: () => 'first' }));
      const { client } = await stage.ready(stage.node('h1'));
      expect(await client.call('who', {})).toBe('first');
      await first[Symbol.asyncDispose]();
      const asked = client.call('who', {});
      await until('lost', () => client.state === 'connecting');
      await stage.serve(handles({ who: () => 'second' }));
      expect(await asked).toBe('second');
    });

    test('find nobody: unavailable, with the address', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({}));
      await server[Symbol.asyncDispose]();
      const { client } = await stage.connect(stage.node('h1'));
      const failed = await outcome(client.call('echo', {}, { deadlineMs: 400 }));
      expect(failed).toMatchObject({ code: 'unavailable' });
      expect(JSON.stringify(failed)).toContain(`${host}:${stage.ports.requests}`);
      expect(client.state).toBe('connecting');
    });

    test('fail once the client is closed', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ never: () => new Promise(() => {}) }));
      const { client } = await stage.ready(stage.node('h1'));
      const waiting = outcome(client.call('never', {}));
      await pause(20);
      await client[Symbol.asyncDispose]();
      expect(await waiting).toMatchObject({ code: 'unavailable' });
      expect(await outcome(client.call('never', {}))).toMatchObject({ code: 'unavailable' });
      expect(client.state).toBe('closed');
      await until('the server hears of it', () => stage.seen.at(-1)?.connected === false, 1500);
    });
  });

  describe('from the server', () => {
    test('a node is asked and answers, and its streams open', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({}));
      await stage.ready(stage.node('h1'), {
        handler: handles(
          { hello: (name: string) => `hello ${name}` },
          {
            count: async (stream) => {
              await stream.send(1, Buffer.from('one'));
              stream.end({ exitCode: 4 });
            },
          },
        ),
      });
      await until('connected', () => server.connectedNodes().includes('h1'));
      expect(await server.toNode('h1').call('hello', 'you')).toBe('hello you');
      expect(await outcome(server.toNode('h1').call('other', {}))).toMatchObject({ code: 'not-found' });
      const stream = await server.toNode('h1').open('count', {});
      expect(await bytesOf(stream)).toBe(3);
      expect(await stream.result).toEqual({ exitCode: 4 });
      expect(await outcome(server.toNode('h2').call('hello', 'you'))).toMatchObject({ code: 'unavailable' });
    });

    test('always the newest session of a node is asked, and its predecessor is reported as gone', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({}));
      const keys = stage.node('h1');
      const first = await stage.ready(keys, { handler: handles({ who: () => 'first' }) });
      expect(await server.toNode('h1').call('who', {})).toBe('first');
      await stage.ready(keys, { handler: handles({ who: () => 'second' }) });
      expect(await server.toNode('h1').call('who', {})).toBe('second');
      expect(stage.seen.slice(0, 3).map(({ connected }) => connected)).toEqual([true, false, true]);
      await first.client[Symbol.asyncDispose]();
    });

    test('what waits for a node fails when the node goes', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({}));
      const { client } = await stage.ready(stage.node('h1'), {
        handler: handles({ never: () => new Promise(() => {}) }),
      });
      const waiting = outcome(server.toNode('h1').call('never', {}));
      await pause(20);
      await client[Symbol.asyncDispose]();
      expect(await waiting).toMatchObject({ code: 'unavailable' });
      expect(server.connectedNodes()).toEqual([]);
    });
  });

  describe('streams', () => {
    const megabyte = 1024 * 1024;

    test('10 MB each way, the writer held back by a slow reader', async () => {
      await using stage = new Stage(create());
      let received = 0;
      let sent = 0;
      const gate = Promise.withResolvers<void>();
      await stage.serve(
        handles(
          {},
          {
            both: async (stream) => {
              await gate.promise;
              for await (const { data } of stream) received += data.length;
              for (let n = 0; n < 10; n++) await stream.send(2, Buffer.alloc(megabyte, n));
              stream.end(await stream.result);
            },
          },
        ),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const stream = await client.open('both', {});
      const writing = (async () => {
        for (; sent < 160; sent++) await stream.send(0, Buffer.alloc(megabyte / 16));
        stream.end('sent');
      })();
      await pause(100);
      // Three windows lie between: the handler's pair, the relay's, the session's.
      expect((sent * megabyte) / 16).toBeLessThanOrEqual(4 * streamWindow);
      expect(received).toBe(0);
      gate.resolve();
      let back = 0;
      for await (const { channel, data } of stream) {
        expect(channel).toBe(2);
        expect(data.every((byte) => byte === data[0])).toBe(true);
        back += data.length;
      }
      await writing;
      expect(received).toBe(10 * megabyte);
      expect(back).toBe(10 * megabyte);
      expect(await stream.result).toBe('sent');
    });

    test('a slow reader at the client holds the server back', async () => {
      await using stage = new Stage(create());
      let sent = 0;
      await stage.serve(
        handles(
          {},
          {
            pour: async (stream) => {
              for (; sent < 160; sent++) await stream.send(1, Buffer.alloc(megabyte / 16));
              stream.end();
            },
          },
        ),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const stream = await client.open('pour', {});
      await pause(100);
      expect((sent * megabyte) / 16).toBeLessThanOrEqual(4 * streamWindow);
      expect(await bytesOf(stream)).toBe(10 * megabyte);
    });

    test('empty and many small chunks arrive in order', async () => {
      await using stage = new Stage(create());
      await stage.serve(
        handles(
          {},
          {
            echo: async (stream) => {
              for await (const { channel, data } of stream) await stream.send(channel, data);
              stream.end(await stream.result);
            },
          },
        ),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const stream = await client.open('echo', {});
      const texts = ['', ...Array.from({ length: 2000 }, (_, n) => `${n}`)];
      for (const text of texts) void stream.send(3, Buffer.from(text));
      stream.end(['done']);
      const back: string[] = [];
      for await (const { data } of stream) back.push(Buffer.from(data).toString());
      expect(back).toEqual(texts);
      expect(await stream.result).toEqual(['done']);
    });

    test('a reset reaches the other side with code and message, either way; so does a refusal to open', async () => {
      await using stage = new Stage(create());
      const atServer = Promise.withResolvers<unknown>();
      await stage.serve(
        handles(
          {},
          {
            fails: async () => {
              throw new Failure('exhausted', 'The disk is full.');
            },
            waits: async (stream) => {
              atServer.resolve(await outcome(bytesOf(stream)));
            },
          },
        ),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const failing = await client.open('fails', {});
      expect(await outcome(bytesOf(failing))).toEqual({ code: 'exhausted', message: 'The disk is full.' });
      expect(await outcome(failing.result)).toEqual({ code: 'exhausted', message: 'The disk is full.' });
      const waiting = await client.open('waits', {});
      await waiting.send(0, Buffer.from('x'));
      waiting.reset(new Failure('invalid', 'I changed my mind.'));
      expect(await atServer.promise).toEqual({ code: 'invalid', message: 'I changed my mind.' });
      expect(await outcome(client.open('missing', {}))).toMatchObject({ code: 'not-found' });
    });

    test('whoever opens one says how long it may take to begin, both ways', async () => {
      await using stage = new Stage(create());
      const deadlines: number[] = [];
      const never: RequestHandler = {
        ...handles({ there: () => true }),
        open: async (_method, _params, { deadline }) => {
          deadlines.push(deadline - Date.now());
          return new Promise<ByteStream>(() => {});
        },
      };
      const server = await stage.serve(never);
      const { client } = await stage.connect(stage.node('h1'), { handler: never });
      await client.call('there', {});
      expect(await outcome(client.open('never', {}, { deadlineMs: 80 }))).toMatchObject({ code: 'deadline' });
      const toNode = server.toNode('h1').open('never', {}, { deadlineMs: 80 });
      expect(await outcome(toNode)).toMatchObject({ code: 'deadline' });
      expect(deadlines.map((left) => left > 0 && left <= 80)).toEqual([true, true]);
    });

    test('the answering side ends the stream, though the opener has not', async () => {
      await using stage = new Stage(create());
      const over = Promise.withResolvers<number>();
      await stage.serve(
        handles(
          {},
          {
            exits: async (stream) => {
              await stream.send(1, Buffer.from('bye'));
              stream.end({ exitCode: 0 });
              over.resolve(await bytesOf(stream));
            },
          },
        ),
      );
      const { client } = await stage.connect(stage.node('h1'));
      const stream = await client.open('exits', {});
      expect(await bytesOf(stream)).toBe(3);
      expect(await stream.result).toEqual({ exitCode: 0 });
      expect(await over.promise).toBe(0);
      await stream.send(0, Buffer.from('into the void'));
    });

    test('are lost with their session', async () => {
      await using stage = new Stage(create());
      const atServer = Promise.withResolvers<unknown>();
      const server = await stage.serve(
        handles({}, { waits: async (stream) => atServer.resolve(await outcome(bytesOf(stream))) }),
      );
      const keys = stage.node('h1');
      const { client } = await stage.connect(keys);
      const stream = await client.open('waits', {});
      stage.peers.delete(keys.publicKey);
      await server.expel(keys.publicKey);
      expect(await atServer.promise).toMatchObject({ code: 'unavailable' });
      expect(await outcome(bytesOf(stream))).toMatchObject({ code: 'unavailable' });
      expect(await outcome(stream.send(0, Buffer.from('x')))).toMatchObject({ code: 'unavailable' });
    });
  });

  describe('the feed', () => {
    test('brings exactly the topics that are subscribed to, in order', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({ sync: () => true }));
      const { client, feed } = await stage.connect(stage.node('h1'));
      client.subscribe('network/ab');
      await client.call('sync', {});
      const sent = Array.from({ length: 100 }, (_, n) => message('network/ab', n, n + 1));
      for (const one of sent) {
        server.publish(one);
        server.publish({ ...one, topic: 'network/abc' });
        server.publish({ ...one, topic: 'network/a' });
      }
      await until('all of it', () => feed.length >= 100);
      expect(feed).toEqual(sent);
    });

    test('what is asked after `subscribe` misses nothing that is published after it was answered', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(
        handles({
          snapshot: (n: number) => {
            server.publish(message(`network/${n}`, 0, 1));
            return n;
          },
        }),
      );
      const { client, feed } = await stage.ready(stage.node('h1'));
      for (let n = 0; n < 20; n++) {
        client.subscribe(`network/${n}`);
        await client.call('snapshot', n);
      }
      await until('all of it', () => feed.length === 20);
    });

    test('ends for a topic that is unsubscribed from', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({ sync: () => true }));
      const { client, feed } = await stage.connect(stage.node('h1'));
      client.subscribe('one');
      client.subscribe('two');
      await client.call('sync', {});
      client.unsubscribe('one');
      await pause(100);
      server.publish(message('one', 0, 1));
      server.publish(message('two', 0, 1));
      await until('two', () => feed.length > 0);
      expect(feed.map(({ topic }) => topic)).toEqual(['two']);
    });

    test('goes on after the server was restarted', async () => {
      await using stage = new Stage(create());
      const first = await stage.serve(handles({ sync: () => true }));
      const { client, feed, states } = await stage.ready(stage.node('h1'));
      client.subscribe('cluster');
      await client.call('sync', {});
      await first[Symbol.asyncDispose]();
      const second = await stage.serve(handles({ sync: () => true }));
      await until('ready again', () => states.filter(([state]) => state === 'ready').length === 2);
      await client.call('sync', {});
      second.publish(message('cluster', 5, 6));
      await until('the delta', () => feed.length === 1);
    });

    test('is not for tokens, nor for users', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({ sync: () => true }));
      const token = await stage.connect(stage.token());
      const user = await stage.connect(stage.user('ana'));
      const node = await stage.connect(stage.node('h1'));
      for (const { client } of [token, user, node]) {
        client.subscribe('cluster');
        expect(await client.call('sync', {})).toBe(true);
      }
      server.publish(message('cluster', 0, 1));
      await until('the node has it', () => node.feed.length === 1);
      await pause(100);
      expect([token.feed, user.feed]).toEqual([[], []]);
    });
  });

  // A session's messages keep their order: what is answered behind metrics has found them taken, or dropped.
  describe('metrics', () => {
    test('arrive under the name of the session that they come in, whatever they say themselves', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ sync: () => true }));
      for (const [name, cpu] of [
        ['h1', 0.5],
        ['h2', 0.25],
      ] as const) {
        const { client } = await stage.ready(stage.node(name));
        client.pushMetrics({ node: 'h1', cpu });
        await client.call('sync', {});
      }
      expect(stage.metrics).toEqual([
        { node: 'h1', data: { node: 'h1', cpu: 0.5 } },
        { node: 'h2', data: { node: 'h1', cpu: 0.25 } },
      ]);
    });

    test('are not taken from tokens and users, whose sessions go on', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ sync: () => true }));
      for (const keys of [stage.token(), stage.user('ana')]) {
        const { client } = await stage.ready(keys);
        client.pushMetrics({ cpu: 1 });
        expect(await client.call('sync', {})).toBe(true);
      }
      expect(stage.metrics).toEqual([]);
      expect(stage.seen.map(({ connected }) => connected)).toEqual([true, true]);
    });

    test('are dropped without a session, not kept for the next', async () => {
      await using stage = new Stage(create());
      const first = await stage.serve(handles({}));
      await first[Symbol.asyncDispose]();
      const { client } = await stage.connect(stage.node('h1'));
      client.pushMetrics({ cpu: 1 });
      await stage.serve(handles({ sync: () => true }));
      await client.call('sync', {});
      client.pushMetrics({ cpu: 2 });
      await client.call('sync', {});
      expect(stage.metrics).toEqual([{ node: 'h1', data: { cpu: 2 } }]);
    });

    test('that are too large are dropped, and the session goes on', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ sync: () => true }));
      const { client } = await stage.ready(stage.node('h1'));
      client.pushMetrics('x'.repeat(64 * 1024));
      client.pushMetrics({ cpu: 1 });
      await client.call('sync', {});
      expect(stage.metrics).toEqual([{ node: 'h1', data: { cpu: 1 } }]);
      expect(stage.seen.map(({ connected }) => connected)).toEqual([true]);
    });

    test('that whoever takes them throws at end nothing', async () => {
      await using stage = new Stage(create());
      let heard = 0;
      const onMetrics = () => {
        heard += 1;
        throw new Error('no room');
      };
      await stage.serve(handles({ sync: () => true }), { onMetrics });
      const { client } = await stage.ready(stage.node('h1'));
      for (const cpu of [1, 2]) client.pushMetrics({ cpu });
      expect(await client.call('sync', {})).toBe(true);
      expect(heard).toBe(2);
      expect(stage.seen.map(({ connected }) => connected)).toEqual([true]);
    });

    test('of a node that may not speak any more are not taken, and end its session', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({}));
      const keys = stage.node('h1');
      const { client } = await stage.ready(keys);
      stage.peers.delete(keys.publicKey);
      client.pushMetrics({ cpu: 1 });
      await until('refused', () => client.state === 'refused');
      expect(stage.metrics).toEqual([]);
    });
  });

  test('beats arrive under the name of the session that they come in; nobody else has any', async () => {
    await using stage = new Stage(create());
    await stage.serve(handles({ sync: () => true }));
    for (const keys of [stage.node('h1'), stage.token(), stage.user('ana'), stage.node('h2')]) {
      const { client } = await stage.ready(keys);
      client.beat();
      await client.call('sync', {});
    }
    expect(stage.beats).toEqual(['h1', 'h2']);
    const keys = stage.node('h3');
    const { client } = await stage.ready(keys);
    stage.peers.delete(keys.publicKey);
    client.beat();
    await until('refused', () => client.state === 'refused');
    expect(stage.beats).toEqual(['h1', 'h2']);
  });

  describe('who may speak', () => {
    test('an unknown key is refused soon and with a sentence; once known, it is let in', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ echo: (x) => x }));
      const keys = stage.bus.generateKeys();
      const began = Date.now();
      const { client } = await stage.connect(keys);
      const failed = await outcome(client.call('echo', 1));
      expect(failed).toMatchObject({ code: 'denied' });
      expect(JSON.stringify(failed)).toMatch(/does not know this key.*trama token create/);
      expect(Date.now() - began).toBeLessThan(8000);
      expect(client.state).toBe('refused');
      stage.peers.set(keys.publicKey, { kind: 'node', key: keys.publicKey, node: 'h1' });
      await until('let in', () => client.state === 'ready', 7000);
      expect(await client.call('echo', 1)).toBe(1);
    });

    test('a key that another server has just made is let in after a look at what is new; nobody is refused unlooked', async () => {
      await using stage = new Stage(create());
      const keys = stage.bus.generateKeys();
      let looks = 0;
      const peerOf = (key: string) => stage.peers.get(key);
      const caughtUp = async () => {
        looks += 1;
        if (looks === 1) throw new Failure('unavailable', 'The store does not answer.');
        stage.peers.set(keys.publicKey, { kind: 'node', key: keys.publicKey, node: 'h1' });
      };
      await stage.serve(handles({ echo: (x) => x }), { gatekeeper: { peerOf, caughtUp } });
      const known = await stage.connect(stage.node('h2'));
      expect(await known.client.call('echo', 1)).toBe(1);
      expect(looks).toBe(0);
      const { client, states } = await stage.connect(keys);
      expect(await client.call('echo', 2)).toBe(2);
      expect(states.map(([state]) => state)).not.toContain('refused');
      expect(looks).toBe(2);
    });

    test('a server without the key that the client expects is refused by the client', async () => {
      await using stage = new Stage(create());
      let asked = 0;
      await stage.serve(handles({ echo: () => (asked += 1) }));
      const began = Date.now();
      const { client, states } = await stage.connect(stage.node('h1'), {
        server: { host, ports: stage.ports, key: stage.bus.generateKeys().publicKey },
      });
      const failed = await outcome(client.call('echo', 1));
      expect(failed).toMatchObject({ code: 'denied' });
      expect(JSON.stringify(failed)).toContain('does not hold the key that the token names');
      expect(Date.now() - began).toBeLessThan(8000);
      expect(states.at(-1)?.[0]).toBe('refused');
      expect(asked).toBe(0);
    });

    test('a key whose secret half the client does not hold gives nothing', async () => {
      await using stage = new Stage(create());
      let asked = 0;
      await stage.serve(handles({ echo: () => (asked += 1) }));
      const { client } = await stage.connect({
        publicKey: stage.node('h1').publicKey,
        secretKey: stage.bus.generateKeys().secretKey,
      });
      expect(await outcome(client.call('echo', 1, { deadlineMs: 1000 }))).toMatchObject({ code: 'denied' });
      expect(asked).toBe(0);
      expect(stage.seen).toEqual([]);
    });

    test('a token has a session, as a token, and several hosts may use it at once', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ who: (_, peer) => peer }));
      const keys = stage.token();
      const one = await stage.ready(keys);
      const two = await stage.ready(keys);
      for (const { client, states } of [one, two]) {
        expect(await client.call('who', {})).toEqual({ kind: 'token', key: keys.publicKey });
        expect(states).toEqual([['ready', '']]);
      }
    });

    test('a user has sessions in several windows', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({ who: (_, peer) => peer }));
      const keys = stage.user('ana');
      const [one, two] = [await stage.ready(keys), await stage.ready(keys)];
      for (const { client } of [one, two]) {
        expect(await client.call('who', {})).toEqual({ kind: 'user', key: keys.publicKey, user: 'ana' });
      }
    });

    test('a user whose right ends while nothing is asked loses what is open, and is told why, now and later', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({}, { quiet: async (stream) => void (await stream.result.catch(() => {})) }));
      const keys = stage.user('ana');
      const { client } = await stage.ready(keys);
      const stream = await client.open('quiet', {});
      const refused = 'The key of ana expired.';
      stage.peers.set(keys.publicKey, { kind: 'user', key: keys.publicKey, user: 'ana', refused });
      await expect(stream.result).rejects.toThrow(refused);
      const late = await stage.connect(keys);
      for (const each of [client, late.client])
        expect(await outcome(each.call('who', {}))).toMatchObject({ code: 'denied', message: refused });
      expect(late.states).toEqual([['refused', refused]]);
    });

    test('an unknown key is told what its holder asked to be told', async () => {
      await using stage = new Stage(create());
      await stage.serve(handles({}));
      const { client } = await stage.connect(stage.bus.generateKeys(), { unknownKey: 'Nobody knows ana.' });
      expect(await outcome(client.call('who', {}))).toMatchObject({ code: 'denied', message: 'Nobody knows ana.' });
    });

    test('an expelled node loses its session and its feed at once, the others keep theirs', async () => {
      await using stage = new Stage(create());
      const server = await stage.serve(handles({ sync: () => true }));
      const bad = stage.node('bad');
      const expelled = await stage.connect(bad);
      const other = await stage.connect(stage.node('good'));
      for (const { client } of [expelled, other]) {
        client.subscribe('cluster');
        await client.call('sync', {});
      }
      server.publish(message('cluster', 0, 1));
      await until('both hear', () => expelled.feed.length === 1 && other.feed.length === 1);

      stage.peers.delete(bad.publicKey);
      await server.expel(bad.publicKey);
      expect(server.connectedNodes()).toEqual(['good']);
      expect(await outcome(expelled.client.call('sync', {}))).toMatchObject({ code: 'denied' });
      let revision = 1;
      await until('the other hears again', () => {
        server.publish(message('cluster', revision, ++revision));
        return other.feed.length > 1;
      });
      await pause(100);
      expect(expelled.feed.length).toBe(1);
      expect(expelled.client.state).toBe('refused');
      expect(stage.seen.filter(({ peer }) => peer.node === 'good').map(({ connected }) => connected)).toEqual([true]);
      for (const { client } of [expelled, other]) client.pushMetrics({});
      await other.client.call('sync', {});
      expect(stage.metrics).toEqual([{ node: 'good', data: {} }]);
    });

    test('a right that ended without an expulsion ends at the next request', async () => {
      await using stage = new Stage(create());
      let asked = 0;
      await stage.serve(handles({ echo: () => (asked += 1) }));
      const keys = stage.token();
      const { client } = await stage.connect(keys);
      expect(await client.call('echo', 1)).toBe(1);
      stage.peers.delete(keys.publicKey);
      expect(await outcome(client.call('echo', 1))).toMatchObject({ code: 'denied' });
      expect(asked).toBe(1);
    });
  });
}
