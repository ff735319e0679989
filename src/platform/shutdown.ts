/**
 * Runs a daemon until SIGINT or SIGTERM, then releases what it registered, last in first out. A second signal ends
 * the process at once.
 */
export async function untilSignal(
  run: (resources: AsyncDisposableStack, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await using resources = new AsyncDisposableStack();
    await run(resources, controller.signal);
    if (!controller.signal.aborted) {
      await new Promise<void>((resolve) =>
        controller.signal.addEventListener('abort', () => resolve(), { once: true }),
      );
    }
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
