/**
 * Addresses of the LAN's own DHCP server, for endpoints of networks made with `--dhcp`. Asked for before there is an endpoint, under
 * the MAC that it will have, at an interface that is there for the asking alone (`trd`, a macvlan in the data namespace); kept while
 * somebody has the address, given back after.
 *
 * INVARIANTS
 *   - a lease is on disk before its address is given to anybody, and until it was given back;
 *   - it is given back when nothing else stands under its MAC, or the server's answers would go there;
 *   - an address whose lease was lost stays where it is: what stands in the LAN under it is told, not cut off.
 */
import {
  dataNamespace,
  Failure,
  fnv1a,
  gatewayName,
  isFailure,
  isMacvlan,
  lanOf,
  macOf,
  type NetworkRecord,
  parentOf,
  placeName,
  probeName,
} from '../domain/domain.ts';
import type { Host } from '../drivers/drivers.ts';
import type { KernelObject } from '../kernel/kernel.ts';
import { type Clock, isNetworkInUse, type Log, type Spawn } from '../platform/platform.ts';
import { every } from './background.ts';
import { type Asking, askDhcp, type Lease, releaseDhcp } from './dhcp.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { addressKey, type LanLease, type LocalEndpoint, type LocalState } from './local-state.ts';

export interface LanLeasesOptions {
  readonly node: string;
  readonly state: Pick<LocalState, 'leases' | 'endpoints'>;
  readonly view: { network(id: string): NetworkRecord | undefined };
  readonly kernel: {
    desire(owner: string, objects: readonly KernelObject[]): void;
    release(owner: string): void;
  };
  /** @throws Failure when something of this owner's could not be done */
  settle(owner: string): Promise<void>;
  host(): Host;
  report(message: string): void;
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 3000;
const settledMs = 2000;
/** How long after a failed renewal it is tried again; a server that starts anew has forgotten nobody by then. */
const againMs = 10_000;

export class LanLeases {
  readonly #options: LanLeasesOptions;
  readonly #queue = new KeyedQueue();
  /** Key of a lease → when its renewal is tried again. */
  readonly #again = new Map<string, number>();
  #asked = 0;

  constructor(options: LanLeasesOptions) {
    this.#options = options;
  }

  /**
   * A new lease.
   * @param own it is for the node itself, whose MAC in the network is always the same
   * @param reserve tells the cluster whose it is; when that is refused, it is given back
   * @throws Failure `unavailable`, and what `reserve` throws
   */
  async obtain(network: NetworkRecord, own: boolean, reserve: (address: string) => Promise<void>): Promise<string> {
    const { node, clock } = this.#options;
    this.#asked += 1;
    const seed = own ? `${network.id} ${node}` : `${network.id} ${node} ${clock.now()} ${this.#asked}`;
    const mac = macOf(network.vni, { family: 4, value: BigInt(fnv1a(seed)) });
    // The node's own MAC may have had a lease that is being given back.
    const lease = await this.#queue.run(probeOwner(network.id, mac), async () => {
      const given = await this.#beside(network, mac, (asking) => askDhcp(this.#options.spawn, asking));
      try {
        await this.#keep(network.id, mac, given);
      } catch (error) {
        // Its server would have fewer and fewer to give while a full disk is written to again and again.
        await this.#giveBack(network, mac, given.address);
        throw error;
      }
      return given;
    });
    try {
      await reserve(lease.address);
      return lease.address;
    } catch (error) {
      this.release(network.id, lease.address);
      throw error;
    }
  }

  /** Of an endpoint at this address. Undefined: it has none of these. */
  macOf(network: string, address: string): string | undefined {
    return this.#options.state.leases.get(addressKey({ network, address }))?.mac;
  }

  /** Nobody has it any more. Nobody waits for it either. Of a network that is gone, `releaseAll` does it. */
  release(networkId: string, address: string): void {
    const network = this.#options.view.network(networkId);
    const lease = this.#options.state.leases.get(addressKey({ network: networkId, address }));
    if (network !== undefined && lease !== undefined) this.#end(network, lease);
  }

  /** The network is gone, and the host has left it. @param network as it was: how its server is reached */
  releaseAll(network: NetworkRecord): void {
    for (const lease of this.#options.state.leases.values())
      if (lease.network === network.id) this.#end(network, lease);
  }

  #end(network: NetworkRecord, { address, mac }: LanLease): void {
    const { state, log } = this.#options;
    const key = addressKey({ network: network.id, address });
    // Once given back, its server may give the address under another MAC, before this is through: that lease stays.
    const standing = () => {
      const lease = state.leases.get(key);
      return lease?.mac === mac ? lease : undefined;
    };
    void this.#queue
      .run(probeOwner(network.id, mac), async () => {
        const lease = standing();
        if (lease === undefined) return;
        await this.#giveBack(network, mac, lease.offered ?? address);
        if (standing() !== undefined) await state.leases.delete(key);
      })
      .catch((error: unknown) => log.error('a lease could not be forgotten on disk', { address, error }));
  }

  /** Until the signal aborts. @param taken whether somebody has the address still */
  async renew(taken: (network: string, address: string) => boolean, signal: AbortSignal): Promise<void> {
    const { state, view } = this.#options;
    await every(this.#options, lookMs, signal, async () => {
      const due = [...state.leases.entries()].filter(([key, lease]) => this.#isDue(key, lease));
      await Promise.all(
        due.map(([key, lease]) => {
          // Nobody will give it back.
          if (view.network(lease.network) === undefined) return this.#hasEnded(lease) && state.leases.delete(key);
          if (!taken(lease.network, lease.address)) return this.release(lease.network, lease.address);
          return this.#queue.run(probeOwner(lease.network, lease.mac), () => this.#renewOne(key, lease));
        }),
      );
    });
  }

  /** After half of its time, as RFC 2131 §4.4.5 has it. */
  #isDue(key: string, { at, seconds }: LanLease): boolean {
    const now = this.#options.clock.now();
    return now >= at + seconds * 500 && now >= (this.#again.get(key) ?? 0);
  }

  #hasEnded({ at, seconds }: LanLease): boolean {
    return this.#options.clock.now() >= at + seconds * 1000;
  }

  async #renewOne(key: string, lease: LanLease): Promise<void> {
    const { state, view, clock, report, spawn } = this.#options;
    const network = view.network(lease.network);
    const { address, mac } = lease;
    if (network === undefined || state.leases.get(key)?.mac !== mac) return;
    try {
      const renewed = await this.#where(network, mac, (asking) => askDhcp(spawn, { ...asking, address }));
      if (renewed.address !== address) {
        if (lease.offered !== renewed.address) await state.leases.set(key, { ...lease, offered: renewed.address });
        throw new Failure('conflict', `it offers ${renewed.address} instead`);
      }
      this.#again.delete(key);
      await this.#keep(network.id, mac, renewed);
    } catch (error) {
      const first = !this.#again.has(key);
      this.#again.set(key, clock.now() + againMs);
      const why = isFailure(error) ? error.message : String(error);
      if (first)
        report(
          `address ${address} of network ${network.name} is not renewed by the LAN's DHCP server: ${why}. It is tried again; restart its container for another address`,
        );
    }
  }

  async #keep(network: string, mac: string, given: Lease): Promise<void> {
    const lease = { ...given, network, mac, at: this.#options.clock.now() };
    await this.#options.state.leases.set(addressKey(lease), lease);
  }

  /** What cannot be given back ends by itself. */
  async #giveBack(network: NetworkRecord, mac: string, address: string): Promise<void> {
    const { spawn, clock, log } = this.#options;
    const cidr = `${address}/${network.subnet.split('/')[1]}`;
    const release = (asking: Asking) => releaseDhcp(spawn, { ...asking, address });
    const once = () => this.#beside(network, mac, release, cidr);
    await once()
      // The interface may just be coming back from a bridge that goes.
      .catch(() => clock.sleep(settledMs).then(once))
      .catch((error: unknown) => log.debug('a lease ends by itself', { address, error }));
  }

  /** A macvlan's MAC is its container's alone: there it is asked under it. */
  async #where<T>(network: NetworkRecord, mac: string, ask: (asking: Asking) => Promise<T>): Promise<T> {
    const sandbox = isMacvlan(network) ? this.#standing(network.id, mac)?.sandbox : undefined;
    if (sandbox === undefined && isMacvlan(network) && this.#isOwn(network.id, mac)) {
      return ask({ path: '/proc/self/ns/net', device: gatewayName(network.vni) });
    }
    if (sandbox === undefined || !(await isNetworkInUse(sandbox.path))) return this.#beside(network, mac, ask);
    return ask({ path: sandbox.path, device: sandbox.interface });
  }

  #standing(network: string, mac: string): LocalEndpoint | undefined {
    const all = [...this.#options.state.endpoints.values()];
    return all.find(({ record }) => record.network === network && record.mac === mac && record.kind === 'container');
  }

  #isOwn(network: string, mac: string): boolean {
    const all = [...this.#options.state.endpoints.values()];
    return all.some(({ record }) => record.network === network && record.mac === mac && record.kind === 'gateway');
  }

  /** At an interface that is there for as long as somebody asks. @param cidr what stands on it meanwhile */
  async #beside<T>(
    network: NetworkRecord,
    mac: string,
    ask: (asking: Asking) => Promise<T>,
    cidr?: string,
  ): Promise<T> {
    const { kernel, settle } = this.#options;
    const name = probeName(mac);
    const owner = probeOwner(network.id, mac);
    const link = { kind: 'link', type: 'macvlan', ns: dataNamespace, name, mac, mtu: network.mtu, up: true } as const;
    kernel.desire(owner, [
      { ...link, lower: { ns: '', name: this.#lower(network) }, mode: 'bridge' },
      ...(cidr === undefined ? [] : [{ kind: 'address', ns: dataNamespace, device: name, cidr } as const]),
    ]);
    try {
      await settle(owner);
      return await ask({ path: `/run/netns/${dataNamespace}`, device: name });
    } finally {
      kernel.release(owner);
      await settle(owner).catch(() => {});
    }
  }

  /** What leads to the LAN now: the bridge that this host is in the network by, or the parent while it is not. */
  #lower(network: NetworkRecord): string {
    const parent = parentOf(network, { interfaces: this.#options.host().interfaces ?? [] });
    const name = lanOf(network)?.parent ?? '';
    const inNetwork = [...this.#options.state.endpoints.values()].some(
      ({ record }) => record.network === network.id && record.kind === 'gateway',
    );
    return isMacvlan(network) || parent?.bridge || !inNetwork ? name : placeName(network.vni);
  }
}

/** Also what its work is queued by: under a MAC one interface asks, for one thing at a time. */
const probeOwner = (network: string, mac: string): string => `dhcp/${network}/${mac}`;
