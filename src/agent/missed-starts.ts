/**
 * Containers of plain Docker's that it was to start by itself (`--restart`) and could not because of Trama: the agent was
 * away for longer than Docker asks, refused an address for now, or put several off (`former-addresses.ts`). Docker gives such a
 * start up for good, so the agent starts them, one after the other: of one that starts alone it is known which address it had.
 *
 * Nothing is kept for it: Docker itself says why the last start of a container failed. That is looked at when Docker or
 * the agent comes, once more when Docker has given up what it repeats, and now and then while something could not be done, or was refused for now.
 */
import { forNow, isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { pluginDriver } from './docker-networks.ts';
import { startedSoon } from './former-addresses.ts';
import { unlessLate } from './unless-late.ts';
import { workloadLabel } from './workloads.ts';

export interface MissedStartsOptions {
  readonly runtime: Pick<ContainerRuntime, 'status' | 'networks' | 'list' | 'inspect' | 'start'>;
  /** What people are to know of. */
  report(message: string): void;
  /** This host is being left: nothing is started. */
  leaving(): boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** An engine that does not tell of a container has it in hand: it is looked at again later. */
const inspectMs = 2000;
/** Nobody else waits longer for one that hangs. */
const startMs = 10_000;
/** Within it an engine that was refused has written down that a start failed, and why. */
const writtenMs = 5000;
/** For so long an engine repeats what it heard no answer to (15 s); a request that was cut off it repeats in vain. */
const repeatedMs = 20_000;
/** How often one is waited for that others have joined and that does not run; tries are half a minute apart. */
const mostWaits = 20;

/**
 * What an engine says of a plugin that is not there, or does not answer as one; and what this one says. Not what it says of a port or an address that is
 * another's: whoever asked for that was told, and it may be free long after.
 */
const isOurs = (error: string): boolean =>
  /plugin "trama" not found|plugins%2Ftrama\.sock|\b(?:Plugin|IpamDriver|NetworkDriver)\.\w+: /.test(error) ||
  error.includes(startedSoon) ||
  error.includes(forNow);

type Named = Pick<ContainerInfo, 'id' | 'name'>;

/** The container that another wanted to join, by id. */
const joinedIn = (error: string): string | undefined =>
  /cannot join \w+ of a (?:non running|restarting) container: ?(\S+)/i.exec(error)?.[1];

export class MissedStarts {
  readonly #options: MissedStartsOptions;
  #last: Promise<void> = Promise.resolve();
  /** There is something to be tried again. */
  #pending = false;
  /** Until then a start may fail, or be said to have failed, that is not known of yet. */
  #lookUntil = Number.NEGATIVE_INFINITY;
  #waits = 0;
  /** Whom people know of. */
  readonly #reported = new Set<string>();

  constructor(options: MissedStartsOptions) {
    this.#options = options;
  }

  /** The engine is there. Resolves when each has been tried once. */
  async startAll(): Promise<void> {
    this.#waits = 0;
    this.#reported.clear();
    this.#lookFor(repeatedMs);
    await this.#inTurn();
  }

  /** An engine was refused something for now: it may have been a start that it does not try again. */
  refused(): void {
    this.#pending = true;
    this.#lookFor(writtenMs);
    this.#waits = 0;
  }

  /** Now and then. */
  async retry(): Promise<void> {
    if (this.#pending) await this.#inTurn();
  }

  #lookFor(ms: number): void {
    this.#lookUntil = Math.max(this.#lookUntil, this.#options.clock.now() + ms);
  }

  #inTurn(): Promise<void> {
    this.#last = this.#last.then(async () => {
      this.#pending = this.#options.clock.now() < this.#lookUntil;
      try {
        await this.#startThem();
      } catch (error) {
        this.#pending = true;
        this.#options.log.info('what Docker could not start is not known yet', { error });
      }
    });
    return this.#last;
  }

  async #startThem(): Promise<void> {
    const { runtime } = this.#options;
    const networks = (await runtime.networks()).filter(({ driver }) => driver === pluginDriver);
    const ours = new Set(networks.map(({ name }) => name));
    const isOn = (container: ContainerInfo) => container.networks.some(({ name }) => ours.has(name));
    // One that has joined another's namespace is on no network. The oldest first: others may need them.
    const asleep = (await runtime.list({}))
      .filter((each) => each.state === 'exited' && each.labels[workloadLabel] === undefined)
      .filter((each) => each.networks.length === 0 || isOn(each))
      .reverse();
    const joining: ContainerInfo[] = [];
    for (const each of asleep) {
      const why = await this.#missed(each);
      if (why === undefined) continue;
      if (joinedIn(why) !== undefined) joining.push(each);
      else if (isOurs(why) && !(await this.#start(each, why))) return;
    }
    // Docker has refused these because what they had joined did not run; that may have joined one itself.
    const ids = new Set(joining.map(({ id }) => id));
    for (const each of joining) {
      const why = (await this.#missed(each)) ?? '';
      const id = joinedIn(why);
      const other = id === undefined ? undefined : await this.#look({ id, name: id });
      if (other === undefined || !(isOn(other) || ids.has(other.id))) continue;
      if (other.state !== 'running') this.#pending ||= this.#waits++ < mostWaits;
      else if (!(await this.#start(each, why))) return;
    }
  }

  /** @returns why Docker could not start it, if it is to and it has run before */
  async #missed(container: Named): Promise<string | undefined> {
    const found = await this.#look(container);
    const { state, restarts, startedAt, error } = found ?? {};
    return state === 'exited' && restarts && startedAt !== undefined ? error : undefined;
  }

  /** One that Docker does not tell of keeps none of the others. */
  async #look({ id, name }: Named): Promise<ContainerInfo | undefined> {
    const { runtime, clock, log } = this.#options;
    try {
      const found = await unlessLate(clock, inspectMs, runtime.inspect(id));
      if (found === undefined) this.#pending = true;
      return found;
    } catch (error) {
      if (isFailure(error, 'not-found')) return undefined;
      log.info('a container cannot be looked at', { container: name, error });
      return undefined;
    }
  }

  /** @returns whether there is any sense in starting others */
  async #start({ id, name }: Named, why: string): Promise<boolean> {
    const { runtime, report, leaving, clock, log } = this.#options;
    if (leaving()) return false;
    try {
      const started = runtime.start(id).then(() => true);
      if (await unlessLate(clock, startMs, started)) {
        log.info('started a container that Docker could not start', { container: name, error: why });
        return true;
      }
      started.catch(() => {});
      this.#pending = true;
      return true;
    } catch (error) {
      this.#pending = true;
      // Looked at anew when it is back.
      if (!(await runtime.status()).available) return false;
      const message = error instanceof Error ? error.message : String(error);
      if (!this.#reported.has(id))
        report(`container ${name} is to be restarted by Docker, and could not be started: ${message}`);
      this.#reported.add(id);
      return true;
    }
  }
}
