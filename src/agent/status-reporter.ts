/** Tells the server what became of workloads: per workload the newest status, in order, until the server has taken it. */
import { isFailure, networkNameFromDocker, type WorkloadStatus } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';

const retryMs = 1000;

export class StatusReporter {
  readonly #send: (status: WorkloadStatus) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #newest = new Map<string, WorkloadStatus>();
  readonly #sending = new Set<string>();

  constructor(send: (status: WorkloadStatus) => Promise<void>, clock: Clock, log: Log) {
    this.#send = send;
    this.#clock = clock;
    this.#log = log;
  }

  report(status: WorkloadStatus): void {
    if (JSON.stringify(this.#newest.get(status.name)) === JSON.stringify(status)) return;
    this.#newest.set(status.name, status);
    if (!this.#sending.has(status.name)) void this.#deliver(status.name);
  }

  /** Tells everything anew: a server may have lost what it was told. */
  repeat(): void {
    for (const name of this.#newest.keys()) if (!this.#sending.has(name)) void this.#deliver(name);
  }

  forget(name: string): void {
    this.#newest.delete(name);
  }

  async #deliver(name: string): Promise<void> {
    this.#sending.add(name);
    let sent: WorkloadStatus | undefined;
    for (
      let status = this.#newest.get(name);
      status !== undefined && status !== sent;
      status = this.#newest.get(name)
    ) {
      try {
        await this.#send(status);
        sent = status;
      } catch (error) {
        // The workload has been removed meanwhile, or is another node's: nothing to tell.
        if (isFailure(error, 'not-found') || isFailure(error, 'denied') || isFailure(error, 'invalid')) sent = status;
        else await this.#clock.sleep(retryMs);
        this.#log.debug('status not taken', { container: name, error });
      }
    }
    this.#sending.delete(name);
  }
}

/** Those of its own: `host` and `none` are words of Docker's for having none. */
export function networksOf(container: ContainerInfo | undefined): WorkloadStatus['networks'] {
  const own = (container?.networks ?? []).filter(({ name }) => name !== 'host' && name !== 'none');
  return own.map(({ name, address, mac }) => ({ network: networkNameFromDocker(name), address, mac }));
}
