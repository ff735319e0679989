/**
 * Containers that the cluster wants on this node. Level-triggered: whatever happened in between, a pass compares the
 * wanted workload with the engine's container and goes one way from there; a failure is reported and tried again.
 *
 * A container that ended by itself stays ended, as with Docker, also when somebody (`docker system prune`) removes what is
 * left of it: only a new generation (`trama start`) starts it again. One that ran when it was removed is made again.
 * What was last done is on disk, so that an agent's restart is not taken for a wish.
 */
import {
  Failure,
  type FailureCode,
  isFailure,
  toFailure,
  unknownNeed,
  type WorkloadPhase,
  type WorkloadRecord,
} from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { ByteStream } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { Attaching } from './attaching.ts';
import { resolveJoined } from './joined.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { LocalState } from './local-state.ts';
import type { RegistryLogins } from './registry-logins.ts';
import { Retries } from './retries.ts';
import { networksOf, type StatusReporter } from './status-reporter.ts';

/** On containers that Trama made; the value is the workload's id. */
export const workloadLabel = 'trama.workload';

export interface WorkloadsOptions {
  readonly node: string;
  readonly runtime: ContainerRuntime;
  readonly state: LocalState;
  /** Makes sure that Docker has the networks. @throws Failure when it cannot */
  ensureNetworks(networks: readonly string[]): Promise<void>;
  /** Docker's name of a Trama network. */
  networkName(network: string): string;
  /** Its networks, with the addresses that are its own as long as the workload exists. @throws Failure */
  keepAddresses(workload: WorkloadRecord): Promise<WorkloadRecord['spec']['networks']>;
  /** Releases addresses of workloads, by id, that do not stay. Their containers are gone. */
  releaseAddresses(stays: (workload: string) => boolean): Promise<void>;
  /** Resolves when servers have heard, or cannot hear now, of all endpoints that came and went until the call. */
  endpointsTold(): Promise<void>;
  readonly reporter: StatusReporter;
  /** Its container has ended. */
  ended(workload: WorkloadRecord): void;
  readonly logins: RegistryLogins;
  readonly clock: Clock;
  readonly log: Log;
}

/** Failures that can heal by themselves. */
const passing: ReadonlySet<FailureCode> = new Set(['unavailable', 'internal', 'overloaded', 'exhausted', 'deadline']);
const progressMs = 250;
const containerGone = 'its container is gone';

export class Workloads {
  readonly #options: WorkloadsOptions;
  readonly #wanted = new Map<string, WorkloadRecord>();
  readonly #queue = new KeyedQueue();
  /** Work on an older generation that a newer one overtakes. */
  readonly #running = new Map<string, AbortController>();
  /** Generation that failed, by name: tried again after a while or when something came back, not at every event. */
  readonly #failed = new Map<string, number>();
  readonly #retries: Retries;
  readonly #attaching: Attaching;

  constructor(options: WorkloadsOptions) {
    this.#options = options;
    this.#retries = new Retries(options.clock, (name) => this.check(name));
    this.#attaching = new Attaching({
      ...options,
      wanted: this.#wanted,
      containerOf: (workload) => this.#find(workload),
      find: (name) => this.find(name),
    });
  }

  wanted(): ReadonlyMap<string, WorkloadRecord> {
    return this.#wanted;
  }

  set(workload: WorkloadRecord): void {
    const former = this.#wanted.get(workload.name);
    this.#wanted.set(workload.name, workload);
    this.#retries.forget(workload.name);
    this.#running.get(workload.name)?.abort(new Failure('conflict', 'something newer is wanted of the container'));
    // Its removal was not heard of: its container is in the way of one of the same name.
    if (former !== undefined && former.id !== workload.id)
      void this.#queue
        .run(workload.name, () => this.sweep())
        .catch((error: unknown) => {
          this.#options.log.debug('not swept yet', { error });
        });
    this.check(workload.name);
  }

  /** The cluster no longer knows it: its container goes with the next `sweep`. */
  unset(name: string): void {
    this.#retries.forget(name);
    this.#wanted.delete(name);
    this.#options.reporter.forget(name);
    this.#running.get(name)?.abort(new Failure('not-found', 'the container is no longer wanted'));
  }

  /** Compares and acts, after whatever is going on for the same workload. */
  check(name: string): void {
    void this.#queue.run(name, () => this.#reconcile(name));
  }

  /** Resolves when nothing that was under way at the call is so any more. */
  quiet(): Promise<void> {
    return this.#queue.drained();
  }

  /** Looks at everything again, also at what has failed: the engine or a server came back. */
  checkAll(): void {
    this.#failed.clear();
    for (const name of this.#wanted.keys()) this.check(name);
  }

  /** Something happened to a container of ours: who cares looks again. */
  onContainer(workloadId: string): void {
    for (const { id, name } of this.#wanted.values()) {
      if (id !== workloadId) continue;
      // Judged in its turn: trying and failing makes events too, and they are no reason to try again at once.
      void this.#queue.run(name, async () => {
        if (this.#failed.get(name) !== this.#wanted.get(name)?.generation) await this.#reconcile(name);
      });
    }
  }

  /** A container came to be on a network, or no longer is. @param containerId the engine's */
  onNetwork(containerId: string): void {
    for (const { id, containerId: known } of this.#options.state.workloads.values()) {
      if (known === containerId) this.onContainer(id);
    }
  }

  /**
   * Removes containers of workloads that the cluster does not know. Only when `wanted` is known to be complete.
   * @throws what removing the last one that stays threw; the others are gone.
   */
  async sweep(): Promise<void> {
    const { node, runtime, state, log } = this.#options;
    const containers = await runtime.list({ 'trama.node': node });
    let failed: unknown;
    const stuck = new Set<string>();
    for (const container of containers) {
      const id = container.labels[workloadLabel];
      // Judged by what is wanted after the look: a container that was made meanwhile is one of a workload of meanwhile.
      if (id === undefined || this.#isWanted(id)) continue;
      log.info('removing a container that the cluster no longer knows', { container: container.name });
      await runtime.remove(container.id).catch((error: unknown) => {
        failed = error;
        stuck.add(id);
      });
    }
    await this.#options.releaseAddresses((id) => stuck.has(id) || this.#isWanted(id));
    for (const [name, memory] of [...state.workloads.entries()]) {
      if (!this.#isWanted(memory.id)) await state.workloads.delete(name);
    }
    if (failed !== undefined) throw failed;
  }

  #isWanted(id: string): boolean {
    return [...this.#wanted.values()].some((workload) => workload.id === id);
  }

  /** The container of a workload. @throws Failure */
  async container(name: string): Promise<ContainerInfo> {
    const workload = this.#wanted.get(name);
    if (workload === undefined)
      throw new Failure('not-found', `there is no container ${name} on node ${this.#options.node}`);
    const container = await this.#find(workload);
    if (container === undefined)
      throw new Failure('not-found', `container ${name} has not been created yet: see trama ps`);
    return container;
  }

  /** A container on this node: a workload's, or one that somebody started with the engine. @throws Failure */
  async find(name: string): Promise<ContainerInfo> {
    if (this.#wanted.has(name)) return this.container(name);
    try {
      return await this.#options.runtime.inspect(name);
    } catch (cause) {
      if (!isFailure(cause, 'not-found')) throw cause;
      throw new Failure('not-found', `there is no container ${name} on node ${this.#options.node}`, { cause });
    }
  }

  /** The engine's id of a workload's container, unless somebody has made it anew behind our back: known without asking. */
  knownId(name: string): string | undefined {
    const done = this.#options.state.workloads.get(name);
    return done !== undefined && done.id === this.#wanted.get(name)?.id ? done.containerId : undefined;
  }

  /** The main process's streams, of whatever container; a workload's is waited for. */
  attachTo(name: string, stdin: boolean): Promise<ByteStream> {
    return this.#attaching.to(name, stdin);
  }

  [Symbol.dispose](): void {
    this.#retries[Symbol.dispose]();
    for (const running of this.#running.values()) running.abort(new Failure('unavailable', 'the agent is stopping'));
  }

  async #reconcile(name: string): Promise<void> {
    const workload = this.#wanted.get(name);
    if (workload === undefined || this.#retries.ended) return;
    const controller = new AbortController();
    this.#running.set(name, controller);
    try {
      await this.#act(workload, controller.signal);
      this.#failed.delete(name);
      this.#retries.forget(name);
    } catch (error) {
      if (controller.signal.aborted) return;
      const failure = toFailure(error);
      this.#options.log.warn('workload failed', { container: name, error });
      this.#failed.set(name, workload.generation);
      this.#report(workload, 'failed', failure.message);
      // What can heal by itself is tried again; the rest waits for a person.
      if (passing.has(failure.code)) this.#retries.soon(name);
    } finally {
      this.#running.delete(name);
    }
  }

  async #act(workload: WorkloadRecord, signal: AbortSignal): Promise<void> {
    const container = await this.#find(workload).catch((error: unknown) => {
      if (isFailure(error, 'unavailable') && this.#neverStarted(workload)) return undefined;
      throw error;
    });
    if (workload.desired === 'removed') return this.#remove(workload, container);
    if (workload.desired === 'stopped') return this.#stopContainer(workload, container);
    const done = this.#options.state.workloads.get(workload.name);
    const answered = done?.id === workload.id && done.generation === workload.generation;
    if (container === undefined && answered && done.ended) return this.#report(workload, 'exited', containerGone);
    // Whoever made it was interrupted: it may lack networks.
    const isHalfMade = container?.state === 'created' && !answered;
    if (isHalfMade) await this.#options.runtime.remove(container.id);
    if (container === undefined || isHalfMade) return this.#createAndStart(workload, signal);
    try {
      await this.#keepRunning(workload, container, answered);
    } catch (cause) {
      if (!(await this.#isGoing(container.id))) throw cause;
      // No event will tell when it is gone: those are for what has not failed.
      throw new Failure('unavailable', 'its container is being removed: another will be made', { cause });
    }
  }

  async #keepRunning(workload: WorkloadRecord, container: ContainerInfo, answered: boolean): Promise<void> {
    const done = this.#options.state.workloads.get(workload.name);
    if (container.state !== 'running' && (!answered || shouldRunAlways(workload, container)))
      await this.#start(workload, container.id);
    else if (!answered) await this.#remember(workload, container.id);
    const now = await this.#options.runtime.inspect(container.id);
    const ended = now.state === 'exited' || now.state === 'dead';
    // Not while it is being removed: that is how somebody's `docker rm -f` of a running one looks, which comes back.
    const removing = now.state === 'removing';
    if (!removing && ended !== (answered && done?.ended === true)) await this.#remember(workload, container.id, ended);
    this.#reportContainer(workload, now);
  }

  /** Somebody removes it, or has. */
  async #isGoing(containerId: string): Promise<boolean> {
    try {
      return (await this.#options.runtime.inspect(containerId)).state === 'removing';
    } catch (error) {
      return isFailure(error, 'not-found');
    }
  }

  /**
   * To be removed, and as far as this node knows there has been no container: nobody needs to wait for the engine to say
   * so. What a kill hid from this node's memory is swept when the engine is back.
   */
  #neverStarted(workload: WorkloadRecord): boolean {
    return workload.desired === 'removed' && this.#options.state.workloads.get(workload.name)?.id !== workload.id;
  }

  async #createAndStart(workload: WorkloadRecord, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options;
    const unknown = unknownNeed(workload.spec.needs);
    if (unknown !== undefined) {
      const what = `container ${workload.name} needs ${unknown}, which Trama on this node is too old for`;
      throw new Failure('invalid', `${what}: upgrade it, or run the container elsewhere`);
    }
    await this.#ensureImage(workload, signal);
    this.#report(workload, 'creating', '');
    await this.#options.ensureNetworks(workload.spec.networks.map((each) => each.network));
    const labels = { [workloadLabel]: workload.id, 'trama.node': this.#options.node };
    const joined = await resolveJoined(workload.spec, async (name) => (await this.find(name)).id);
    const spec = { ...joined, networks: await this.#options.keepAddresses(workload) };
    const id = await runtime.create(workload.name, spec, labels, this.#options.networkName);
    try {
      if (workload.spec.attach === true) await this.#attaching.attached(workload.name, signal);
      await runtime.start(id);
    } catch (error) {
      // As `docker run` does not: a container that never started would only be in the way of the next try.
      await runtime.remove(id).catch(() => {});
      throw error;
    }
    await this.#remember(workload, id);
    this.#reportContainer(workload, await runtime.inspect(id));
  }

  async #ensureImage(workload: WorkloadRecord, signal: AbortSignal): Promise<void> {
    let last = 0;
    const progress = (message: string) => {
      const now = this.#options.clock.now();
      if (now - last < progressMs) return;
      last = now;
      this.#report(workload, 'pulling', message);
    };
    const { runtime, logins } = this.#options;
    await runtime.ensureImage(workload.spec.image, progress, signal, logins.of(workload.id));
    logins.forget(workload.id);
    signal.throwIfAborted();
  }

  async #start(workload: WorkloadRecord, containerId: string): Promise<void> {
    await this.#options.runtime.start(containerId);
    await this.#remember(workload, containerId);
  }

  async #stopContainer(workload: WorkloadRecord, container: ContainerInfo | undefined): Promise<void> {
    if (container === undefined) {
      this.#report(workload, 'exited', containerGone);
      return;
    }
    if (container.state === 'running' || container.state === 'restarting' || container.state === 'paused') {
      await this.#options.runtime.stop(container.id, workload.graceSeconds);
    }
    await this.#remember(workload, container.id);
    this.#reportContainer(workload, await this.#options.runtime.inspect(container.id));
  }

  async #remove(workload: WorkloadRecord, container: ContainerInfo | undefined): Promise<void> {
    if (container !== undefined) await this.#options.runtime.remove(container.id);
    await this.#options.releaseAddresses((id) => id !== workload.id);
    await this.#options.state.workloads.delete(workload.name);
    // Who hears that it is gone may remove its networks: they must not seem to be in use.
    await this.#options.endpointsTold();
    this.#report(workload, 'removing', 'gone');
  }

  #remember(workload: WorkloadRecord, containerId: string, ended = false): Promise<void> {
    return this.#options.state.workloads.set(workload.name, {
      id: workload.id,
      generation: workload.generation,
      containerId,
      ...(ended ? { ended } : {}),
    });
  }

  async #find(workload: WorkloadRecord): Promise<ContainerInfo | undefined> {
    const found = await this.#options.runtime.list({ [workloadLabel]: workload.id });
    return found[0];
  }

  #reportContainer(workload: WorkloadRecord, container: ContainerInfo): void {
    const phase: WorkloadPhase =
      container.state === 'running' || container.state === 'paused'
        ? 'running'
        : container.state === 'restarting'
          ? 'creating'
          : 'exited';
    this.#report(workload, phase, phase === 'creating' ? 'restarting' : '', container);
  }

  #report(workload: WorkloadRecord, phase: WorkloadPhase, message: string, container?: ContainerInfo): void {
    const { name, id, node, generation } = workload;
    this.#options.reporter.report({
      name,
      id,
      node,
      generation,
      phase,
      message,
      ...(container === undefined ? {} : { containerId: container.id }),
      ...(phase === 'exited' && container?.exitCode !== undefined ? { exitCode: container.exitCode } : {}),
      ...(container?.startedAt === undefined ? {} : { startedAt: container.startedAt }),
      networks: networksOf(container),
    });
    this.#attaching.reported(name);
    if (phase === 'exited') this.#options.ended(workload);
  }
}

/** The engine restarts such a container by itself, unless it gave up: at its own start, while no plugin answered. */
function shouldRunAlways({ spec }: WorkloadRecord, { state }: ContainerInfo): boolean {
  const ended = state === 'exited' || state === 'created' || state === 'dead';
  return ended && (spec.restart === 'always' || spec.restart === 'unless-stopped');
}
