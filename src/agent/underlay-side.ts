/** Where this host stands among the others: looked at now and then, and told to whoever goes by it. */
import { type Pass, subjectOf } from '../kernel/kernel.ts';
import type { AgentOptions } from './agent.ts';
import { hostFacts } from './host-facts.ts';
import type { KernelSide } from './kernel-side.ts';
import type { Membership } from './membership.ts';
import { findUnderlay, type Underlay } from './underlay.ts';
import type { Wiring } from './wiring.ts';

export interface UnderlaySideOptions {
  readonly agent: AgentOptions;
  readonly node: string;
  readonly found: Underlay;
  readonly wiring: () => Wiring;
  readonly kernel: KernelSide;
  readonly membership: Membership;
}

export class UnderlaySide {
  readonly #options: UnderlaySideOptions;
  #underlay: Underlay;

  constructor(options: UnderlaySideOptions) {
    this.#options = options;
    this.#underlay = options.found;
  }

  get now(): Underlay {
    return this.#underlay;
  }

  /** What drivers go by: the host's address, and whether Docker's chain is there. */
  async lookAtHost(): Promise<void> {
    const { node, agent, wiring } = this.#options;
    wiring().setHost(await hostFacts(node, this.#underlay, agent.spawn, agent.readFile), this.#underlay.mtu);
  }

  /** The host as it is at this moment, before something is to stand on it. */
  async lookAgain(): Promise<void> {
    const { agent, membership } = this.#options;
    const { interfaces } = await findUnderlay(agent.spawn, agent.address, this.#underlay);
    if (!same(interfaces, this.#underlay.interfaces)) membership.outdated();
    this.#underlay = { ...this.#underlay, interfaces };
    await this.lookAtHost();
  }

  /** A bridge has taken the place of an interface, or given it back: the host may stand elsewhere now. */
  passed({ outcome }: Pass): void {
    if (!outcome.applied.some((step) => subjectOf(step).kind === 'uplink')) return;
    this.follow().catch((error: unknown) => this.#options.agent.log.warn('the underlay is looked at later', { error }));
  }

  /** Routes come and go with everybody's networks, and move nothing; the servers are told of them. */
  async follow(): Promise<void> {
    const { agent, kernel, membership } = this.#options;
    const found = await findUnderlay(agent.spawn, agent.address, this.#underlay);
    const { routes: formerRoutes, interfaces: formerInterfaces, ...before } = this.#underlay;
    const { routes, interfaces, ...now } = found;
    const moved = !same(now, before);
    this.#underlay = found;
    await this.lookAtHost();
    kernel.settleSoon();
    if (moved) agent.log.info(`the underlay changed: taking ${found.reason}`, { mtu: found.mtu });
    if (!moved && same(routes, formerRoutes) && same(interfaces, formerInterfaces)) return;
    membership.outdated();
    await membership.register();
  }
}

const same = (some: unknown, other: unknown): boolean => JSON.stringify(some) === JSON.stringify(other);
