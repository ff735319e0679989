/**
 * The address that a container had before, for its next start: `docker restart web` keeps it. Docker does not say for
 * whom it asks for an address, so this is a conclusion, drawn only where nobody else could be meant, while the address still rests:
 *
 * - of all containers that do not run, there is one of which the engine does not tell at the moment: it tells of none while it
 *   starts it. A new container's start costs nothing here: the engine has told of it before it asks.
 * - The engine itself comes up, after its end or the host's, and answers nobody: its files tell of one alone that it starts by
 *   itself in that network.
 *
 * Kept in memory alone; who was never seen to end gets a fresh address. (A container that Trama runs asks for its own.)
 */
import { type EndpointRecord, isFailure, type NetworkRecord } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime, RuntimeEvent } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import { addressKey, type LocalState } from './local-state.ts';
import { workloadLabel } from './workloads.ts';

export interface FormerAddressesOptions {
  readonly runtime: Pick<ContainerRuntime, 'list' | 'inspect' | 'home' | 'startedByItself'>;
  readonly addresses: Pick<Addresses, 'rests' | 'assignAgain'>;
  readonly state: Pick<LocalState, 'engine' | 'dockerNetworks'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** An engine that is starting asks for addresses before it answers anybody: it must not wait for long. */
const patienceMs = 200;

/** An engine that tells of others would have told within it of one that it does not start. */
const silenceMs = 50;

/** From a container's creation to its first question, when one command does both; longer costs time and nothing else. */
const birthMs = 500;

/** Who has not answered is not asked again by each of the many that it starts. */
const muteMs = 1000;

const engineKey = 'docker';

/** Among more containers that do not run, nobody is sought. */
const most = 64;

interface Former {
  readonly network: string;
  readonly address: string;
  readonly container: string;
}

export class FormerAddresses {
  readonly #options: FormerAddressesOptions;
  /** One per address: as many as rest, at most. */
  readonly #former = new Map<string, Former>();
  /** Containers that were made and have not run yet, and when they were made. */
  readonly #newborn = new Map<string, number>();
  /** When an endpoint came to its end last. */
  #lastEnd = Number.NEGATIVE_INFINITY;
  /** The engine tells its events: it has come up. */
  #connected = false;
  /** When it last answered nothing while it was not. */
  #mute = Number.NEGATIVE_INFINITY;

  constructor(options: FormerAddressesOptions) {
    this.#options = options;
  }

  /** An endpoint has come to its end; its container may be started again. */
  ended({ network, address, container, kind }: EndpointRecord): void {
    if (kind !== 'container' || container === undefined) return;
    const key = addressKey({ network, address });
    this.#former.delete(key);
    this.#former.set(key, { network, address, container: container.id });
    this.#lastEnd = this.#options.clock.now();
  }

  onEvent(event: RuntimeEvent): void {
    if (event.type === 'connected' || event.type === 'disconnected') this.#connected = event.type === 'connected';
    if (event.type === 'connected') {
      // What happened while nobody listened is not known.
      this.#newborn.clear();
      void this.#rememberHome();
    }
    if (event.type !== 'container') return;
    if (event.action === 'create') this.#newborn.set(event.id, this.#options.clock.now());
    if (event.action === 'start' || event.action === 'destroy') this.#newborn.delete(event.id);
    if (event.action !== 'destroy') return;
    for (const [key, { container }] of this.#former) if (container === event.id) this.#former.delete(key);
  }

  /** @returns an address that is taken now, for the container whose it was; undefined when whoever starts gets a fresh one */
  async assign(network: NetworkRecord): Promise<string | undefined> {
    const former = this.#restingIn(network.id);
    if (former.length === 0 || this.#isBirth()) return undefined;
    const starting = await this.#starting(network.id, new Set(former.map(({ container }) => container)));
    const own = former.findLast(({ container }) => container === starting);
    if (own === undefined) return undefined;
    return this.#options.addresses.assignAgain(network, own.address) ? own.address : undefined;
  }

  /** Whether the one that asks is surely new. */
  #isBirth(): boolean {
    const now = this.#options.clock.now();
    return [...this.#newborn.values()].some((born) => born >= this.#lastEnd && now - born < birthMs);
  }

  /** In the order in which they came to rest. */
  #restingIn(network: string): Former[] {
    for (const [key, each] of this.#former) {
      if (each.network === network && !this.#options.addresses.rests(network, each.address)) this.#former.delete(key);
    }
    return [...this.#former.values()].filter((each) => each.network === network);
  }

  /** @returns the one container that can be starting now; undefined unless it is sure */
  async #starting(network: string, candidates: ReadonlySet<string>): Promise<string | undefined> {
    const { runtime, clock } = this.#options;
    const mute = !this.#connected && clock.now() - this.#mute < muteMs;
    const listed = mute ? undefined : await this.#within(patienceMs, runtime.list({})).catch(() => undefined);
    if (listed !== undefined) return await this.#startedNow(listed, candidates);
    if (this.#connected) return undefined;
    this.#mute = clock.now();
    return await this.#startedByItself(network);
  }

  async #startedNow(
    containers: readonly ContainerInfo[],
    candidates: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const asleep = containers.filter(
      ({ state, labels, networks }) =>
        !awake.has(state) && labels[workloadLabel] === undefined && networks.some(({ name }) => !builtIn.has(name)),
    );
    if (asleep.length > most || !asleep.some(({ id }) => candidates.has(id))) return undefined;
    return await this.#silent(asleep.map(({ id }) => id)).catch(() => undefined);
  }

  /** One that has not been in a network yet could be meant in any: under which name Docker knows ours is not asked then. */
  async #startedByItself(network: string): Promise<string | undefined> {
    const { runtime, state, log } = this.#options;
    const home = state.engine.get(engineKey)?.home;
    if (home === undefined) return undefined;
    try {
      const all = await runtime.startedByItself(home);
      const meant = all.filter(
        ({ labels, networks }) =>
          labels[workloadLabel] === undefined &&
          networks.some(({ name, id }) =>
            id === '' ? !builtIn.has(name) : state.dockerNetworks.get(id)?.network === network,
          ),
      );
      return meant.length === 1 ? meant[0]?.id : undefined;
    } catch (error) {
      log.info('Docker’s files do not tell whom it starts: containers get fresh addresses', { home, error });
      return undefined;
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

  /**
   * An engine tells of no container while it starts it. @returns the only one of which it does not tell
   * @throws what the engine answers when it does not tell for another reason
   */
  async #silent(ids: readonly string[]): Promise<string | undefined> {
    const silent = new Set(ids);
    const one = Promise.withResolvers<void>();
    const told = (id: string) => {
      silent.delete(id);
      if (silent.size <= 1) one.resolve();
    };
    if (ids.length === 1) one.resolve();
    const all = Promise.all(
      ids.map(async (id) => {
        await this.#options.runtime.inspect(id).catch((error: unknown) => {
          if (!isFailure(error, 'not-found')) throw error;
        });
        told(id);
      }),
    );
    await this.#within(patienceMs, Promise.race([one.promise, all]));
    await this.#within(silenceMs, all);
    const [only, ...others] = silent;
    return others.length === 0 ? only : undefined;
  }

  /** @returns undefined when it takes longer */
  async #within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
    const done = new AbortController();
    const late = this.#options.clock.sleep(ms, done.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([work, late]);
    } finally {
      done.abort();
    }
  }
}

/** States of containers that are not about to start. */
const awake: ReadonlySet<string> = new Set(['running', 'paused', 'removing']);

/** Docker's own networks: who is on no other asks Trama for nothing. */
const builtIn: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);
