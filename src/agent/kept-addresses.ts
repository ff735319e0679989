/**
 * Addresses of the containers that Trama runs: chosen when the container is made and its own until the workload is
 * removed, whether it runs or not. Docker is told to ask for exactly them, so that every start has the same ones.
 *
 * INVARIANTS
 *   - an address is on disk as kept before a container that asks for it exists;
 *   - while kept it is taken in its pool, whatever Docker releases, and only its workload's endpoint gets it;
 *   - what is kept for a workload that the cluster does not know goes with the sweep that removes such a container.
 */
import { Failure, type NetworkRecord, type WorkloadRecord, type WorkloadSpec } from '../domain/domain.ts';
import type { Addresses } from './addresses.ts';
import { addressKey, type KeptAddress, type LocalState } from './local-state.ts';

export interface KeptAddressesOptions {
  readonly addresses: Addresses;
  readonly state: LocalState;
  /** @throws Failure('not-found') */
  network(name: string): NetworkRecord;
}

export class KeptAddresses {
  readonly #options: KeptAddressesOptions;

  constructor(options: KeptAddressesOptions) {
    this.#options = options;
  }

  /**
   * The workload's networks, each with the address that is its own there from now on. Idempotent.
   * @throws Failure as `Addresses.assign` and `assignFixed`
   */
  keep(workload: WorkloadRecord): Promise<WorkloadSpec['networks']> {
    return Promise.all(
      workload.spec.networks.map(async (each) => ({ ...each, address: await this.keepOne(workload, each) })),
    );
  }

  /** Whose address it is, also while that does not run. */
  keeper(network: string, address: string): KeptAddress | undefined {
    return this.#options.state.kept.get(addressKey({ network, address }));
  }

  /** @param stays whether a workload, by id, still needs its own; the containers of the others are gone. */
  async release(stays: (workload: string) => boolean): Promise<void> {
    const gone = [...this.#options.state.kept.values()].filter((each) => !stays(each.workload));
    await Promise.all(gone.map((each) => this.#releaseOne(each)));
  }

  /** The workload's container is on that network no more. */
  async releaseIn(workload: string, network: string): Promise<void> {
    const gone = [...this.#options.state.kept.values()].filter(
      (each) => each.workload === workload && each.network === network,
    );
    await Promise.all(gone.map((each) => this.#releaseOne(each)));
  }

  /** The network is gone. */
  async forget(network: string): Promise<void> {
    const gone = [...this.#options.state.kept.entries()].filter(([, each]) => each.network === network);
    await Promise.all(gone.map(([key]) => this.#options.state.kept.delete(key)));
  }

  /** As `keep`, of one network. */
  async keepOne(workload: WorkloadRecord, wanted: WorkloadSpec['networks'][number]): Promise<string> {
    const { addresses, state } = this.#options;
    const network = this.#options.network(wanted.network);
    const former = [...state.kept.values()].find(
      (each) => each.workload === workload.id && each.network === network.id,
    );
    if (former !== undefined && (wanted.address ?? former.address) === former.address) return former.address;
    if (wanted.address !== undefined) this.#checkFree(workload, network, wanted.address);
    if (former !== undefined) await this.#releaseOne(former);
    const address = wanted.address ?? (await addresses.assign(network));
    if (wanted.address !== undefined) await addresses.assignFixed(network, wanted.address);
    // Another may have been faster.
    this.#checkFree(workload, network, address);
    const kept = { workload: workload.id, name: workload.name, network: network.id, address };
    await state.kept.set(addressKey(kept), kept);
    addresses.claim(network.id, address);
    return address;
  }

  /** @throws Failure('conflict') naming the workload whose it is */
  #checkFree({ id }: WorkloadRecord, network: NetworkRecord, address: string): void {
    const keeper = this.keeper(network.id, address);
    if (keeper === undefined || keeper.workload === id) return;
    throw new Failure(
      'conflict',
      `address ${address} of network ${network.name} belongs to the container ${keeper.name}, also while that does not run: choose another`,
    );
  }

  async #releaseOne(kept: KeptAddress): Promise<void> {
    await this.#options.state.kept.delete(addressKey(kept));
    this.#options.addresses.releaseUnused(kept.network, kept.address);
  }
}
