import { expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import type { ContainerView } from '../../protocol/views.ts';
import { runCli } from './cli.ts';
import { fakeCluster, web } from './testing/fake-cluster.ts';
import { FakeIo } from './testing/fake-io.ts';

/** `trama ps --watch` beside a server that tells of changes. */
function watched(words: readonly string[], tty = false) {
  const containers: ContainerView[] = [web];
  const streams: ByteStream[] = [];
  const api = fakeCluster().on('workload.list', () => containers);
  api.onOpen((stream) => void streams.push(stream));
  const io = new FakeIo({ api, tty });
  const code = runCli(['ps', ...words], io);
  const tell = async (...changed: string[]) => {
    await vi.waitFor(() => expect(streams).not.toHaveLength(0));
    await streams.at(-1)?.send(channels.stdout, Buffer.from(`${JSON.stringify({ cluster: 'c', changed })}\n`));
  };
  return { api, io, code, containers, streams, tell };
}

test('shows the list, shows it again when it has changed, and ends with Ctrl-C', async () => {
  const { io, code, containers, tell, api } = watched(['-q', '--watch']);
  await tell('nodes', 'networks', 'containers');
  await vi.waitFor(() => expect(io.out).toBe(`${web.id}\n`));
  containers.push({ ...web, id: 'bbbbbbbbbbbb' });
  await tell('nodes');
  await tell('containers');
  await vi.waitFor(() => expect(io.out).toBe(`${web.id}\n${web.id}\nbbbbbbbbbbbb\n`));
  // Nothing that is shown has changed.
  await tell('containers');
  await vi.waitFor(() => expect(api.methodsAsked()).toHaveLength(3));
  io.raise('SIGINT');
  expect(await code).toBe(130);
  expect(io.out).toBe(`${web.id}\n${web.id}\nbbbbbbbbbbbb\n`);
});

test('on a terminal each takes the place of the one before', async () => {
  const { io, code, tell } = watched(['-q', '-w'], true);
  await tell('containers');
  await vi.waitFor(() => expect(io.out).toBe(`\x1b[H\x1b[J${web.id}\n`));
  io.raise('SIGINT');
  expect(await code).toBe(130);
});

test('a server that goes is waited for, and the next one asked', async () => {
  const { io, code, containers, streams, tell } = watched(['-q', '-w']);
  await tell('containers');
  await vi.waitFor(() => expect(io.out).not.toBe(''));
  containers.pop();
  streams[0]?.reset(new Failure('unavailable', 'the server is gone'));
  await vi.waitFor(() => expect(streams).toHaveLength(2));
  expect(io.err).toBe('trama: the server is gone\n');
  containers.push({ ...web, id: 'bbbbbbbbbbbb' });
  await tell('containers');
  await vi.waitFor(() => expect(io.out).toBe(`${web.id}\nbbbbbbbbbbbb\n`));
  io.raise('SIGTERM');
  expect(await code).toBe(130);
});

test('Ctrl-C ends it at once, also while no server answers', async () => {
  const api = fakeCluster();
  const asked = Promise.withResolvers<void>();
  api.open = () => {
    asked.resolve();
    return new Promise(() => {});
  };
  const io = new FakeIo({ api });
  const code = runCli(['ps', '--watch'], io);
  await asked.promise;
  io.raise('SIGINT');
  expect(await code).toBe(130);
});
