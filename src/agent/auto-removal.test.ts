import { expect, test } from 'vitest';
import { Failure, type WorkloadRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { autoRemovalBy } from './auto-removal.ts';

const workload = (autoRemove?: boolean) =>
  ({ name: 'web', id: 'w1', spec: { ...(autoRemove === undefined ? {} : { autoRemove }) } }) as WorkloadRecord;

function scene(answers: (Failure | undefined)[]) {
  const asked: unknown[] = [];
  const waits: { ms: number; over: () => void }[] = [];
  const api = {
    call: async (method: string, params: unknown) => {
      asked.push([method, params]);
      const failure = answers.shift();
      if (failure !== undefined) throw failure;
      return { removing: null };
    },
    open: () => Promise.reject(new Error('nothing is opened')),
  };
  const clock = { now: () => 0, sleep: (ms: number) => new Promise<void>((over) => waits.push({ ms, over })) };
  const removal = autoRemovalBy(api, { clock, log: silentLog });
  return { removal, asked, waits };
}

const removed = ['workload.remove', { name: 'web', id: 'w1', force: false }];

test('what has ended goes after a while, asked for once however often it is told', async () => {
  const { removal, asked, waits } = scene([undefined]);
  const ends = [removal.ended(workload(true)), removal.ended(workload(true))];
  expect(waits).toMatchObject([{ ms: 5000 }]);
  expect(asked).toEqual([]);
  waits[0]?.over();
  await Promise.all(ends);
  expect(asked).toEqual([removed]);
});

test('others stay', async () => {
  const { removal, waits } = scene([]);
  await removal.ended(workload());
  await removal.ended(workload(false));
  expect(waits).toEqual([]);
});

test.each(['unavailable', 'not-found', 'conflict'] as const)(
  'refused as %s, it is tried when told again',
  async (code) => {
    const { removal, asked, waits } = scene([new Failure(code, 'no')]);
    for (const time of [0, 1]) {
      const ended = removal.ended(workload(true));
      waits[time]?.over();
      await ended;
    }
    expect(asked).toEqual([removed, removed]);
  },
);
