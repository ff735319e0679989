/** Joining the streams of a container's main process, from its first byte: also before it has been made, or after it ended. */
import { Failure, isFailure, type WorkloadRecord } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import { type ByteStream, withResult } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';

export interface AttachingOptions {
  readonly node: string;
  readonly runtime: ContainerRuntime;
  /** Workloads of this node, by name. */
  readonly wanted: ReadonlyMap<string, WorkloadRecord>;
  containerOf(workload: WorkloadRecord): Promise<ContainerInfo | undefined>;
  /** A container on this node, whoever started it. @throws Failure */
  find(name: string): Promise<ContainerInfo>;
  readonly clock: Clock;
}

const attachMs = 5000;
const quietMs = 30_000;

export class Attaching {
  readonly #options: AttachingOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Containers made but not started, until somebody has attached. */
  readonly #awaitingAttach = new Map<string, () => void>();

  constructor(options: AttachingOptions) {
    this.#options = options;
  }

  /** The main process's streams; waits for the container to be made. */
  async #toWorkload(name: string, stdin: boolean): Promise<ByteStream> {
    for (;;) {
      const workload = this.#options.wanted.get(name);
      const container = workload === undefined ? undefined : await this.#options.containerOf(workload);
      if (workload !== undefined && container !== undefined) {
        if (container.state === 'exited' || container.state === 'dead') return this.#epilogue(container);
        if (container.state !== 'created' || this.#awaitingAttach.has(name)) {
          const stream = await this.#options.runtime.attach(container.id, { stdin, tty: workload.spec.tty });
          this.#awaitingAttach.get(name)?.();
          return stream;
        }
      }
      await this.#nextReport(name);
    }
  }

  /** The main process's streams, of whatever container; one that somebody started with the engine is there, or not. */
  async to(name: string, stdin: boolean): Promise<ByteStream> {
    const found = this.#options.wanted.has(name) ? undefined : await this.#options.find(name).catch(notFoundYet);
    if (found === undefined) return this.#toWorkload(name, stdin);
    if (found.state === 'exited' || found.state === 'dead') return this.#epilogue(found);
    return this.#options.runtime.attach(found.id, { stdin });
  }

  /** What there is of a container that has ended already: its output and its exit code. */
  async #epilogue(container: ContainerInfo): Promise<ByteStream> {
    const logs = await this.#options.runtime.logs(container.id, { follow: false, timestamps: false });
    const exitCode = container.exitCode ?? 0;
    return withResult(
      logs,
      logs.result.then(() => ({ exitCode })),
    );
  }

  /** Waits for somebody to attach, but not for ever: whoever asked may have gone. */
  async attached(name: string, signal: AbortSignal): Promise<void> {
    const attached = new Promise<void>((resolve) => this.#awaitingAttach.set(name, resolve));
    this.reported(name);
    await Promise.race([attached, this.#options.clock.sleep(attachMs, signal).catch(() => {})]);
    this.#awaitingAttach.delete(name);
    signal.throwIfAborted();
  }

  /** Something has been told of the workload: who waits looks again. */
  reported(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake();
    this.#waiting.delete(name);
  }

  /** Or a while: an image may take long to come, without a word. @throws Failure when nobody wants it any more */
  #nextReport(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiting);
      waiting.add(resolve);
      void this.#options.clock.sleep(quietMs).then(() => {
        waiting.delete(resolve);
        if (this.#options.wanted.has(name)) resolve();
        else reject(new Failure('not-found', `there is no container ${name} on node ${this.#options.node}`));
      });
    });
  }
}

function notFoundYet(error: unknown): undefined {
  if (!isFailure(error, 'not-found')) throw error;
}
