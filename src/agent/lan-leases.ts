/**
 * Addresses of the LAN's own DHCP server, for endpoints of networks made with `--dhcp`. Asked for before there is an endpoint, under
 * the MAC that it will have, at an interface that is there for the asking alone (`trd`, a macvlan in the data namespace); kept while
 * somebody has the address, given back after.
 *
 * INVARIANTS
 *   - a lease is on disk before its address is given to anybody, and until it was given back;
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
import { type Asking, askDhcp, type Lease, releaseDhcp } from './dhcp.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { addressKey, type LanLease, type LocalEndpoint, type LocalState } from './local-state.ts';
import { every } from './membership.ts';

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
    const lease = await this.#beside(network, mac, (asking) => askDhcp(this.#options.spawn, asking));
    await this.#keep(network.id, mac, lease);
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

  /** Nobody has it any more. Nobody waits for it either. */
  release(network: string, address: string): void {
    const key = addressKey({ network, address });
    const lease = this.#options.state.leases.get(key);
    if (lease === undefined) return;
    void this.#queue.run(key, async () => {
      const { state, clock, log } = this.#options;
      await this.#giveBack(lease)
        // The interface may just be coming back from a bridge that goes.
        .catch(() => clock.sleep(settledMs).then(() => this.#giveBack(lease)))
        .catch((error: unknown) => log.debug('a lease ends by itself', { address, error }));
      await state.leases.delete(key);
    });
  }

  /** The network is gone, and how to reach its server with it. */
  async forget(network: string): Promise<void> {
    const { leases } = this.#options.state;
    for (const [key, lease] of [...leases.entries()]) if (lease.network === network) await leases.delete(key);
  }

  /** Until the signal aborts. @param taken whether somebody has the address still */
  async renew(taken: (network: string, address: string) => boolean, signal: AbortSignal): Promise<void> {
    await every(this.#options, lookMs, signal, async () => {
      const due = [...this.#options.state.leases.entries()].filter(([key, lease]) => this.#isDue(key, lease));
      await Promise.all(
        due.map(([key, lease]) => {
          if (!taken(lease.network, lease.address)) return this.release(lease.network, lease.address);
          return this.#queue.run(key, () => this.#renewOne(key, lease));
        }),
      );
    });
  }

  /** After half of its time, as RFC 2131 §4.4.5 has it. */
  #isDue(key: string, { at, seconds }: LanLease): boolean {
    const now = this.#options.clock.now();
    return now >= at + seconds * 500 && now >= (this.#again.get(key) ?? 0);
  }

  async #renewOne(key: string, lease: LanLease): Promise<void> {
    const { state, view, clock, report, spawn } = this.#options;
    const network = view.network(lease.network);
    if (network === undefined || state.leases.get(key) === undefined) return;
    const { address, mac } = lease;
    try {
      const ask = async (asking: Asking) => {
        const renewed = await askDhcp(spawn, { ...asking, address });
        if (renewed.address === address) return renewed;
        throw new Failure('conflict', `it offers ${renewed.address} instead`);
      };
      const renewed = await this.#where(network, mac, ask);
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

  async #giveBack({ network: id, mac, address }: LanLease): Promise<void> {
    const network = this.#options.view.network(id);
    if (network === undefined) return;
    const cidr = `${address}/${network.subnet.split('/')[1]}`;
    const release = (asking: Asking) => releaseDhcp(this.#options.spawn, { ...asking, address });
    await this.#beside(network, mac, release, cidr);
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
    const owner = `dhcp/${network.id}/${mac}`;
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
