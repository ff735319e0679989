import { expect, onTestFinished, test, vi } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import { type Running, silentLog } from '../platform/platform.ts';
import { DeltaTracker } from './tracker.ts';
import { watchKernel } from './watch.ts';

const over = () => ({ done: true as const, value: undefined });

/** A watch over the host's own namespace that begins with every monitor refused that `refuse` says. */
function scene(refuse: (count: number) => boolean) {
  const clock = heldClock();
  const stop = new AbortController();
  const running = new Set<string>();
  const warned = vi.fn();
  let asked = 0;
  const start = (argv: string[]): Running => {
    asked += 1;
    if (refuse(asked)) throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
    const name = `${argv[0]} ${asked}`;
    running.add(name);
    const ended = Promise.withResolvers<number>();
    return {
      pid: asked,
      ended: ended.promise,
      lines: { [Symbol.asyncIterator]: () => ({ next: () => ended.promise.then(over) }) },
      kill: () => {},
      [Symbol.asyncDispose]: async () => {
        running.delete(name);
        ended.resolve(0);
      },
    };
  };
  const resync = vi.fn(async () => {});
  const watching = watchKernel({
    ...{ start, clock, resync, intervalMs: 30_000, tracker: new DeltaTracker(), signal: stop.signal },
    log: { ...silentLog, warn: warned },
    namespaces: () => [''],
    quiet: async () => {},
  });
  onTestFinished(async () => {
    stop.abort();
    await watching;
    expect([...running]).toEqual([]);
  });
  return { clock, running, resync, warned };
}

test('a monitor that cannot be started now is started later, and the kernel is looked at meanwhile', async () => {
  const { clock, running, resync, warned } = scene((count) => count < 40);
  for (let second = 0; second < 31; second += 1) await clock.advance(1000);
  expect(warned).toHaveBeenCalled();
  expect([...running]).toEqual([]);
  expect(resync).toHaveBeenCalledTimes(1);
  for (let second = 0; second < 15; second += 1) await clock.advance(1000);
  expect([...running]).toEqual(['ip 40', 'nft 41']);
  expect(resync).toHaveBeenCalledTimes(2);
});

test('of two monitors, of which only one could be started, none stays until both can be', async () => {
  const { clock, running } = scene((count) => count === 2);
  await clock.advance(0);
  expect([...running]).toEqual([]);
  await clock.advance(1000);
  expect([...running]).toEqual(['ip 3', 'nft 4']);
});
