import { setFlagsFromString } from 'node:v8';

/**
 * Runs a daemon until SIGINT, SIGTERM or its own `stop`, then releases what it registered, last in first out. A signal
 * does not wait for `run` to finish; a second one ends the process at once.
 * @throws what `run` throws, after releasing.
 */
export async function untilSignal(
  run: (resources: AsyncDisposableStack, signal: AbortSignal, stop: () => void) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    // Node's exit waits for threads that compile, and one that waits for the garbage collector waits for ever
    // (nodejs/node#54918): from here on nothing is compiled beside the work.
    setFlagsFromString('--no-concurrent-recompilation');
    controller.abort();
  };
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const stopped = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // A daemon that only waits (for a server, for a retry) must not be taken for one that has finished.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await using resources = new AsyncDisposableStack();
    const running = run(resources, controller.signal, stop);
    await Promise.race([running, stopped]);
    // What it still throws is the consequence of its being stopped.
    running.catch(() => {});
    await stopped;
  } finally {
    clearInterval(alive);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
