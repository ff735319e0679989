/**
 * The address that a container had before, for its next start: `docker restart web` keeps it. Docker does not say for
 * whom it asks for an address, so this is a conclusion, drawn only where nobody else could be meant, while the address still rests:
 *
 * - of all containers that do not run, there is one of which the engine does not tell at the moment: it tells of none while it
 *   starts it. A new container's start costs nothing here: the engine has told of it before it asks.
 * - The engine itself comes up, after its end or the host's, and answers nobody: it starts one alone by itself in that network.
 *   Where it starts several there, none is let start, and the agent starts them one by one when the engine has come up: `missed-starts.ts`.
 *
 * Kept in memory and on disk; who was never seen to end gets a fresh address. (A container that Trama runs asks for its own.)
 */
import { type EndpointRecord, Failure, isFailure, type NetworkRecord } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerRuntime, RuntimeEvent } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import type { ComingUp } from './coming-up.ts';
import { builtInNetworks } from './docker-networks.ts';
import { addressKey, type FormerAddress, type LocalState } from './local-state.ts';
import { unlessLate } from './unless-late.ts';
import { workloadLabel } from './workloads.ts';

export interface FormerAddressesOptions {
  readonly runtime: Pick<ContainerRuntime, 'list' | 'inspect'>;
  readonly engine: Pick<ComingUp, 'onEvent' | 'isMute' | 'startedIn'>;
  readonly addresses: Pick<Addresses, 'rests' | 'isTaken' | 'assignAgain'>;
  readonly state: Pick<LocalState, 'former' | 'endpoints'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** An engine that is starting asks for addresses before it answers anybody: it must not wait for long. */
const patienceMs = 200;

/** An engine that tells of others would have told within it of one that it does not start. */
const silenceMs = 50;

/** From a container's creation to its first question, when one command does both; longer costs time and nothing else. */
const birthMs = 500;

/** Told to those that `missed-starts.ts` starts. */
export const startedSoon = 'Trama starts each of them, with its former address, as soon as Docker answers';

const savedKey = 'all';
/** Late and for all at once. */
const saveMs = 500;

/** Among more containers that do not run, nobody is sought: each is asked for, which takes an engine up to as long. */
const most = 256;
const inspectMs = 2;

export class FormerAddresses {
  readonly #options: FormerAddressesOptions;
  /** One per address: as many as rest, at most. */
  readonly #former = new Map<string, FormerAddress>();
  /** Containers that were made and have not run yet, and when they were made. */
  readonly #newborn = new Map<string, number>();
  /** When an endpoint came to its end last. */
  #lastEnd = Number.NEGATIVE_INFINITY;
  #saving = false;

  constructor(options: FormerAddressesOptions) {
    this.#options = options;
    for (const each of options.state.former.get(savedKey) ?? []) this.#former.set(addressKey(each), each);
  }

  async save(): Promise<void> {
    const { state } = this.#options;
    this.#forgetTaken();
    if (this.#former.size > 0) await state.former.set(savedKey, [...this.#former.values()]);
    else if (state.former.get(savedKey) !== undefined) await state.former.delete(savedKey);
  }

  /** An endpoint has come to its end; its container may be started again. */
  ended({ network, address, container, kind }: EndpointRecord): void {
    if (kind !== 'container' || container === undefined) return;
    const key = addressKey({ network, address });
    this.#former.delete(key);
    this.#former.set(key, { network, address, container: container.id });
    this.#lastEnd = this.#options.clock.now();
    this.#saveSoon();
  }

  /** An agent that is killed finds them again, too. */
  #saveSoon(): void {
    if (this.#saving) return;
    this.#saving = true;
    const { clock, log } = this.#options;
    void clock
      .sleep(saveMs)
      .then(() => {
        this.#saving = false;
        return this.save();
      })
      .catch((error: unknown) => log.warn('former addresses were not saved', { error }));
  }

  onEvent(event: RuntimeEvent): void {
    this.#options.engine.onEvent(event);
    // What happened while nobody listened is not known.
    if (event.type === 'connected') this.#newborn.clear();
    if (event.type !== 'container') return;
    if (event.action === 'create') this.#newborn.set(event.id, this.#options.clock.now());
    if (event.action === 'start' || event.action === 'destroy') this.#newborn.delete(event.id);
    if (event.action !== 'destroy') return;
    for (const [key, { container }] of this.#former) if (container === event.id) this.#former.delete(key);
  }

  /**
   * @returns an address that is taken now, for the container whose it was; undefined when whoever starts gets a fresh one
   * @throws Failure('conflict') when it could be any of several that have theirs
   */
  async assign(network: NetworkRecord): Promise<string | undefined> {
    const former = this.#restingIn(network.id);
    if (former.length === 0 || this.#isBirth()) return undefined;
    const starting = await this.#starting(network, new Set(former.map(({ container }) => container)));
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
  #restingIn(network: string): FormerAddress[] {
    this.#forgetTaken();
    const { addresses } = this.#options;
    return [...this.#former.values()].filter(
      (each) => each.network === network && addresses.rests(network, each.address),
    );
  }

  /** One that is given to somebody whose endpoint is not there yet may come back: its start may fail, or this agent be killed. */
  #forgetTaken(): void {
    const { state, addresses } = this.#options;
    const held = new Set([...state.endpoints.values()].map(({ record }) => addressKey(record)));
    for (const [key, { network, address }] of this.#former) {
      const given = addresses.isTaken(network, address) && !held.has(key);
      if (!given && !addresses.rests(network, address)) this.#former.delete(key);
    }
  }

  /**
   * @returns the one container that can be starting now; undefined unless it is sure
   * @throws Failure('conflict') when an engine that comes up starts several
   */
  async #starting(network: NetworkRecord, candidates: ReadonlySet<string>): Promise<string | undefined> {
    const { runtime, engine, clock } = this.#options;
    if (await engine.isMute(patienceMs)) {
      const started = await engine.startedIn(network.id, patienceMs);
      if (started.length < 2) return started[0];
      // What lives is not what asks: the engine is only slow, or has kept its containers.
      const asking = started.filter((id) => !this.#lives(network.id, id));
      if (asking.length < 2 || !asking.some((id) => candidates.has(id))) return undefined;
      // Whoever starts them may be the next agent.
      if (this.#saving) await this.save();
      throw new Failure(
        'conflict',
        `Docker comes up and starts ${asking.length} containers in network ${network.name} without saying for which it asks: ${startedSoon}`,
      );
    }
    const containers = await unlessLate(clock, patienceMs, runtime.list({})).catch(() => undefined);
    const asleep = (containers ?? []).filter(
      ({ state, labels, networks }) =>
        !awake.has(state) &&
        labels[workloadLabel] === undefined &&
        networks.some(({ name }) => !builtInNetworks.has(name)),
    );
    if (asleep.length > most || !asleep.some(({ id }) => candidates.has(id))) return undefined;
    return await this.#silent(asleep.map(({ id }) => id)).catch(() => undefined);
  }

  #lives(network: string, container: string): boolean {
    const endpoints = [...this.#options.state.endpoints.values()];
    return endpoints.some(({ record }) => record.network === network && record.container?.id === container);
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
    const { clock } = this.#options;
    await unlessLate(clock, patienceMs + ids.length * inspectMs, Promise.race([one.promise, all]));
    await unlessLate(clock, silenceMs, all);
    const [only, ...others] = silent;
    return others.length === 0 ? only : undefined;
  }
}

/** States of containers that are not about to start. */
const awake: ReadonlySet<string> = new Set(['running', 'paused', 'removing']);
