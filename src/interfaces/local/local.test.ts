import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { silentLog } from '../../platform/log.ts';
import type { Api, ByteStream, CallOptions, OpenOptions } from '../../protocol/api.ts';
import { streamWindow } from '../../protocol/inbox.ts';
import { streamPair } from '../../protocol/streams.ts';
import { connectLocalApi } from './client.ts';
import { serveLocalApi } from './server.ts';

let directory: string;
let socketPath: string;
let opened: { method: string; params: unknown; options: OpenOptions | undefined; stream: ByteStream }[];
let asked: { method: string; params: unknown; options: CallOptions | undefined }[];
let answer: (method: string) => Promise<unknown>;
const stack: AsyncDisposable[] = [];

const api: Api = {
  async call(method, params, options) {
    asked.push({ method, params, options });
    return answer(method);
  },
  async open(method, params, options) {
    if ((params as { name: string }).name === 'nobody') throw new Failure('not-found', 'There is no container nobody.');
    const [near, far] = streamPair();
    opened.push({ method, params, options, stream: far });
    return near;
  },
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-local-'));
  socketPath = join(directory, 'run', 'agent.sock');
  opened = [];
  asked = [];
  answer = async () => ({});
});

afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function serve(path = socketPath): Promise<AsyncDisposable> {
  const served = await serveLocalApi({ socketPath: path, api, log: silentLog });
  stack.push(served);
  return served;
}

const connect = (...paths: string[]): Api =>
  connectLocalApi({ socketPaths: paths.length === 0 ? [socketPath] : paths });

/** The one stream that the server was asked for. */
function far(): ByteStream {
  const [one] = opened;
  if (one === undefined) throw new Error('no stream was opened');
  return one.stream;
}

async function textOf(stream: ByteStream): Promise<string> {
  let text = '';
  for await (const { channel, data } of stream) text += `${channel}:${Buffer.from(data)} `;
  return text;
}

const exec = { name: 'web', command: ['sh'], tty: false, stdin: true, env: [] };

describe('calls', () => {
  test('are answered, with defaults filled in and their deadline and id passed on', async () => {
    await serve();
    answer = async () => [{ name: 'app' }];
    const result = await connect().call('network.create', { name: 'app' }, { deadlineMs: 1234, id: 'x' });
    expect(result).toEqual([{ name: 'app' }]);
    expect(asked).toEqual([
      {
        method: 'network.create',
        params: { name: 'app', driver: 'overlay', discovery: 'registry', internal: false, options: {}, dryRun: false },
        options: { deadlineMs: 1234, id: 'x' },
      },
    ]);
  });

  test('fail with the same code and sentence', async () => {
    await serve();
    answer = () => Promise.reject(new Failure('conflict', 'app exists already: choose another name.'));
    await expect(connect().call('network.remove', { name: 'app' })).rejects.toMatchObject({
      name: 'Failure',
      code: 'conflict',
      message: 'app exists already: choose another name.',
    });
    answer = () => Promise.reject(new Error('oops'));
    await expect(connect().call('node.list', {})).rejects.toMatchObject({ code: 'internal', message: 'oops' });
  });

  test.each([
    ['node.nothing', {}, /^There is no method "node.nothing"/, 'not-found'],
    ['toString', {}, /^There is no method "toString"/, 'not-found'],
    ['node.inspect', {}, /^node.inspect: name is missing: string is expected\.$/],
    ['node.drain', { name: 'h1', drained: 'yes' }, /^node.drain: drained is not/],
    ['workload.run', { spec: { image: 1 } }, /^workload.run: spec.image is not/],
  ])('%s with %j is refused before anybody is asked', async (method, params, message, code = 'invalid') => {
    await serve();
    await expect(connect().call(method, params)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(asked).toEqual([]);
  });

  test('many at once', async () => {
    await serve();
    answer = async (method) => method;
    const client = connect();
    const all = await Promise.all(Array.from({ length: 50 }, () => client.call('node.list', {})));
    expect(new Set(all)).toEqual(new Set(['node.list']));
  });

  test('a body that is too large or no JSON is refused', async () => {
    await serve();
    await expect(connect().call('node.inspect', { name: 'x'.repeat(2e6) })).rejects.toMatchObject({ name: 'Failure' });
    const socket = createConnection(socketPath);
    socket.write('POST /v1/call HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nconnection: close\r\n\r\n{x}');
    expect(await received(socket)).toMatch(/^HTTP\/1.1 400[\s\S]*"code":"invalid"/);
  });
});

async function received(socket: Socket): Promise<string> {
  let text = '';
  for await (const data of socket) text += data;
  return text;
}

describe('who is there', () => {
  test('no daemon: what to do', async () => {
    const client = connect(socketPath, join(directory, 'server.sock'));
    const refused = {
      code: 'unavailable',
      message: expect.stringContaining('no Trama agent or server runs on this host'),
    };
    await expect(client.call('node.list', {})).rejects.toMatchObject(refused);
    await expect(client.open('workload.exec', exec)).rejects.toMatchObject(refused);
  });

  describe('whose asker goes away', () => {
    /** Asks and hangs up when the daemon has been asked. */
    async function hangUp(body: object): Promise<void> {
      const socket = createConnection(socketPath);
      socket.on('error', () => {});
      const text = JSON.stringify(body);
      socket.write(`POST /v1/call HTTP/1.1\r\nhost: trama\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      await vi.waitFor(() => expect(asked).toHaveLength(1));
      socket.destroy();
    }

    test('are withdrawn, and what is asked next goes after that', async () => {
      await serve();
      const withdrawn = Promise.withResolvers<unknown>();
      answer = (method) => (method === 'request.withdraw' ? withdrawn.promise : new Promise(() => {}));
      await hangUp({ method: 'network.create', params: { name: 'app' } });
      await vi.waitFor(() => expect(asked).toHaveLength(2));
      expect(asked[1]).toMatchObject({ method: 'request.withdraw', params: { request: asked[0]?.options?.id } });
      answer = async () => ({});
      const next = connect().call('network.remove', { name: 'app' });
      // What the daemon answers itself does not wait.
      await connect().call('agent.status', {});
      expect(asked.map(({ method }) => method)).toEqual(['network.create', 'request.withdraw', 'agent.status']);
      withdrawn.resolve({});
      await next;
      expect(asked.at(-1)?.method).toBe('network.remove');
    });

    test('stay asked under an id of the asker’s own, and what was answered is not withdrawn', async () => {
      await serve();
      answer = () => new Promise(() => {});
      await hangUp({ method: 'network.create', params: { name: 'app' }, id: 'mine' });
      answer = async () => ({});
      await connect().call('network.list', {});
      await connect().call('network.list', {});
      expect(asked.map(({ method }) => method)).toEqual(['network.create', 'network.list', 'network.list']);
    });
  });

  test('the first that answers is used', async () => {
    const server = join(directory, 'run', 'server.sock');
    await serve(server);
    await connect(socketPath, server).call('node.list', {});
    expect(asked).toHaveLength(1);
  });

  test('the socket is for root only', async () => {
    await serve();
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'run'))).mode & 0o777).toBe(0o700);
  });

  test('a second daemon is refused, and the first goes on', async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('already running'),
    });
    await connect().call('node.list', {});
  });

  test('the socket of a killed daemon is replaced; another file is not', async () => {
    await killed(socketPath);
    await serve();
    await connect().call('node.list', {});
    const other = join(directory, 'run', 'other');
    await writeFile(other, 'precious');
    await expect(serve(other)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('not a socket'),
    });
  });

  test('a daemon that ends takes its socket, calls and streams with it', async () => {
    const served = await serve();
    answer = () => new Promise(() => {});
    const call = connect().call('node.list', {});
    const stream = await connect().open('workload.exec', exec);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    await Promise.all([
      expect(call).rejects.toMatchObject({ code: 'unavailable' }),
      expect(textOf(stream)).rejects.toMatchObject({ code: 'unavailable' }),
      served[Symbol.asyncDispose](),
    ]);
    await expect(stat(socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('one that accepts and says nothing is given up at the deadline', async () => {
    const mute = createServer(() => {});
    const path = join(directory, 'mute.sock');
    await new Promise<void>((resolve) => mute.listen(path, resolve));
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const call = expect(connect(path).call('node.list', {}, { deadlineMs: 100 })).rejects.toMatchObject({
        code: 'deadline',
      });
      await vi.advanceTimersByTimeAsync(3000);
      await call;
    } finally {
      vi.useRealTimers();
      mute.close();
    }
  });
});

/** Leaves a socket file that nobody listens on, as kill -9 does. */
async function killed(path: string): Promise<void> {
  const { mkdir, link, unlink } = await import('node:fs/promises');
  await mkdir(join(directory, 'run'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.first`, resolve));
  await link(`${path}.first`, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await unlink(`${path}.first`).catch(() => {});
}

describe('streams', () => {
  test('carry both directions, their ends and results', async () => {
    await serve();
    const stream = await connect().open('workload.exec', exec, { deadlineMs: 1234 });
    expect(opened[0]).toMatchObject({ method: 'workload.exec', params: exec, options: { deadlineMs: 1234 } });
    await stream.send(0, Buffer.from('ls\n'));
    stream.end('no more');
    expect(await textOf(far())).toBe('0:ls\n ');
    expect(await far().result).toBe('no more');
    await far().send(1, Buffer.from('file\n'));
    await far().send(2, Buffer.from(''));
    far().end({ exitCode: 3 });
    expect(await textOf(stream)).toBe('1:file\n 2: ');
    expect(await stream.result).toEqual({ exitCode: 3 });
  });

  test('large data arrives whole', async () => {
    await serve();
    const stream = await connect().open('workload.exec', exec);
    const data = Buffer.alloc(3_000_001, 'abcdefg');
    const sending = far()
      .send(1, data)
      .then(() => far().end());
    const parts: Uint8Array[] = [];
    for await (const chunk of stream) parts.push(chunk.data);
    await sending;
    expect(Buffer.concat(parts).equals(data)).toBe(true);
  });

  test.each([
    ['workload.exec', { ...exec, name: 'nobody' }, 'not-found', 'There is no container nobody.'],
    ['workload.nothing', exec, 'not-found', expect.stringContaining('There is no stream "workload.nothing"')],
    ['workload.exec', { name: 'web' }, 'invalid', expect.stringContaining('workload.exec: command is missing')],
  ])('that cannot begin fail at once: %s', async (method, params, code, message) => {
    await serve();
    await expect(connect().open(method, params)).rejects.toMatchObject({ name: 'Failure', code, message });
  });

  test('a reader that does not read holds the writer back, through both processes', async () => {
    await serve();
    const stream = await connect().open('workload.exec', exec);
    let sent = 0;
    const total = 400;
    const writing = (async () => {
      for (; sent < total; sent++) await far().send(1, Buffer.alloc(64 * 1024));
      far().end();
    })();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // Windows of the pair and of the stream, and the kernel's and Node's buffers.
    expect(sent * 64 * 1024).toBeLessThan(8 * streamWindow);
    let bytes = 0;
    for await (const { data } of stream) bytes += data.length;
    await writing;
    expect(bytes).toBe(total * 64 * 1024);
  });

  test('the same from the client to the daemon', async () => {
    await serve();
    const stream = await connect().open('workload.exec', exec);
    let sent = 0;
    const writing = (async () => {
      for (; sent < 200; sent++) await stream.send(0, Buffer.alloc(64 * 1024));
      stream.end();
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sent * 64 * 1024).toBeLessThan(8 * streamWindow);
    let bytes = 0;
    for await (const { data } of far()) bytes += data.length;
    await writing;
    expect(bytes).toBe(200 * 64 * 1024);
  });

  test('a reset reaches the other side with its reason, in both directions, also a writer that waits', async () => {
    await serve();
    const one = await connect().open('workload.exec', exec);
    const stuck = (async () => {
      for (;;) await one.send(0, Buffer.alloc(64 * 1024));
    })();
    far().reset(new Failure('not-found', 'The container is gone.'));
    await expect(stuck).rejects.toMatchObject({ code: 'not-found', message: 'The container is gone.' });
    await expect(one.result).rejects.toMatchObject({ code: 'not-found' });
    opened.length = 0;
    const two = await connect().open('workload.exec', exec);
    two.reset(new Failure('unavailable', 'enough'));
    await expect(textOf(far())).rejects.toMatchObject({ code: 'unavailable', message: 'enough' });
    await expect(two.send(0, Buffer.from('x'))).rejects.toMatchObject({ message: 'enough' });
  });

  test('a client that dies resets the far end', async () => {
    await serve();
    const socket = createConnection(socketPath);
    socket.write('POST /v1/stream HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: trama-stream\r\n\r\n');
    const body = JSON.stringify({ method: 'workload.exec', params: exec });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 0);
    head.writeUInt8(16, 4);
    socket.write(Buffer.concat([head, Buffer.from(body)]));
    await vi.waitFor(() => expect(opened).toHaveLength(1));
    socket.destroy();
    await expect(textOf(far())).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each([
    ['a frame larger than any', Buffer.from([0xff, 0, 0, 0, 1])],
    ['an unknown type', Buffer.from([0, 0, 0, 0, 99])],
    ['bad JSON', Buffer.from([0, 0, 0, 1, 16, 0x7b])],
  ])('%s ends the connection, and only that', async (_what, bytes) => {
    await serve();
    const socket = createConnection(socketPath);
    socket.write('POST /v1/stream HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: trama-stream\r\n\r\n');
    socket.write(bytes);
    expect(await received(socket)).toContain('"code":"invalid"');
    await connect().call('node.list', {});
  });
});
