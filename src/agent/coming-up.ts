/**
 * An engine that comes up, after its end or the host's: it answers nobody until all containers that it starts by itself are started.
 * Which these are its files tell.
 */
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerRuntime, RestartedContainer, RuntimeEvent } from '../runtimes/runtimes.ts';
import { builtInNetworks } from './docker-networks.ts';
import type { LocalState } from './local-state.ts';
import { unlessLate } from './unless-late.ts';
import { workloadLabel } from './workloads.ts';

export interface ComingUpOptions {
  readonly runtime: Pick<ContainerRuntime, 'list' | 'home' | 'startedByItself'>;
  readonly state: Pick<LocalState, 'engine' | 'dockerNetworks'>;
  readonly clock: Clock;
  readonly log: Log;
}

const engineKey = 'docker';

/** A question that an engine which comes up leaves unanswered. */
interface Probe {
  readonly answer: Promise<unknown>;
  over: boolean;
}

export class ComingUp {
  readonly #options: ComingUpOptions;
  /** The engine tells its events: it has come up. */
  #connected = false;
  #probe: Probe | undefined;
  #files: Promise<readonly RestartedContainer[]> | undefined;

  constructor(options: ComingUpOptions) {
    this.#options = options;
  }

  onEvent({ type }: RuntimeEvent): void {
    if (type !== 'connected' && type !== 'disconnected') return;
    this.#connected = type === 'connected';
    this.#probe = undefined;
    this.#files = undefined;
    if (this.#connected) void this.#rememberHome();
  }

  /** Whether the engine that asks answers nobody yet. What is asked once stays asked, so that its first answer is not missed. */
  async isMute(patienceMs: number): Promise<boolean> {
    if (this.#connected) return false;
    if (this.#probe !== undefined) return !this.#probe.over;
    const probe: Probe = { answer: this.#options.runtime.list({}), over: false };
    this.#probe = probe;
    const heard = probe.answer.then(
      () => {
        probe.over = true;
      },
      // No answer, but no silence either: it is asked again the next time.
      () => {
        probe.over = true;
        if (this.#probe === probe) this.#probe = undefined;
      },
    );
    await unlessLate(this.#options.clock, patienceMs, heard);
    return !probe.over;
  }

  /** @returns the plain containers that it starts in a network, and which may be asking for an address there; none where that is not known */
  async startedIn(network: string, patienceMs: number): Promise<readonly string[]> {
    const { state, clock } = this.#options;
    this.#files ??= this.#read();
    const all = await unlessLate(clock, patienceMs, this.#files);
    // One that has not been in a network yet could be meant in any: which of Docker's own names it will be there is not known.
    return (all ?? [])
      .filter(
        ({ labels, networks }) =>
          labels[workloadLabel] === undefined &&
          networks.some(({ name, id }) =>
            id === '' ? !builtInNetworks.has(name) : state.dockerNetworks.get(id)?.network === network,
          ),
      )
      .map(({ id }) => id);
  }

  /** None where they cannot be read. */
  async #read(): Promise<readonly RestartedContainer[]> {
    const { runtime, state, log } = this.#options;
    const home = state.engine.get(engineKey)?.home;
    if (home === undefined) return [];
    try {
      return await runtime.startedByItself(home);
    } catch (error) {
      log.info('Docker’s files do not tell whom it starts: plain containers get fresh addresses', { home, error });
      return [];
    }
  }

  async #rememberHome(): Promise<void> {
    const { runtime, state, log } = this.#options;
    try {
      const home = await runtime.home();
      if (state.engine.get(engineKey)?.home !== home) await state.engine.set(engineKey, { home });
    } catch (error) {
      log.info('where Docker keeps its files is not known', { error });
    }
  }
}
