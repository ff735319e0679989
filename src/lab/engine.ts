import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../domain/domain.ts';
import { request } from '../platform/http.ts';
import type { Argv, Started } from './host-processes.ts';

export interface EngineOptions {
  /** Containers go on running while dockerd does not. Default false, as Docker's. */
  readonly liveRestore?: boolean;
}

/** With a parent of the lab's own no control group outlives it. */
export const dockerdArguments = (cgroup: string): readonly string[] => [
  ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', cgroup],
];

/** The Docker Engine of one host: an unmodified dockerd at its default socket. */
export class Engine {
  readonly #start: (argv: Argv) => Promise<Started>;
  readonly #socket: () => string;
  readonly #arguments: readonly string[];
  readonly #name: string;
  #daemon: Started | undefined;
  #options: EngineOptions = {};

  /** @param socket path of the engine's socket as seen from outside. */
  constructor(name: string, start: (argv: Argv) => Promise<Started>, socket: () => string, args: readonly string[]) {
    this.#name = name;
    this.#start = start;
    this.#socket = socket;
    this.#arguments = args;
  }

  /** Returns when it answers. Options stay in force for later starts. @throws Failure with the end of dockerd's log. */
  async start(options: EngineOptions = this.#options): Promise<void> {
    if (this.#daemon) throw new Failure('conflict', `dockerd of ${this.#name} is running already.`);
    this.#options = options;
    const live = options.liveRestore ? ['--live-restore'] : [];
    const daemon = await this.#start(['dockerd', ...this.#arguments, ...live]);
    this.#daemon = daemon;
    let alive = true;
    void daemon.ended.then(() => {
      alive = false;
      if (this.#daemon === daemon) this.#daemon = undefined;
    });
    const deadline = Date.now() + 60_000;
    while (alive && Date.now() < deadline) {
      if (await answers(this.#socket())) return;
      await delay(20);
    }
    const log = (await daemon.output()).trim().split('\n').slice(-5).join('\n');
    throw new Failure('unavailable', `dockerd of ${this.#name} ${alive ? 'does not answer' : 'ended'}:\n${log}`);
  }

  /** Returns when it has ended; containers are stopped unless it runs with live-restore. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    daemon?.kill('SIGTERM');
    await daemon?.ended;
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon;
    daemon?.kill('SIGKILL');
    await daemon?.ended;
  }
}

/** A stale socket file refuses, a missing one is not there: both mean no. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 2000 }, (response) => {
      response.resume();
      response.on('error', () => resolve(false));
      response.on('end', () => resolve(response.statusCode === 200));
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}
