/** What networks in a LAN need of an agent besides wiring: addresses of the LAN's own server, and a look at what only containers have. */
import type { NetworkRecord } from '../domain/domain.ts';
import type { Addresses } from './addresses.ts';
import type { AgentOptions } from './agent.ts';
import type { ClusterView } from './cluster-view.ts';
import { watchHandedOver } from './handed-over.ts';
import type { KernelSide } from './kernel-side.ts';
import { LanLeases } from './lan-leases.ts';
import type { LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

export interface LanSideOptions {
  readonly agent: AgentOptions;
  readonly node: string;
  readonly state: LocalState;
  readonly view: ClusterView;
  readonly kernel: KernelSide;
  wiring(): Wiring;
  addresses(): Addresses;
  report(message: string): void;
}

export class LanSide {
  readonly leases: LanLeases;
  readonly #options: LanSideOptions;

  constructor(options: LanSideOptions) {
    const { agent, kernel, wiring } = options;
    this.#options = options;
    this.leases = new LanLeases({
      ...{ ...options, spawn: agent.spawn, clock: agent.clock, log: agent.log },
      kernel: kernel.reconciler,
      settle: (owner) => kernel.settle(owner),
      host: () => wiring().host,
    });
  }

  /** Makes this host part of the network. */
  attach(network: NetworkRecord): Promise<unknown> {
    return this.#options.wiring().attach(network);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { agent, state, kernel, wiring, addresses } = this.#options;
    await Promise.all([
      this.leases.renew((network, address) => addresses().isTaken(network, address), signal),
      watchHandedOver({ ...agent, state, wiring: wiring(), kernel: kernel.reconciler }, signal),
    ]);
  }
}
