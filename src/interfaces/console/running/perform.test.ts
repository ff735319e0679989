import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../../../test/server/cluster.ts';
import { Failure } from '../../../domain/errors.ts';
import { channels } from '../../../protocol/api.ts';
import { app, type FakeCluster, fakeCluster, web } from '../../cli/testing/fake-cluster.ts';
import type { Effect, Happening } from '../state.ts';
import { performer } from './perform.ts';

function stage(api: FakeCluster, readOnly = false) {
  const told: Happening[] = [];
  const written: string[] = [];
  const perform = performer({
    ...{ api, readOnly, dispatch: (happening: Happening) => void told.push(happening) },
    ...{ write: (text: string) => void written.push(text), quit() {}, redraw() {}, mouse() {} },
    shell: async () => 'there is no sh',
  });
  return { told, written, perform, said: () => told.flatMap((one) => (one.kind === 'said' ? [one] : [])) };
}

const run: Effect = {
  ...{ kind: 'change', method: 'workload.stop', params: { name: 'web' } },
  done: { key: 'done.stop', values: { name: 'web' } },
};

test('what was done is said, with what came of it; what failed is said with its sentence', async () => {
  const api = fakeCluster().on('workload.stop', () => web);
  const { perform, said } = stage(api);
  perform(run);
  await until('it is said', () => said().length === 1);
  expect(said()[0]).toMatchObject({ said: { key: 'done.stop', values: { name: 'web', node: 'h1' } }, bad: false });
  api.on('workload.stop', () => Promise.reject(new Failure('unavailable', 'Node h1 is down.')));
  perform(run);
  await until('it is said', () => said().length === 2);
  expect(said()[1]).toMatchObject({ said: { key: 'failed', values: { why: 'Node h1 is down' } }, bad: true });
});

test('a read-only console sends nothing that changes, whatever is wanted of it', async () => {
  const api = fakeCluster();
  const { perform, said } = stage(api, true);
  perform(run);
  await until('it is said', () => said().length === 1);
  expect(api.asked).toEqual([]);
});

test('a free segment is asked for without making a network', async () => {
  const api = fakeCluster().on('network.create', ({ dryRun }: { dryRun: boolean }) => (dryRun ? app : undefined));
  const { perform, told } = stage(api);
  perform({ kind: 'offer' });
  await until('the offer', () => told.length === 1);
  expect(told).toEqual([{ kind: 'offered', subnet: '10.42.0.0/16' }]);
});

test('images are asked of the nodes, and of a registry; who may not see them hears of nothing', async () => {
  const image = (name: string) => ({ name, id: '0123456789ab', size: 1, createdAt: 1 });
  const api = fakeCluster()
    .on('image.list', () => [
      { node: 'h1', images: [image('b:1'), image('a:1')] },
      { node: 'h2', images: [image('b:1')] },
    ])
    .on('registry.list', ({ registry }: { registry: string }) => {
      if (registry === 'no:1') throw new Failure('not-found', 'It has no catalogue.');
      return { repositories: [{ name: 'web', tags: ['1', '2'], more: false }], more: false, node: 'h1' };
    });
  const { perform, told, said } = stage(api);
  perform({ kind: 'images' });
  await until('images', () => told.length === 1);
  expect(told[0]).toEqual({
    kind: 'images',
    images: [
      { name: 'a:1', nodes: ['h1'] },
      { name: 'b:1', nodes: ['h1', 'h2'] },
    ],
  });
  perform({ kind: 'registry', registry: 'r:5000', node: '' });
  await until('what it has', () => told.length === 2);
  perform({ kind: 'registry', registry: 'no:1', node: 'h2' });
  await until('the other', () => told.length === 3);
  expect(told.slice(1)).toEqual([
    expect.objectContaining({
      registry: 'r:5000',
      known: { state: 'known', names: ['r:5000/web:1', 'r:5000/web:2'], why: '' },
    }),
    expect.objectContaining({
      registry: 'no:1',
      node: 'h2',
      known: { state: 'failed', names: [], why: 'it has no catalogue' },
    }),
  ]);
  expect(api.asked.slice(1).map(({ params }) => params)).toEqual([
    { registry: 'r:5000' },
    { registry: 'no:1', node: 'h2' },
  ]);
  api.on('image.list', () => Promise.reject(new Failure('denied', 'no')));
  perform({ kind: 'images' });
  await new Promise(setImmediate);
  expect(said()).toEqual([]);
});

test('a cell goes to the terminal’s clipboard; a shell that there is not is told of', async () => {
  const { perform, written, said } = stage(fakeCluster());
  perform({ kind: 'copy', text: '10.42.0.3' });
  expect(written).toEqual([`\x1b]52;c;${Buffer.from('10.42.0.3').toString('base64')}\x07`]);
  perform({ kind: 'shell', reference: 'web', name: 'web', node: 'h1' });
  await until('it is said', () => said().length === 2);
  expect(said()[1]).toMatchObject({ said: { key: 'shell.none', values: { name: 'web', why: 'there is no sh' } } });
});

test('a log is followed until it is left; a range that has ended is not', async () => {
  const api = fakeCluster();
  const { perform, told } = stage(api);
  perform({ kind: 'open-logs', stream: 1, reference: 'web', range: { text: '' } });
  await until('the stream', () => api.opened.length === 1);
  expect(api.opened[0]?.params).toMatchObject({ name: 'web', follow: true, timestamps: true, tail: 5000 });
  await api.opened[0]?.stream.send(channels.stdout, Buffer.from('2026-01-31T11:00:00Z hello\n'));
  await until('a line', () => told.length === 1);
  expect(told[0]).toMatchObject({ kind: 'log-lines', stream: 1, lines: [{ text: 'hello' }] });
  perform({ kind: 'open-logs', stream: 2, reference: 'web', range: { text: '2h..1h', since: 1, until: 2 } });
  await expect(api.opened[0]?.stream.result).rejects.toThrow();
  await until('the stream', () => api.opened.length === 2);
  expect(api.opened[1]?.params).toMatchObject({ follow: false, since: 1, until: 2 });
  api.opened[1]?.stream.end();
  await until('its end', () => told.length === 2);
  expect(told[1]).toEqual({ kind: 'log-end', stream: 2, why: '' });
});

test('the whole range is saved, and no file is overwritten', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'trama-console-'));
  try {
    const api = fakeCluster().onOpen((stream) => {
      void (async () => {
        await stream.send(channels.stdout, Buffer.from('2026-01-31T11:00:00Z one\n2026-01-31T11:00:01Z two'));
        stream.end();
      })();
    });
    const { perform, said } = stage(api);
    const path = join(directory, 'web.log');
    const save = { kind: 'save-logs', reference: 'web', range: { text: '' }, timestamps: false, path } as const;
    perform(save);
    await until('it is saved', () => said().length === 2);
    expect(said()[1]).toMatchObject({ said: { key: 'done.save', values: { count: 2, path } } });
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
    perform(save);
    await until('it is refused', () => said().length === 4);
    expect(said()[3]).toMatchObject({ said: { key: 'failed' }, bad: true });
  } finally {
    await rm(directory, { recursive: true });
  }
});
