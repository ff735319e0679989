/** All simulated agents, in several processes on one of the lab's hosts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inside } from '../pair.ts';
import type { Orders, Reply } from './orders.ts';

const program = fileURLToPath(new URL('worker.ts', import.meta.url));

export class Crowd implements AsyncDisposable {
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
  }

  /** @param namespace the network namespace that they are in */
  static start(namespace: string, processes: number, flags: readonly string[] = []): Crowd {
    const [file, ...rest] = inside(namespace, [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      ...flags,
      program,
    ]);
    return new Crowd(
      Array.from({ length: processes }, () => spawn(file, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })),
    );
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid ?? -1);
  }

  /** Tells each process the same, or its own. @throws what went wrong in one of them */
  async all<K extends keyof Orders>(
    kind: K,
    order: Orders[K]['order'] | ((process: number) => Orders[K]['order']),
  ): Promise<Orders[K]['result'][]> {
    return Promise.all(
      this.#processes.map((child, index) =>
        one(child, { kind, order: typeof order === 'function' ? order(index) : order }),
      ),
    ) as Promise<Orders[K]['result'][]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }
}

async function one(child: ChildProcess, message: object): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const gone = () => reject(new Error('a process with simulated agents has ended'));
  child.once('message', resolve);
  child.once('exit', gone);
  child.send(message);
  try {
    const reply = await promise;
    if ('failed' in reply) throw new Error(reply.failed);
    return reply.result;
  } finally {
    child.off('message', resolve);
    child.off('exit', gone);
  }
}
