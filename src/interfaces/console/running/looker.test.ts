import { expect, test } from 'vitest';
import { until } from '../../../../test/server/cluster.ts';
import { Failure } from '../../../domain/errors.ts';
import type { StatsView } from '../../../protocol/views.ts';
import { fakeCluster } from '../../cli/testing/fake-cluster.ts';
import type { Happening } from '../state.ts';
import { Looker } from './looker.ts';

const stats: StatsView = {
  ...{ name: 'web', node: 'h1', containerId: 'f'.repeat(64), time: 1000, cpu: 0.5, pids: 3 },
  ...{ memory: { used: 1, limit: 2 }, network: { received: 0, sent: 0 }, block: { read: 0, written: 0 } },
};

/** Every pause lasts until it is ended. */
function stage(answer: () => unknown = () => [stats]) {
  const told: Happening[] = [];
  const pauses: (() => void)[] = [];
  const api = fakeCluster().on('workload.stats', answer);
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      pauses.push(resolve);
      signal.addEventListener('abort', () => reject(new Error('ended')));
    });
  const looker = new Looker({ api, dispatch: (happening) => void told.push(happening), sleep });
  return { told, pauses, api, looker };
}

const web = { id: 'h1/web', reference: 'web' };

test('what is looked at is asked for, with a pause between; what is not is not', async () => {
  const { told, pauses, api, looker } = stage();
  looker.look(undefined);
  expect(api.asked).toEqual([]);
  looker.look(web);
  looker.look(web);
  await until('an answer', () => told.length === 1 && pauses.length === 1);
  expect(api.asked).toEqual([{ method: 'workload.stats', params: { names: ['web'] } }]);
  expect(told[0]).toMatchObject({ kind: 'use', id: 'h1/web', stats: { cpu: 0.5 } });
  pauses[0]?.();
  await until('the next', () => told.length === 2 && pauses.length === 2);
  looker.look(undefined);
  await new Promise(setImmediate);
  expect(api.asked).toHaveLength(2);
});

test('another container ends the looks at the first; a failure does not end them', async () => {
  let fails = true;
  const { told, pauses, api, looker } = stage(() => {
    if (fails) throw new Failure('unavailable', 'no server answers');
    return [stats];
  });
  looker.look(web);
  await until('a pause', () => pauses.length === 1);
  expect(told).toEqual([]);
  fails = false;
  pauses[0]?.();
  await until('an answer', () => told.length === 1);
  looker.look({ id: 'h2/db', reference: 'h2/db' });
  await until('the other', () => api.asked.at(-1)?.params !== undefined && told.length === 2);
  expect(api.asked.map(({ params }) => (params as { names: string[] }).names[0])).toEqual(['web', 'web', 'h2/db']);
});
