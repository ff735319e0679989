/** What the container engine says, and whom it concerns. */
import type { Clock, Log } from '../platform/platform.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import type { Background } from './background.ts';
import type { Debug } from './debug.ts';
import type { DockerSide } from './docker-side.ts';
import type { FormerAddresses } from './former-addresses.ts';
import type { Happenings } from './happenings.ts';
import type { KernelSide } from './kernel-side.ts';
import type { Membership } from './membership.ts';
import { MissedStarts } from './missed-starts.ts';
import type { UnderlaySide } from './underlay-side.ts';
import { type Workloads, workloadLabel } from './workloads.ts';

export interface EngineSideOptions {
  readonly runtime: ContainerRuntime;
  readonly docker: DockerSide;
  readonly workloads: Workloads;
  readonly former: FormerAddresses;
  readonly debug: Debug;
  readonly happenings: Happenings;
  readonly underlay: UnderlaySide;
  readonly kernel: KernelSide;
  readonly membership: Membership;
  leaving(): boolean;
  /** What people are to know of. */
  report(message: string): void;
  readonly clock: Clock;
  readonly log: Log;
  readonly background: Background;
}

export class EngineSide {
  readonly #options: EngineSideOptions;
  readonly #missed: MissedStarts;

  constructor(options: EngineSideOptions) {
    this.#options = options;
    this.#missed = new MissedStarts(options);
  }

  /** Until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { runtime, former, docker, workloads, happenings, background } = this.#options;
    for await (const event of runtime.events(signal)) {
      former.onEvent(event);
      docker.followNames(event);
      happenings.onEvent(event);
      if (event.type === 'connected') background('not in step with the container engine yet', this.#came());
      else if (event.type === 'container') workloads.onContainer(event.attributes[workloadLabel] ?? '');
      else if (event.type === 'disconnected') continue;
      else if (event.action === 'connect' || event.action === 'disconnect')
        workloads.onNetwork(event.attributes.container ?? '');
      else if (event.action === 'destroy') this.syncNetworks();
    }
  }

  /** A start that an engine was to do by itself may have failed for now. */
  refusedForNow(): void {
    this.#missed.refused();
  }

  /** Now and then: what could not be done when the engine came. */
  async maintain(): Promise<void> {
    await this.#missed.retry();
  }

  /** Not while the host leaves: what it has just removed would come back. */
  syncNetworks(): void {
    const { docker, leaving, background } = this.#options;
    if (!leaving()) background('Docker networks not in step yet', docker.syncNetworks());
  }

  async #came(): Promise<void> {
    const { docker, workloads, debug, underlay, kernel, membership, background } = this.#options;
    const gone = kernel.endGone();
    background('containers that are gone not ended yet', gone);
    // Their former addresses rest once those have ended.
    void gone.catch(() => {}).then(() => this.#missed.startAll());
    await underlay.lookAtHost();
    // An engine that starts writes iptables anew: what we believe of the kernel is no longer worth much.
    kernel.lookSoon();
    membership.outdated();
    background('containers of tools not removed yet', debug.sweep());
    await docker.syncNetworks();
    workloads.checkAll();
    background('containers not named yet', docker.nameAll());
    if (membership.connected) await membership.register();
  }
}
