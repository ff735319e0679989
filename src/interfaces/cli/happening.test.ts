/** `stats` and `events`. */
import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import type { ClusterEvent } from '../../protocol/events.ts';
import type { StatsView } from '../../protocol/views.ts';
import { runCli } from './cli.ts';
import { fakeCluster, now } from './testing/fake-cluster.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

const web: StatsView = {
  ...{ name: 'web', node: 'h2', containerId: 'f'.repeat(64), time: now, cpu: 1.2345, pids: 12 },
  ...{ memory: { used: 512 * 1024 ** 2, limit: 2 * 1024 ** 3 }, network: { received: 1536, sent: 0 } },
  block: { read: 0, written: 2 * 1024 ** 2 },
};
const gone: StatsView = { name: 'db', node: 'h3', containerId: 'x', missing: 'node h3 does not answer in time' };

describe('stats', () => {
  test('once, as a table', async () => {
    const api = fakeCluster().on('workload.stats', () => [web, gone]);
    expect(await trama('stats --no-stream', { api })).toMatchObject({
      code: 0,
      out: [
        'NAME  NODE  CPU      MEMORY             MEM %  NET IN / OUT   BLOCK IN / OUT  PIDS  NOTE',
        'web   h2    123.45%  512 MiB / 2.0 GiB  25%    1.5 KiB / 0 B  0 B / 2.0 MiB   12    -',
        'db    h3    -        -                  -      -              -               -     node h3 does not answer in time',
        '',
      ].join('\n'),
    });
  });

  test('of those that are named, as an array', async () => {
    const api = fakeCluster().on('workload.stats', () => [web]);
    const { out } = await trama('stats --no-stream -o json web h3/db', { api });
    expect(JSON.parse(out)).toEqual([web]);
    expect(api.asked.at(-1)).toEqual({ method: 'workload.stats', params: { names: ['web', 'h3/db'] } });
  });

  test('again and again until Ctrl-C, a line each; a server that goes is waited for', async () => {
    let asked = 0;
    const api = fakeCluster().on('workload.stats', async () => {
      asked += 1;
      if (asked > 4) await new Promise(() => {});
      if (asked === 2) throw new Failure('unavailable', 'no server answers');
      return [{ ...web, cpu: asked }];
    });
    const io = new FakeIo({ api });
    const running = runCli(['stats', '-o', 'json'], io);
    await vi.waitFor(() => expect(io.out.split('\n').length).toBeGreaterThan(2));
    io.raise('SIGINT');
    expect(await running).toBe(130);
    const lines = io.out.trim().split('\n');
    expect(lines.slice(0, 2).map((line) => JSON.parse(line).cpu)).toEqual([1, 3]);
    expect(io.err).toBe('trama: no server answers\n');
  });

  test('who is nobody is said at once', async () => {
    const api = fakeCluster().on('workload.stats', () => {
      throw new Failure('not-found', 'there is no container x1');
    });
    expect(await trama('stats x1', { api })).toMatchObject({ code: 1, err: 'trama: there is no container x1\n' });
  });
});

const event = (n: number, more: Partial<ClusterEvent> = {}): ClusterEvent => ({
  ...{ id: `e${n}`, time: now + n, type: 'container', action: 'start', name: `c${n}`, node: 'h1', message: '' },
  attributes: { image: 'nginx' },
  ...more,
});

const send = (stream: ByteStream, ...events: ClusterEvent[]) =>
  stream.send(channels.stdout, Buffer.from(events.map((each) => `${JSON.stringify(each)}\n`).join('')));

describe('events', () => {
  test('a line each, with what is known', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void send(
        stream,
        event(1),
        event(2, { type: 'node', action: 'down', name: 'h2', node: 'h2', message: 'its host is off', attributes: {} }),
      ).then(() => stream.end({}));
    });
    expect(await trama('events --since 10m --no-follow', { api })).toMatchObject({
      code: 0,
      out:
        '2023-11-14T22:13:20.001Z container start c1 (node=h1, image=nginx)\n' +
        '2023-11-14T22:13:20.002Z node down h2 (node=h2): its host is off\n',
    });
    expect(api.opened[0]).toMatchObject({ method: 'cluster.events', params: { since: now - 600_000, follow: false } });
  });

  test('only what agrees, in JSON a line each', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void send(stream, event(1), event(2, { action: 'die' }), event(3, { type: 'network' })).then(() =>
        stream.end({}),
      );
    });
    const { out } = await trama('events --filter type=container --filter action!=start -o json --no-follow', { api });
    expect(JSON.parse(out)).toEqual(event(2, { action: 'die' }));
  });

  test('go on when the connection is lost, and nothing twice; Ctrl-C ends them', async () => {
    const streams: ByteStream[] = [];
    const api = fakeCluster().onOpen((stream) => void streams.push(stream));
    const io = new FakeIo({ api });
    const running = runCli(['events', '-o', '{{.name}}'], io);
    await vi.waitFor(() => expect(streams).toHaveLength(1));
    expect(api.opened[0]?.params).toEqual({ follow: true });
    if (streams[0] === undefined) throw new Error('no stream');
    await send(streams[0], event(1), event(60_000));
    await vi.waitFor(() => expect(io.out).toBe('c1\nc60000\n'));
    streams[0].reset(new Failure('unavailable', 'the server is gone'));
    await vi.waitFor(() => expect(streams).toHaveLength(2));
    expect(api.opened[1]?.params).toEqual({ follow: true, since: now + 55_000 });
    if (streams[1] === undefined) throw new Error('no stream');
    await send(streams[1], event(60_000), event(61_000));
    await vi.waitFor(() => expect(io.out).toBe('c1\nc60000\nc61000\n'));
    io.raise('SIGINT');
    expect(await running).toBe(130);
  });

  test('that cannot begin are not tried again', async () => {
    const api = fakeCluster();
    api.open = () => Promise.reject(new Failure('unavailable', 'no server answers'));
    expect(await trama('events', { api })).toMatchObject({ code: 1, err: 'trama: no server answers\n' });
  });
});
