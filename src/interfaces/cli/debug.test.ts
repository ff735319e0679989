import { describe, expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import { runCli } from './cli.ts';
import { fakeCluster, web } from './testing/fake-cluster.ts';
import { FakeIo, type FakeIoOptions, trama } from './testing/fake-io.ts';

const ending = (exitCode: number) => (stream: ByteStream) => stream.end({ exitCode });

async function opened(line: string, options: FakeIoOptions = {}) {
  const api = fakeCluster().onOpen(ending(0));
  const { code, err } = await trama(line, { ...options, api });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(api.opened[0]?.method).toBe('workload.debug');
  return api.opened[0]?.params;
}

describe('debug', () => {
  const plain = { name: 'web', command: [], tty: false, stdin: false, env: [] };

  test.each([
    ['debug web', plain],
    ['debug web --host-tools', plain],
    ['debug web --host-tools ip -j addr', { ...plain, command: ['ip', '-j', 'addr'] }],
    ['debug --host-tools web ss -tln', { ...plain, command: ['ss', '-tln'] }],
    ['debug web --host-tools -- ip addr', { ...plain, command: ['ip', 'addr'] }],
    ['debug web -- ip addr', { ...plain, command: ['ip', 'addr'] }],
    ['debug web alpine -- ps -ef', { ...plain, image: 'alpine', command: ['ps', '-ef'] }],
    ['debug web alpine', { ...plain, image: 'alpine' }],
    [
      'debug -i -e A=1 web alpine:3 ps -ef',
      { ...plain, image: 'alpine:3', command: ['ps', '-ef'], stdin: true, env: ['A=1'] },
    ],
    ['debug h2/other', { ...plain, name: 'h2/other' }],
    [`debug ${web.id}`, plain],
  ])('%s', async (line, params) => expect(await opened(line)).toEqual(params));

  test('is interactive on a terminal, without being told', async () => {
    expect(await opened('debug web', { tty: true, env: { TERM: 'vt100' } })).toEqual({
      ...plain,
      tty: true,
      stdin: true,
      env: ['TERM=vt100'],
    });
  });

  test('tells progress on stderr, output on stdout, and ends with the exit code', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void stream.send(channels.control, Buffer.from('{"type":"progress","message":"pulling alpine"}'));
      void stream.send(channels.stdout, Buffer.from('1 nginx\n'));
      stream.end({ exitCode: 4 });
    });
    const { code, out, err } = await trama('debug web alpine ps', { api });
    expect({ code, out, err }).toEqual({ code: 4, out: '1 nginx\n', err: 'web: pulling alpine\n' });
  });

  test('Ctrl-C ends it on the other side too', async () => {
    const api = fakeCluster();
    const io = new FakeIo({ api });
    const ended = runCli(['debug', 'web', 'alpine', 'sleep', '100'], io);
    await expect.poll(() => api.opened.length).toBe(1);
    const far = api.opened[0]?.stream as ByteStream;
    await expect.poll(() => io.raise('SIGINT')).toBe(true);
    expect(await ended).toBe(130);
    await expect(far.result).rejects.toThrow();
  });

  test('what cannot be is said', async () => {
    const api = fakeCluster().onOpen((stream) => stream.reset(new Failure('not-found', 'No such image: alpine')));
    expect(await trama('debug web alpine', { api })).toMatchObject({ code: 1, err: 'trama: no such image: alpine\n' });
    expect(await trama('debug web Not:An:Image', { api })).toMatchObject({ code: 2 });
  });

  test('a command that cannot be run is said, as by exec', async () => {
    const error = 'node h1 has no executable nope: check the command';
    const api = fakeCluster().onOpen((stream) => stream.end({ exitCode: 127, error }));
    expect(await trama('debug web --host-tools nope', { api })).toMatchObject({ code: 127, err: `trama: ${error}\n` });
  });

  test('only what has begun can be lost', async () => {
    const registry = new Failure('unavailable', 'The registry of nope:1 cannot be reached from this host.');
    const api = fakeCluster().onOpen((stream) => stream.reset(registry));
    const { code, err } = await trama('debug web nope:1', { api });
    expect({ code, err }).toEqual({
      code: 1,
      err: 'trama: the registry of nope:1 cannot be reached from this host\n',
    });
    const begun = fakeCluster().onOpen((stream) => {
      void stream.send(channels.stdout, Buffer.from('1 nginx\n'));
      setTimeout(() => stream.reset(new Failure('unavailable', 'the agent of h1 went away')), 20);
    });
    expect((await trama('debug web alpine ps', { api: begun })).err).toBe(
      'trama: the connection to web was lost, and the tools end with it: the agent of h1 went away\n',
    );
  });
});
