import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '../../platform/log.ts';
import { type Api, type ByteStream, channels } from '../../protocol/api.ts';
import { streamPair } from '../../protocol/streams.ts';
import { connectLocalApi } from './client.ts';
import { beginStream } from './early.ts';
import { serveLocalApi } from './server.ts';

let directory: string;
let socketPath: string;
let opened: { method: string; params: unknown; stream: ByteStream }[];
const stack: AsyncDisposable[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-early-'));
  socketPath = join(directory, 'run', 'agent.sock');
  opened = [];
});
afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function serve(path = socketPath): Promise<void> {
  const api: Api = {
    call: async () => ({}),
    async open(method, params) {
      const [near, far] = streamPair();
      opened.push({ method, params, stream: far });
      return near;
    },
  };
  stack.push(await serveLocalApi({ socketPath: path, api, log: silentLog }));
}

const params = { name: 'web', command: ['true'], tty: false, stdin: false, env: [] };

test('what was begun early is what is opened, with all that came meanwhile; the next is another', async () => {
  await serve();
  const early = beginStream(socketPath, 'workload.exec', params);
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  await opened[0]?.stream.send(channels.stdout, Buffer.from('x'.repeat(100_000)));
  opened[0]?.stream.end({ exitCode: 0 });
  const api = connectLocalApi({ socketPaths: [socketPath], early });
  const stream = await api.open('workload.exec', params);
  let bytes = 0;
  for await (const { data } of stream) bytes += data.length;
  expect(bytes).toBe(100_000);
  expect(await stream.result).toEqual({ exitCode: 0 });
  stream.end();
  expect(opened).toHaveLength(1);
  await api.open('workload.exec', params);
  expect(opened).toHaveLength(2);
});

test('when nobody is there the next is asked', async () => {
  const other = join(directory, 'run', 'server.sock');
  await serve(other);
  const early = beginStream(socketPath, 'workload.exec', params);
  await vi.waitFor(() => expect(early.failure).toBeDefined());
  await connectLocalApi({ socketPaths: [socketPath, other], early }).open('workload.exec', params);
  expect(opened).toHaveLength(1);
});

test('whoever goes away in between is not asked again: it may have begun', async () => {
  await serve();
  const early = beginStream(socketPath, 'workload.exec', params);
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  await stack.pop()?.[Symbol.asyncDispose]();
  const api = connectLocalApi({ socketPaths: [socketPath], early });
  await expect(
    api.open('workload.exec', params).then(async (stream) => {
      await stream.result;
    }),
  ).rejects.toMatchObject({ code: 'unavailable' });
  expect(opened).toHaveLength(1);
});

test('anything else than what was begun is not done beside it', async () => {
  await serve();
  const early = beginStream(socketPath, 'workload.exec', params);
  const api = connectLocalApi({ socketPaths: [socketPath], early });
  const other = { ...params, command: ['false'] };
  await expect(api.open('workload.exec', other)).rejects.toMatchObject({ code: 'internal' });
});
