/** What a daemon shows of itself over HTTP, from its first moment on: a port that somebody has is told before anything is begun. */
import { type Log, Metrics, processMetrics } from '../platform/platform.ts';
import { notReady, type Readiness } from '../protocol/protocol.ts';
import { httpModule } from './daemon-modules.ts';
import { version } from './version.ts';

interface Place {
  readonly address: string;
  /** Absent: nothing is shown. */
  readonly port: number | undefined;
  /** That chooses the port. */
  readonly flag: string;
}

export interface Shown {
  readonly metrics: Metrics;
  /** It has been begun, and tells for itself from now on. */
  of(daemon: { readiness(): Promise<Readiness> }): void;
}

/** @throws Failure when the port cannot be had */
export async function show(
  role: 'server' | 'agent',
  { address, port, flag }: Place,
  resources: AsyncDisposableStack,
  log: Log,
): Promise<Shown> {
  const metrics = new Metrics();
  let readiness = async () => notReady(`the ${role} is starting`);
  if (port !== undefined) {
    processMetrics(metrics, { version, role });
    const { serveHttp } = await httpModule();
    const server = { address, port, flag, metrics, readiness: () => readiness(), log: log.with({ role }) };
    resources.use(await serveHttp(server));
  }
  return {
    metrics,
    of(daemon) {
      readiness = () => daemon.readiness();
    },
  };
}
