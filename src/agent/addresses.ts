/**
 * Addresses of this node's endpoints. They come from blocks that the node has leased, at no round trip and also while
 * no server answers; only a new block, and a fixed address outside the node's blocks, takes a server.
 */
import {
  AddressPool,
  type BlockRecord,
  Failure,
  isFailure,
  lanOf,
  macOf,
  type NetworkRecord,
  parseAddress,
  spaceOf,
} from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type Api, ask } from '../protocol/protocol.ts';
import type { ClusterView } from './cluster-view.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { LanLeases } from './lan-leases.ts';
import { addressKey, type LocalState } from './local-state.ts';
import type { Change } from './mirror.ts';
import { heldIn, rememberedPool } from './remembered-pool.ts';
import { type Reservation, Reservations } from './reservations.ts';
import { ReturningBlocks } from './returning-blocks.ts';
import { Unclaimed } from './unclaimed.ts';

export interface AddressesOptions {
  readonly node: string;
  readonly api: Api;
  readonly view: ClusterView;
  /** The newest revision that this node has heard of. */
  heard?(): number;
  readonly state: LocalState;
  /** For networks whose addresses a LAN's own server gives; `attach` makes this host part of one. */
  readonly lan?: { readonly leases: LanLeases; attach(network: NetworkRecord): Promise<unknown> };
  readonly clock: Clock;
  readonly log: Log;
}

const saveMs = 500;
const leaseDeadlineMs = 5000;

export class Addresses {
  readonly #options: AddressesOptions;
  readonly #pools = new Map<string, AddressPool>();
  readonly #leasing = new KeyedQueue();
  readonly #unclaimed: Unclaimed;
  readonly #returning: ReturningBlocks;
  readonly #reservations: Reservations;
  /** Network → blocks that are this node's, as its topic tells. */
  readonly #leased = new Map<string, Set<string>>();
  readonly #dirty = new Set<string>();
  /** A server has told which blocks are this node's. */
  #told = false;

  constructor(options: AddressesOptions) {
    this.#options = options;
    this.#unclaimed = new Unclaimed(options.clock);
    this.#returning = new ReturningBlocks(options);
    const isTaken = ({ network, address }: Reservation) => this.isTaken(network, address);
    this.#reservations = new Reservations({ ...options, isTaken });
  }

  /**
   * Blocks and reservations of this node, as its topic tells.
   * @param fresh by a server. What the disk has beyond the first of that was given back, and this node killed before it wrote so.
   */
  apply(changes: readonly Change[], fresh: boolean): void {
    for (const { value, previous } of changes) {
      if (value?.kind === 'block') this.#addBlock(value.block);
      else if (previous?.kind === 'block') this.#blockWent(previous.block);
      const [before, after] = [previous, value].map((each) =>
        each?.kind === 'reservation' ? each.reservation : undefined,
      );
      this.#reservations.apply(before, after);
    }
    if (!fresh || this.#told) return;
    this.#told = true;
    for (const [network, pool] of this.#pools) this.#keepLeased(network, pool);
  }

  /** @throws Failure('exhausted') or ('unavailable'), saying which network and what to do */
  async assign(network: NetworkRecord): Promise<string> {
    // How the LAN is reached is clear then.
    if (lanOf(network)?.dhcp) await this.#options.lan?.attach(network);
    return this.assignOwn(network, false);
  }

  /** As `assign`, for this node itself: before it is in the network. */
  assignOwn(network: NetworkRecord, own = true): Promise<string> {
    return lanOf(network)?.dhcp ? this.#assignFromLan(network, own) : this.#assignFromPool(network);
  }

  async #assignFromPool(network: NetworkRecord): Promise<string> {
    const pool = this.#pool(network.id);
    if (pool === undefined) throw gone(network.id);
    for (;;) {
      const address = pool.assign(this.#options.clock.now());
      if (address === undefined) await this.#lease(network, pool);
      else if (this.#options.view.nodeWith(network, address) !== undefined) pool.neverAssign(address);
      else {
        this.#note(network.id, address);
        this.#prefetch(network.id, pool);
        return address;
      }
    }
  }

  /** The LAN's server says who has which; the cluster's must hear of it. */
  async #assignFromLan(network: NetworkRecord, own: boolean): Promise<string> {
    const { lan } = this.#options;
    const pool = this.#pool(network.id);
    if (pool === undefined || lan === undefined) throw gone(network.id);
    const address = await lan.leases.obtain(network, own, (each) =>
      this.#reservations.ask({ network: network.id, address: each }),
    );
    pool.take(address);
    this.#note(network.id, address);
    return address;
  }

  /** Whether it was released, and nobody has had it since. */
  rests(network: string, address: string): boolean {
    return this.#pool(network)?.rests(address) ?? false;
  }

  /** For the one who had it before: it need not have rested. @returns whether it was there to give */
  assignAgain(network: NetworkRecord, address: string): boolean {
    const assigned = this.#pool(network.id)?.assign(this.#options.clock.now(), address) !== undefined;
    if (assigned) this.#note(network.id, address);
    return assigned;
  }

  /** @throws Failure('conflict') when somebody has it */
  assignFixed(network: NetworkRecord, address: string): Promise<void> {
    return this.#reservations.inTurn({ network: network.id, address }, () => this.#assignFixed(network, address));
  }

  async #assignFixed(network: NetworkRecord, address: string): Promise<void> {
    const pool = this.#pool(network.id);
    if (pool === undefined) throw gone(network.id);
    const host = this.#options.view.nodeWith(network, address);
    if (host !== undefined)
      throw new Failure(
        'conflict',
        `address ${address} of network ${network.name} is that of node ${host}: choose another`,
      );
    // Whose it is, is asked when an endpoint comes with it.
    if (this.#unclaimed.isLeft(network.id, address) || this.#isKept(network.id, address))
      return this.#note(network.id, address);
    if (pool.taken.has(address))
      throw new Failure(
        'conflict',
        `address ${address} of network ${network.name} is in use on this node: choose another`,
      );
    // One that was yielded to another node may have been given up there.
    const assigned = () => pool.assign(this.#options.clock.now(), address) !== undefined;
    // As long as its block is being given back it is this node's to the servers, and they would reserve nothing.
    if (!assigned() && !(await this.#returning.settled(network.id, pool, address).then(assigned))) {
      await this.#reservations.ask({ network: network.id, address });
      pool.take(address);
    }
    this.#note(network.id, address);
  }

  /** An endpoint is about to have the address: nobody else is given it meanwhile. */
  coming(network: string, address: string): void {
    this.#unclaimed.coming(network, address);
  }

  /** An endpoint has the address: from now on it is released only with that. */
  claim(network: string, address: string): void {
    this.#unclaimed.delete(network, address);
    this.#pool(network)?.take(address);
  }

  isTaken(network: string, address: string): boolean {
    return this.#pool(network)?.taken.has(address) ?? false;
  }

  /** Nothing happens while it is kept for a workload. */
  release(network: string, address: string): void {
    this.#unclaimed.delete(network, address);
    if (this.#isKept(network, address)) return;
    const pool = this.#pools.get(network);
    if (pool === undefined) return;
    pool.release(address, this.#options.clock.now());
    if (!pool.holds(address)) this.#reservations.giveBack({ network, address });
    this.#options.lan?.leases.release(network, address);
    this.#save(network);
  }

  /** Somebody who had it is gone. Released by itself if an endpoint has it by now, or is about to. */
  releaseUnused(network: string, address: string): void {
    if (this.#unclaimed.has(network, address)) return;
    const endpoints = [...this.#options.state.endpoints.values()];
    if (endpoints.some(({ record }) => record.network === network && record.address === address)) return;
    this.release(network, address);
  }

  /** Answers a server that wants the address for another node. */
  async yield(network: string, address: string): Promise<void> {
    const pool = this.#pool(network);
    if (pool?.yield(address) === false)
      throw new Failure('conflict', `address ${address} is in use on node ${this.#options.node}`);
    if (pool !== undefined) await this.#options.state.pools.set(network, pool.state);
  }

  /** All that this node may assign from or has assigned, by its own disk; for servers that do not know. */
  held(): { blocks: { network: string; cidr: string }[]; reservations: { network: string; address: string }[] } {
    const { state } = this.#options;
    const networks = new Set([...this.#pools.keys(), ...[...state.pools.entries()].map(([network]) => network)]);
    const pools = [...networks].flatMap((network) => {
      const pool = this.#pool(network);
      return pool === undefined ? [] : [{ network, pool }];
    });
    return heldIn(pools);
  }

  /** They are other nodes' since. */
  lose(blocks: readonly { network: string; cidr: string }[]): void {
    for (const { network, cidr } of blocks) this.#removeBlock({ network, cidr, node: this.#options.node });
  }

  /** The network is gone. */
  async forget(network: NetworkRecord): Promise<void> {
    this.#pools.delete(network.id);
    this.#unclaimed.forget(network.id);
    this.#options.lan?.leases.releaseAll(network);
    await this.#options.state.pools.delete(network.id);
  }

  /** How many of this node's are in use, free, and resting, by network. */
  *counts() {
    for (const [network, pool] of this.#pools) yield { network, ...pool.counts };
  }

  /** Every 30 s or so: takes back what nobody claimed and returns reservations without an owner. */
  maintain(): void {
    for (const { network, address } of this.#unclaimed.overdue()) {
      this.#unclaimed.delete(network, address);
      this.releaseUnused(network, address);
    }
    this.#reservations.maintain();
  }

  /**
   * Every 30 s or so: gives back blocks in which nothing is in use any more.
   * @param inUse networks that this node has endpoints in: of their blocks enough are kept for the next containers.
   */
  async returnBlocks(inUse: ReadonlySet<string>): Promise<void> {
    for (const [network, pool] of this.#pools) {
      const isLeased = (cidr: string) => this.#leased.get(network)?.has(cidr) === true;
      if (await this.#returning.returnIdle({ network, pool, inUse: inUse.has(network), isLeased })) this.#save(network);
    }
  }

  #addBlock({ network, cidr }: BlockRecord): void {
    const leased = this.#leased.get(network) ?? new Set();
    this.#leased.set(network, leased.add(cidr));
    this.#pool(network)?.addBlock(cidr);
  }

  #removeBlock({ network, cidr }: BlockRecord): string[] {
    const leased = this.#leased.get(network);
    if (leased?.delete(cidr) && leased.size === 0) this.#leased.delete(network);
    const taken = this.#pools.get(network)?.removeBlock(cidr) ?? [];
    this.#save(network);
    return taken;
  }

  /** One that was thought to stay after all, and went: what has been assigned of it since becomes this node's one by one. */
  #blockWent(block: BlockRecord): void {
    const { network, cidr } = block;
    const taken = this.#removeBlock(block);
    if (!this.#returning.gone(network, cidr)) return;
    for (const address of taken) this.#reservations.askUntilHeld({ network, address });
  }

  /** What is taken of the others stays so until it is released. */
  #keepLeased(network: string, pool: AddressPool): void {
    const others = pool.blocks.filter((cidr) => !this.#leased.get(network)?.has(cidr));
    for (const cidr of others) pool.removeBlock(cidr);
    if (others.length > 0) this.#save(network);
  }

  #pool(networkId: string): AddressPool | undefined {
    const existing = this.#pools.get(networkId);
    if (existing !== undefined) return existing;
    const { view, state, clock } = this.#options;
    const network = view.network(networkId);
    if (network === undefined) return undefined;
    const pool = new AddressPool(spaceOf(network), rememberedPool(state, networkId, clock.now()));
    // Blocks may have been told of before their network was.
    for (const cidr of this.#leased.get(networkId) ?? []) pool.addBlock(cidr);
    if (this.#told) this.#keepLeased(networkId, pool);
    this.#pools.set(networkId, pool);
    return pool;
  }

  /** Of an endpoint at an address of this node's. */
  macOf(network: NetworkRecord, address: string): string {
    return this.#options.lan?.leases.macOf(network.id, address) ?? macOf(network.vni, parseAddress(address));
  }

  #isKept(network: string, address: string): boolean {
    return this.#options.state.kept.get(addressKey({ network, address })) !== undefined;
  }

  #note(network: string, address: string): void {
    this.#unclaimed.note(network, address);
    this.#save(network);
  }

  #lease(network: NetworkRecord, pool: AddressPool): Promise<void> {
    const before = pool.openBlocks;
    return this.#leasing.run(network.id, async () => {
      // Somebody who waited before has brought one, or one stays that was about to go.
      if (pool.openBlocks > before) return;
      try {
        const block = await ask(
          this.#options.api,
          'block.lease',
          { network: network.id, heard: this.#options.heard?.() },
          { deadlineMs: leaseDeadlineMs },
        );
        pool.addBlock(block.cidr);
        this.#save(network.id);
      } catch (cause) {
        if (!isFailure(cause, 'unavailable') && !isFailure(cause, 'deadline')) throw cause;
        const message = `this node has no free address of network ${network.name} left, and no server answers to lease more: start one, or wait and try again`;
        throw new Failure('unavailable', message, { cause });
      }
    });
  }

  /** Leases the next block before the last address goes, so that starts do not wait and a server's absence is bridged. */
  #prefetch(networkId: string, pool: AddressPool): void {
    const network = this.#options.view.network(networkId);
    const prefix = Number(pool.blocks.at(-1)?.split('/')[1] ?? 32);
    const low = 2 ** (32 - prefix) / 4;
    if (
      network === undefined ||
      low < 1 ||
      !pool.needsBlock(this.#options.clock.now(), low) ||
      this.#leasing.busy(networkId)
    )
      return;
    this.#lease(network, pool).catch((error: unknown) =>
      this.#options.log.debug('no further block yet', { network: network.name, error }),
    );
  }

  /** Late and for all at once: rests may be forgotten by a kill within half a second, never an address in use. */
  #save(network: string): void {
    if (this.#dirty.size === 0) {
      void this.#options.clock
        .sleep(saveMs)
        .then(async () => {
          const networks = [...this.#dirty];
          this.#dirty.clear();
          for (const each of networks) {
            const pool = this.#pools.get(each);
            if (pool !== undefined) await this.#options.state.pools.set(each, pool.state);
          }
        })
        .catch((error: unknown) => this.#options.log.error('address pools were not saved', { error }));
    }
    this.#dirty.add(network);
  }
}

const gone = (network: string): Failure =>
  new Failure('not-found', `network ${network} is no longer part of the cluster`);
