/**
 * A node's addresses in one network: what it assigns from its leased blocks, alone and at no round trip.
 *
 * Invariants
 *   - every assigned address was in a block of this pool when it was assigned, and no two are equal;
 *   - an address of a block lies in exactly one of: fresh, taken, resting, yielded; or its block is being given back, and it in
 *     none, unless it is taken or yielded;
 *   - fresh ones (never assigned) go first; a released one rests, and the one that has been free longest goes next.
 *
 * All calls are synchronous, so concurrent starts of containers are served one after the other.
 */
import { type AddressSpace, assignableAddresses } from './blocks.ts';
import { parseSubnet } from './subnet.ts';

/** How long a released address rests, in ms: longer than a TCP connection's or a DNS answer's memory of it. */
export const defaultRestMs = 60_000;

/** A pool as JSON: what a restarted agent must know so that addresses in use stay in use, and rests go on. */
export interface PoolState {
  /** CIDRs, in the order in which they were leased. */
  readonly blocks: readonly string[];
  readonly taken: readonly string[];
  /** Address and time of its release, the longest-free first. */
  readonly resting: readonly (readonly [address: string, releasedAt: number])[];
  readonly yielded: readonly string[];
}

const emptyPool: PoolState = { blocks: [], taken: [], resting: [], yielded: [] };

export class AddressPool {
  readonly #subnet: AddressSpace;
  readonly #restMs: number;
  /** Block → its assignable addresses. */
  readonly #blocks = new Map<string, readonly string[]>();
  /** Address → its block, for all blocks. */
  readonly #blockOf = new Map<string, string>();
  readonly #fresh = new Set<string>();
  readonly #taken = new Set<string>();
  /** In order of release. */
  readonly #resting = new Map<string, number>();
  readonly #yielded = new Set<string>();
  /** Blocks that are being given back. */
  readonly #returning = new Set<string>();

  constructor(space: AddressSpace | string, state: PoolState = emptyPool, restMs: number = defaultRestMs) {
    this.#subnet = typeof space === 'string' ? parseSubnet(space) : space;
    this.#restMs = restMs;
    for (const cidr of state.blocks) this.addBlock(cidr);
    for (const address of state.yielded) this.#move(address, this.#yielded);
    for (const address of state.taken) this.#move(address, this.#taken);
    for (const [address, releasedAt] of state.resting) {
      if (this.#fresh.delete(address)) this.#resting.set(address, releasedAt);
    }
  }

  get state(): PoolState {
    return {
      blocks: [...this.#blocks.keys()],
      taken: [...this.#taken],
      resting: [...this.#resting],
      yielded: [...this.#yielded],
    };
  }

  /** How many of its addresses are in use, free, and resting. */
  get counts(): { readonly used: number; readonly free: number; readonly resting: number } {
    return { used: this.#taken.size, free: this.#fresh.size, resting: this.#resting.size };
  }

  get blocks(): readonly string[] {
    return [...this.#blocks.keys()];
  }

  /** How many blocks it assigns from: not those that are being given back. */
  get openBlocks(): number {
    return this.#blocks.size - this.#returning.size;
  }

  get taken(): ReadonlySet<string> {
    return this.#taken;
  }

  /** Whether a block of the pool holds the address. */
  holds(address: string): boolean {
    return this.#blockOf.has(address);
  }

  /** Nothing happens if the pool has it already. */
  addBlock(cidr: string): void {
    if (this.#blocks.has(cidr)) return;
    const addresses = assignableAddresses(this.#subnet, cidr);
    this.#blocks.set(cidr, addresses);
    for (const address of addresses) this.#blockOf.set(address, cidr);
    this.#freshen(addresses);
  }

  /** Nothing of the block is assigned until it is kept after all, or removed. */
  giveBack(cidr: string): void {
    const addresses = this.#blocks.get(cidr);
    if (addresses === undefined) return;
    this.#returning.add(cidr);
    for (const address of addresses) {
      this.#fresh.delete(address);
      this.#resting.delete(address);
    }
  }

  /** It went. Nothing happens if it has been leased anew by then. */
  gaveBack(cidr: string): void {
    if (this.#returning.has(cidr)) this.removeBlock(cidr);
  }

  /** It could not be given back: what is nobody's of it may be assigned again. */
  keepBlock(cidr: string): void {
    if (this.#returning.delete(cidr)) this.#freshen(this.#blocks.get(cidr) ?? []);
  }

  /** The block that holds the address, if it is being given back. */
  returning(address: string): string | undefined {
    const cidr = this.#blockOf.get(address);
    return cidr !== undefined && this.#returning.has(cidr) ? cidr : undefined;
  }

  /** @returns addresses of the block that are taken: they stay so until released, and are not assigned again. */
  removeBlock(cidr: string): string[] {
    const addresses = this.#blocks.get(cidr) ?? [];
    this.#blocks.delete(cidr);
    this.#returning.delete(cidr);
    for (const address of addresses) {
      this.#blockOf.delete(address);
      this.#fresh.delete(address);
      this.#resting.delete(address);
      this.#yielded.delete(address);
    }
    return addresses.filter((address) => this.#taken.has(address));
  }

  /**
   * @param now ms
   * @param wanted exactly this address; it need not have rested, since who wants it again knows what it was
   * @returns the address, now taken; undefined when there is none to give
   */
  assign(now: number, wanted?: string): string | undefined {
    const address = wanted ?? this.#next(now);
    if (address === undefined || !(this.#fresh.delete(address) || this.#resting.delete(address))) return undefined;
    this.#taken.add(address);
    return address;
  }

  /** Marks as taken what a running container was found to have. Also for addresses outside the pool's blocks. */
  take(address: string): void {
    this.#fresh.delete(address);
    this.#resting.delete(address);
    this.#yielded.delete(address);
    this.#taken.add(address);
  }

  /** Nothing happens if it is not taken. */
  release(address: string, now: number): void {
    if (this.#taken.delete(address) && this.#blockOf.has(address) && this.returning(address) === undefined)
      this.#resting.set(address, now);
  }

  /** Gives an address away for good. @returns false when it is taken, and stays so. */
  yield(address: string): boolean {
    if (this.#taken.has(address)) return false;
    if (this.#blockOf.has(address)) this.#move(address, this.#yielded);
    return true;
  }

  /** It was taken, but is somebody's already. */
  neverAssign(address: string): void {
    this.#taken.delete(address);
    if (this.#blockOf.has(address)) this.#move(address, this.#yielded);
  }

  rests(address: string): boolean {
    return this.#resting.has(address);
  }

  /** How many could be assigned now. Cost: the number of those at rest. */
  free(now: number): number {
    let rested = 0;
    for (const releasedAt of this.#resting.values()) if (this.#rested(releasedAt, now)) rested++;
    return this.#fresh.size + rested;
  }

  /** Fewer than `low` addresses could be assigned now: time to lease another block. */
  needsBlock(now: number, low: number): boolean {
    return this.#fresh.size < low && this.free(now) < low;
  }

  /** When the next resting address may be assigned again, ms; undefined when none rests. */
  nextRested(): number | undefined {
    const [releasedAt] = this.#resting.values();
    return releasedAt === undefined ? undefined : releasedAt + this.#restMs;
  }

  /** Blocks that could be given back: nothing taken, all rested. What was yielded is another's by itself. */
  idleBlocks(now: number): string[] {
    const idle = (address: string) => {
      const releasedAt = this.#resting.get(address);
      return (
        this.#fresh.has(address) ||
        this.#yielded.has(address) ||
        (releasedAt !== undefined && this.#rested(releasedAt, now))
      );
    };
    return [...this.#blocks].filter(([, addresses]) => addresses.every(idle)).map(([cidr]) => cidr);
  }

  /** Whether without this block enough could be assigned now that another would not soon be leased in its place. */
  isSpare(cidr: string, now: number): boolean {
    const size = this.#blocks.get(cidr)?.length ?? 0;
    return this.free(now) - size >= size / 2;
  }

  #next(now: number): string | undefined {
    const [fresh] = this.#fresh;
    if (fresh !== undefined) return fresh;
    const [longest] = this.#resting;
    if (longest === undefined) return undefined;
    const [address, releasedAt] = longest;
    // The clock was set back: the rest begins anew rather than lasting until the old time comes again.
    if (releasedAt > now) for (const [each, at] of this.#resting) if (at > now) this.#resting.set(each, now);
    return this.#rested(releasedAt, now) ? address : undefined;
  }

  #rested(releasedAt: number, now: number): boolean {
    return now - releasedAt >= this.#restMs;
  }

  #freshen(addresses: readonly string[]): void {
    for (const address of addresses)
      if (!this.#taken.has(address) && !this.#yielded.has(address)) this.#fresh.add(address);
  }

  #move(address: string, into: Set<string>): void {
    this.#fresh.delete(address);
    this.#resting.delete(address);
    into.add(address);
  }
}
