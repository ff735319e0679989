import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { type Piped, silentLog, spawn, startPiped } from '../platform/platform.ts';
import { type ByteStream, channels, streamPair } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime, ContainerSpec } from '../runtimes/runtimes.ts';
import { Debug, type Debugged } from './debug.ts';

const web: ContainerInfo = {
  id: 'id-web',
  name: 'web',
  image: 'i',
  state: 'running',
  pid: 4711,
  labels: {},
  networks: [],
};
const asked: Debugged = { name: 'web', command: [], tty: false, stdin: false, env: [] };

/** An engine whose containers of tools print what they are told and end with 5. */
function scene(target: ContainerInfo = web) {
  const calls: string[] = [];
  const specs: ContainerSpec[] = [];
  const running: ByteStream[] = [];
  const left = { ...web, id: 'id-left', name: 'web-debug-0', labels: { 'trama.debug': 'web', 'trama.node': 'h1' } };
  const listed: ContainerInfo[] = [web, left];
  const runtime = {
    ensureImage: async (image: string, progress: (message: string) => void) => {
      if (image.endsWith('unknown')) throw new Failure('not-found', `No such image: ${image}`);
      progress(`pulling ${image}`);
    },
    create: async (name: string, spec: ContainerSpec, labels: Record<string, string>) => {
      specs.push(spec);
      listed.push({ ...web, id: 'id-tools', name, labels });
      return 'id-tools';
    },
    attach: async () => {
      const [mine, theirs] = streamPair();
      running.push(theirs);
      return mine;
    },
    start: async (id: string) => void calls.push(`start ${id}`),
    remove: async (id: string) => void calls.push(`remove ${id}`),
    list: async () => listed,
    inspect: async () => target,
  } as unknown as ContainerRuntime;
  const converse = vi.fn(
    (_argv: [string, ...string[]], _env: Readonly<Record<string, string>>): Piped =>
      startPiped(['sh', '-c', 'cat; exit 3']),
  );
  const debug = new Debug({
    ...{ node: 'h1', runtime, converse, log: silentLog },
    find: async () => target,
    spawn,
    clock: { now: () => 36, sleep: async () => {} },
  });
  return { debug, calls, specs, running, converse };
}

const textOf = async (stream: ByteStream) => {
  const parts: string[] = [];
  for await (const { channel, data } of stream) parts.push(`${channel}:${Buffer.from(data)}`);
  return parts;
};

describe('tools from an image', () => {
  test('join both namespaces, carry their streams, and are gone when their end is told', async () => {
    const { debug, calls, specs, running } = scene();
    const stream = await debug.open({ ...asked, image: 'tools', command: ['ps'] });
    await vi.waitFor(() => expect(running.length).toBe(1));
    await running[0]?.send(channels.stdout, Buffer.from('hello'));
    running[0]?.end({ exitCode: 5 });
    expect(await textOf(stream)).toEqual([
      `${channels.control}:{"type":"progress","message":"pulling tools"}`,
      `${channels.stdout}:hello`,
    ]);
    expect(await stream.result).toEqual({ exitCode: 5 });
    expect(calls).toContain('remove id-tools');
    expect(specs[0]).toMatchObject({
      networkMode: { container: 'id-web' },
      pid: { container: 'id-web' },
      command: ['ps'],
      networks: [],
    });
  });

  test('go when nobody looks any more', async () => {
    const { debug, calls, running } = scene();
    const stream = await debug.open({ ...asked, image: 'tools' });
    await vi.waitFor(() => expect(calls).toContain('start id-tools'));
    stream.reset(new Failure('unavailable', 'the terminal was closed'));
    await vi.waitFor(() => expect(calls).toContain('remove id-tools'));
    await expect(running[0]?.result).rejects.toThrow();
  });

  test('an image that cannot be had is said', async () => {
    const { debug, calls } = scene();
    const stream = await debug.open({ ...asked, image: 'unknown' });
    await expect(textOf(stream)).rejects.toThrow(
      /^No such image: unknown; to run unknown of the host, write --host-tools before it$/,
    );
    const named = await debug.open({ ...asked, image: 'registry/unknown' });
    await expect(textOf(named)).rejects.toThrow(/^No such image: registry\/unknown$/);
    expect(calls).toEqual([]);
  });

  test('what an agent that was killed left behind goes, and what is in use stays', async () => {
    const { debug, calls } = scene();
    await debug.open({ ...asked, image: 'tools' });
    await vi.waitFor(() => expect(calls).toEqual(['start id-tools']));
    await debug.sweep();
    expect(calls).toEqual(['start id-tools', 'remove id-left']);
  });
});

describe("the host's own tools", () => {
  test('run in the namespaces of its process, and their exit code comes back', async () => {
    const { debug, converse } = scene();
    const stream = await debug.open({ ...asked, command: ['cat'], stdin: true, env: ['TERM=vt100'] });
    await stream.send(channels.stdin, Buffer.from('to and fro'));
    stream.end();
    expect(await textOf(stream)).toEqual([`${channels.stdout}:to and fro`]);
    expect(await stream.result).toEqual({ exitCode: 3 });
    const namespaces = ['--net=/proc/4711/ns/net', '--pid=/proc/4711/ns/pid'];
    expect(converse).toHaveBeenCalledWith(['nsenter', ...namespaces, '--', 'unshare', '--mount-proc', '--', 'cat'], {
      TERM: 'vt100',
    });
  });

  test('with a terminal every word of the command stays one word', async () => {
    const { debug, converse } = scene();
    const stream = await debug.open({ ...asked, command: ['echo', "it's", 'a b'], tty: true });
    stream.end();
    await textOf(stream);
    const argv = converse.mock.calls[0]?.[0] ?? [];
    expect(argv[0]).toBe('script');
    expect(argv.at(-2)).toMatch(/^exec 'nsenter' .* 'echo' 'it'\\''s' 'a b'$/);
  });

  test('read nothing when they are to read nothing, though whoever looks stays', async () => {
    const { debug } = scene();
    const stream = await debug.open({ ...asked, command: ['cat'] });
    expect(await textOf(stream)).toEqual([]);
    expect(await stream.result).toEqual({ exitCode: 3 });
  });

  test.each([
    [
      'no-such-program',
      127,
      'node h1 has no executable no-such-program: check the command, or name an image with tools',
    ],
    ['/no/such', 127, 'node h1 has no executable /no/such: check the command, or name an image with tools'],
    ['/etc/passwd', 126, '/etc/passwd cannot be run on node h1: it is no executable'],
    ['/etc', 126, '/etc cannot be run on node h1: it is no executable'],
  ])('that are none, like %s, are refused as those of exec', async (program, exitCode, error) => {
    const { debug, converse } = scene();
    const stream = await debug.open({ ...asked, command: [program, '-x'] });
    expect(await textOf(stream)).toEqual([]);
    expect(await stream.result).toEqual({ exitCode, error });
    expect(converse).not.toHaveBeenCalled();
  });

  test('are hung up when nobody looks any more', async () => {
    const { debug, converse } = scene();
    const stream = await debug.open({ ...asked, stdin: true });
    stream.reset(new Failure('unavailable', 'the terminal was closed'));
    const child = converse.mock.results[0]?.value as Piped;
    expect(await child.ended).toBeGreaterThan(128);
  });

  test('a host without them says what to install', async () => {
    const { debug, converse } = scene();
    converse.mockImplementation(() => startPiped(['/nonexistent/nsenter']));
    const stream = await debug.open(asked);
    await expect(textOf(stream)).rejects.toThrow('nsenter is not installed on node h1');
  });
});

test('into a container that does not run nobody looks', async () => {
  const { debug } = scene({ ...web, state: 'exited' });
  await expect(debug.open(asked)).rejects.toThrow('container web is not running');
});
