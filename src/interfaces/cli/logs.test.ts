import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import { writeControl } from '../../protocol/control.ts';
import { runCli } from './cli.ts';
import { fakeCluster, now } from './testing/fake-cluster.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

describe('logs', () => {
  test('go to the stream that they came from', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void (async () => {
        await stream.send(channels.stdout, Buffer.from('a\n'));
        await stream.send(channels.stderr, Buffer.from('b\n'));
        stream.end();
      })();
    });
    expect(await trama('logs --tail 5 -t web', { api })).toMatchObject({ code: 0, out: 'a\n', err: 'b\n' });
    expect(api.opened[0]?.params).toEqual({ name: 'web', follow: false, tail: 5, timestamps: true });
  });

  test('a reader that left ends them', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void (async () => {
        for (;;) await stream.send(channels.stdout, Buffer.from('x\n'));
      })().catch(() => {});
    });
    expect(await trama('logs -f web', { api, closesAfter: 3 })).toMatchObject({ code: 0, err: '' });
  });

  test('Ctrl-C ends them', async () => {
    const api = fakeCluster();
    const io = new FakeIo({ api });
    const running = runCli(['logs', '-f', 'web'], io);
    await vi.waitFor(() => expect(api.opened).toHaveLength(1));
    await vi.waitFor(() => expect(io.raise('SIGINT')).toBe(true));
    expect(await running).toBe(130);
    expect(io.err).toBe('');
  });

  test('of a part of time', async () => {
    const api = fakeCluster().onOpen((stream) => stream.end());
    await trama('logs --since 10m --until 2023-11-14T22:10:00Z web', { api });
    expect(api.opened[0]?.params).toMatchObject({ since: now - 600_000, until: Date.parse('2023-11-14T22:10:00Z') });
    expect(await trama('logs --since 1700000000 --until 1h web', { api })).toMatchObject({ code: 2 });
  });

  test('go on when their connection is lost, without a word twice', async () => {
    const at = { at: '2026-11-21T10:00:00.000000001Z', count: 1 };
    const position = writeControl({ type: 'position', ...at });
    const serve = async (stream: ByteStream, params: unknown) => {
      if ((params as { after?: unknown }).after === undefined) {
        await stream.send(channels.stdout, Buffer.from('one\n'));
        await stream.send(channels.control, position);
        await stream.send(channels.stderr, Buffer.from('tw'));
        await new Promise((resolve) => setTimeout(resolve, 5));
        stream.reset(new Failure('unavailable', 'the server went away'));
      } else {
        await stream.send(channels.control, position);
        await stream.send(channels.stderr, Buffer.from('two\n'));
        stream.end();
      }
    };
    const api = fakeCluster().onOpen((stream, params) => void serve(stream, params));
    expect(await trama('logs -f --tail 3 web', { api })).toMatchObject({ code: 0, out: 'one\n', err: 'two\n' });
    expect(api.opened.map(({ params }) => params)).toMatchObject([{ tail: 3 }, { tail: 3, after: at }]);
  });

  test('that are not followed are cut off, which is said with a code of its own', async () => {
    const api = fakeCluster().onOpen((stream) => stream.reset(new Failure('unavailable', 'the server went away')));
    expect(await trama('logs web', { api })).toMatchObject({
      code: 125,
      err: 'trama: the connection to web was lost, and its log is cut off: ask for it again: the server went away\n',
    });
  });
});
