/** Streams as WebSockets, on a local socket, with an Api that answers as told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Failure } from '../../domain/domain.ts';
import { silentLog } from '../../platform/platform.ts';
import { type ByteStream, channels, type StreamChunk, writeControl } from '../../protocol/protocol.ts';
import { serveLocalApi } from '../local/server.ts';
import { FakeApi } from './testing/fake-api.ts';

let directory: string;
let socketPath: string;
let api: FakeApi;
let served: AsyncDisposable;
const sockets: WebSocket[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-api-'));
  socketPath = join(directory, 'api.sock');
  api = new FakeApi();
  served = await serveLocalApi({ socketPath, api, log: silentLog });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await served[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const exec = '/v1/workload.exec?name=web&command=sh&command=-c&command=exit%2042&tty&stdin';

function connect(path = exec, protocols: string[] = ['trama.v1']): WebSocket {
  const socket = new WebSocket(`ws+unix:${socketPath}:${path}`, protocols);
  sockets.push(socket);
  return socket;
}

/** What comes, by channel, until it is closed. */
async function heard(socket: WebSocket): Promise<{ readonly messages: [number, string][]; readonly code: number }> {
  const messages: [number, string][] = [];
  socket.on('message', (data: Buffer) => messages.push([data[0] ?? -1, data.subarray(1).toString()]));
  const code = await new Promise<number>((resolve) => socket.on('close', resolve));
  return { messages, code };
}

const sent = (channel: number, data: string | Uint8Array) => Buffer.concat([Buffer.of(channel), Buffer.from(data)]);
const opened = (socket: WebSocket) => new Promise((resolve) => socket.on('open', resolve));

test('both ways by channels, and at the end what it ended with', async () => {
  const got: StreamChunk[] = [];
  // Leaving the iteration early would reset the stream: it is read by hand.
  api.serve = async (near) => {
    await near.send(channels.stdout, Buffer.from('# '));
    const reader = near[Symbol.asyncIterator]();
    for (const _ of [1, 2]) got.push((await reader.next()).value);
    await near.send(channels.stderr, Buffer.from('oh'));
    near.end({ exitCode: 42 });
  };
  const socket = connect();
  const all = heard(socket);
  await opened(socket);
  expect(socket.protocol).toBe('trama.v1');
  socket.send(sent(channels.stdin, 'ls\n'));
  const resize = writeControl({ type: 'resize', columns: 100, rows: 30 });
  socket.send(sent(channels.control, resize));
  expect(await all).toEqual({
    messages: [
      [channels.stdout, '# '],
      [channels.stderr, 'oh'],
      [channels.control, '{"type":"end","result":{"exitCode":42}}'],
    ],
    code: 1000,
  });
  expect(got.map(({ channel, data }) => [channel, Buffer.from(data).toString()])).toEqual([
    [channels.stdin, 'ls\n'],
    [channels.control, Buffer.from(resize).toString()],
  ]);
  expect(api.asked[0]).toMatchObject({
    method: 'workload.exec',
    params: { name: 'web', command: ['sh', '-c', 'exit 42'], tty: true, stdin: true, env: [] },
  });
});

test('one side can end, and hear on', async () => {
  api.serve = async (near) => {
    let size = 0;
    for await (const { data } of near) size += data.length;
    near.end({ size });
  };
  const socket = connect('/v1/workload.extract?name=web&path=%2Ftmp');
  const all = heard(socket);
  await opened(socket);
  socket.send(sent(channels.stdin, 'tar'));
  socket.send(sent(channels.control, '{"type":"end"}'));
  expect((await all).messages).toEqual([[channels.control, '{"type":"end","result":{"size":3}}']]);
});

test('a failure is told, and ends it', async () => {
  api.serve = (near) => near.reset(new Failure('unavailable', 'node h2 went away'));
  expect(await heard(connect())).toEqual({
    messages: [[channels.control, '{"type":"failure","code":"unavailable","message":"node h2 went away"}']],
    code: 1011,
  });
});

const refusal = (socket: WebSocket) =>
  new Promise<string>((resolve) => {
    socket.on('error', () => {});
    socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    });
  });

test('what cannot begin is refused as any other request', async () => {
  expect(await refusal(connect('/v1/workload.exec?command=ls'))).toMatch(/^400 .*name/);
  expect(await refusal(connect('/v1/node.list'))).toMatch(/^400 .*is no stream/);
  expect(await refusal(connect('/v1/nothing'))).toMatch(/^404 /);
  expect(await refusal(connect(exec, []))).toMatch(/^400 .*trama\.v1/);
  expect(api.asked).toEqual([]);
  api.open = async () => {
    throw new Failure('denied', 'user vic (viewer) may not run commands in containers');
  };
  expect(await refusal(connect())).toMatch(/^403 .*"user vic \(viewer\) may not run/);
});

test.each([
  ['a text', 'ls'],
  ['a channel that is not theirs', sent(channels.stdout, 'x')],
  ['a control that is not JSON', sent(channels.control, '{')],
  ['nothing', Buffer.alloc(0)],
])('%s ends it on both sides', async (_, message) => {
  const over = Promise.withResolvers<unknown>();
  api.serve = (near) => near.result.catch(over.resolve);
  const socket = connect();
  const all = heard(socket);
  await opened(socket);
  socket.send(message);
  expect((await all).messages[0]?.[1]).toMatch(/"type":"failure","code":"invalid"/);
  expect(await over.promise).toMatchObject({ code: 'invalid' });
});

test('who goes away ends the stream', async () => {
  const over = Promise.withResolvers<unknown>();
  api.serve = (near) => near.result.catch(over.resolve);
  const socket = connect();
  await opened(socket);
  socket.terminate();
  expect(await over.promise).toMatchObject({ code: 'unavailable' });
});

const standsStill = async (value: () => number) => {
  let before = -1;
  const still = () => {
    const same = value() === before;
    before = value();
    return same;
  };
  await expect.poll(still, { interval: 200, timeout: 10_000 }).toBe(true);
};

test('a slow reader holds the writer', async () => {
  let bytes = 0;
  const write = async (near: ByteStream) => {
    for (;;) {
      await near.send(channels.stdout, Buffer.alloc(64 * 1024));
      bytes += 64 * 1024;
    }
  };
  // It ends with its reader.
  api.serve = (near) => write(near).catch(() => {});
  const socket = connect('/v1/workload.logs?name=web&follow');
  await opened(socket);
  socket.pause();
  await standsStill(() => bytes);
  expect(bytes).toBeLessThan(4 * 1024 * 1024);
});

test('a container that does not read holds who writes', async () => {
  api.serve = () => {};
  const socket = connect('/v1/workload.extract?name=web&path=%2Ftmp');
  await opened(socket);
  let taken = 0;
  const message = sent(channels.stdin, Buffer.alloc(64 * 1024));
  for (let n = 0; n < 200; n += 1)
    socket.send(message, () => {
      taken += message.length;
    });
  await standsStill(() => taken);
  expect(taken).toBeLessThan(6 * 1024 * 1024);
});
