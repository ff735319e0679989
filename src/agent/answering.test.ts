import { expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import { streamPair } from '../protocol/protocol.ts';
import { type AnsweringParts, createHandler } from './answering.ts';

/** An engine that has the container `real`. */
function scene(known: string | undefined) {
  const calls: string[] = [];
  const act = (what: string) => async (id: string) => {
    calls.push(`${what} ${id}`);
    if (id !== 'real') throw new Failure('not-found', `there is no ${id}`);
    return streamPair()[0];
  };
  const workloads = {
    knownId: () => known,
    find: async () => {
      calls.push('find');
      return { id: 'real' };
    },
  };
  const handler = createHandler({
    ...{
      clock: systemClock,
      figures: { over: <T>(each: T) => each },
      containers: () => ({}),
      workloads: () => workloads,
    },
    runtime: { logs: act('logs'), exec: act('exec'), archive: act('archive'), extract: act('extract') },
  } as unknown as AnsweringParts);
  const open = (method: string) =>
    handler.open(method, { name: 'web', path: '/x' }, { peer: { kind: 'node', key: 'k' }, deadline: 0 });
  return { calls, open };
}

test.each(['logs', 'exec', 'archive', 'extract'])('%s: a container that is known is not looked for', async (what) => {
  const { calls, open } = scene('real');
  await open(`workload.${what}`);
  expect(calls).toEqual([`${what} real`]);
});

test('one that somebody has made anew is found, and one of which nothing is known', async () => {
  const anew = scene('former');
  await anew.open('workload.exec');
  expect(anew.calls).toEqual(['exec former', 'find', 'exec real']);
  const unknown = scene(undefined);
  await unknown.open('workload.logs');
  expect(unknown.calls).toEqual(['find', 'logs real']);
  await expect(scene('real').open('workload.dance')).rejects.toMatchObject({ code: 'not-found' });
});

test('a registry is asked with what is left of the deadline, for the repository that is wanted', async () => {
  const asked: unknown[] = [];
  const registry = async (...words: unknown[]) => {
    asked.push(words);
    return { repositories: [], more: false };
  };
  const handler = createHandler({
    ...{ clock: systemClock, figures: { over: <T>(each: T) => each }, containers: () => ({}) },
    runtime: { registry, images: async () => [] },
  } as unknown as AnsweringParts);
  const call = (method: string, params: object) =>
    handler.call(method, params, {
      peer: { kind: 'server', key: 'k' } as never,
      deadline: Date.now() + 900.5,
      id: 'x',
    });
  await call('agent.registry', { registry: 'r:5000', repository: 'web', registryAuth: 'secret' });
  await call('agent.registry', { registry: 'r:5000' });
  expect(asked).toEqual([
    [{ registry: 'r:5000', repository: 'web' }, expect.any(AbortSignal), 'secret'],
    [{ registry: 'r:5000' }, expect.any(AbortSignal), undefined],
  ]);
  expect(await call('agent.images', {})).toEqual([]);
});
