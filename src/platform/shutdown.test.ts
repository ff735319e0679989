import { setFlagsFromString } from 'node:v8';
import { beforeEach, expect, test, vi } from 'vitest';
import { untilSignal } from './shutdown.ts';

vi.mock('node:v8', () => ({ setFlagsFromString: vi.fn() }));
const flags = vi.mocked(setFlagsFromString);
beforeEach(() => void flags.mockClear());

test('a daemon goes on until it is stopped, then releases what it has, last in first out, and compiles alone', async () => {
  const released: string[] = [];
  let end = () => {};
  let ended = false;
  const running = untilSignal(async (resources, signal, stop) => {
    resources.defer(() => void released.push('first'));
    resources.defer(() => void released.push('second'));
    end = stop;
    signal.addEventListener('abort', () => expect(released).toEqual([]));
  }).then(() => {
    ended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([ended, released, flags.mock.calls]).toEqual([false, [], []]);
  end();
  await running;
  expect(released).toEqual(['second', 'first']);
  expect(flags.mock.calls).toEqual([['--no-concurrent-recompilation']]);
});

test('one that fails ends with its error, after releasing; from the failure on it compiles alone', async () => {
  const released: unknown[] = [];
  const running = untilSignal(async (resources) => {
    resources.defer(() => void released.push(...flags.mock.calls));
    throw new Error('refused');
  });
  await expect(running).rejects.toThrow('refused');
  expect(released).toEqual([['--no-concurrent-recompilation']]);
});

test('what it throws once it is stopped is not told', async () => {
  const running = untilSignal(async (_resources, signal, stop) => {
    setImmediate(stop);
    await new Promise((resolve) => signal.addEventListener('abort', () => setImmediate(resolve)));
    throw new Error('stopped');
  });
  await running;
  // Unhandled, it would end the process.
  await new Promise((resolve) => setTimeout(resolve, 20));
});
