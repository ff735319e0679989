import { setFlagsFromString } from 'node:v8';

/**
 * From here on nothing is compiled beside the work: Node's exit waits for threads that compile, and one that waits for the garbage
 * collector waits for ever (nodejs/node#54918). What the launcher has not switched off from the beginning.
 */
const compileAlone = () => setFlagsFromString('--no-concurrent-recompilation');

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
    compileAlone();
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
    // What it throws once it is stopped is the consequence of that.
    running.catch(compileAlone);
    await Promise.race([running, stopped]);
    await stopped;
  } finally {
    clearInterval(alive);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
