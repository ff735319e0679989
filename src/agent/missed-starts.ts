/**
 * Containers of plain Docker's that it was to start by itself (`--restart`) and could not because of Trama: the agent was
 * away for longer than Docker asks, or refused an address (`former-addresses.ts`). Docker gives such a start up for good, so the
 * agent starts them, one after the other: of one that starts alone it is known which address it had.
 *
 * Nothing is kept for it: Docker itself says why the last start of a container failed.
 */
import { isFailure } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { pluginDriver } from './docker-networks.ts';
import { workloadLabel } from './workloads.ts';

export interface MissedStartsOptions {
  readonly runtime: Pick<ContainerRuntime, 'networks' | 'list' | 'inspect' | 'start'>;
  /** What people are to know of. */
  report(message: string): void;
  /** This host is being left: nothing is started. */
  leaving(): boolean;
  readonly log: Log;
}

/** Docker's words for a plugin that is not there, one that does not answer, one that refuses, and one whose answer is no good. */
const causedByPlugin = [
  /plugin "trama" not found/,
  /plugins%2Ftrama\.sock/,
  /\b(?:Plugin|IpamDriver|NetworkDriver)\.\w+: /,
  /\bremote: /,
];

export class MissedStarts {
  readonly #options: MissedStartsOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: MissedStartsOptions) {
    this.#options = options;
  }

  /** Resolves when each has been tried once. */
  startAll(): Promise<void> {
    this.#last = this.#last.catch(() => {}).then(() => this.#startAll());
    return this.#last;
  }

  async #startAll(): Promise<void> {
    const asleep = await this.#asleep();
    const missed = asleep.filter(({ startError = '' }) => causedByPlugin.some((words) => words.test(startError)));
    const started = new Set<string>();
    for (const each of missed) if (await this.#start(each)) started.add(each.id);
    // Docker has refused these because those did not run.
    const joined = asleep.filter((each) => !missed.includes(each) && started.has(each.joined ?? ''));
    for (const each of joined) await this.#start(each);
  }

  /** Those that Docker is to start, have run before, and whose last start failed. */
  async #asleep(): Promise<ContainerInfo[]> {
    const { runtime } = this.#options;
    const networks = (await runtime.networks()).filter(({ driver }) => driver === pluginDriver);
    const ours = new Set(networks.map(({ name }) => name));
    // One that has joined another's namespace is on no network.
    const listed = (await runtime.list({})).filter(
      ({ state, labels, networks: on }) =>
        state === 'exited' &&
        labels[workloadLabel] === undefined &&
        (on.length === 0 || on.some(({ name }) => ours.has(name))),
    );
    const found = await Promise.all(
      listed.map(({ id }) =>
        runtime.inspect(id).catch((error: unknown) => {
          if (!isFailure(error, 'not-found')) throw error;
        }),
      ),
    );
    return found.filter(
      (each) =>
        each?.state === 'exited' &&
        each.restarts === true &&
        each.startedAt !== undefined &&
        each.startError !== undefined,
    ) as ContainerInfo[];
  }

  async #start({ id, name, startError }: ContainerInfo): Promise<boolean> {
    const { runtime, report, leaving, log } = this.#options;
    if (leaving()) return false;
    try {
      await runtime.start(id);
      log.info('started a container that Docker could not start', { container: name, error: startError });
      return true;
    } catch (error) {
      // Somebody has removed it; or Docker ends, and will be looked at when it is back.
      if (isFailure(error, 'not-found') || isFailure(error, 'unavailable')) return false;
      const why = error instanceof Error ? error.message : String(error);
      report(`container ${name} is to be restarted by Docker, and could not be started: ${why}`);
      return false;
    }
  }
}
