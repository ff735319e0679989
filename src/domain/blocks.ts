/**
 * How a subnet is cut into blocks that nodes lease. Positions in a subnet are numbers, counted from its network address;
 * of a subnet with more than 2^32 addresses (IPv6) only the first 2^32 are used.
 *
 *     0        the network's own address, never assigned
 *     1        what Docker is told as the network's gateway, never assigned
 *     2 … r-1  the reserve: people's fixed addresses; lent one by one, from its end, when blocks have run out
 *     r …      blocks; the last address of IPv4's last block is the broadcast address, never assigned
 *
 * A block in which somebody holds a fixed address is not leased either: its free addresses are lent one by one.
 */
import { type Address, formatAddress, parseAddress, width } from './address.ts';
import { Failure } from './errors.ts';
import { fnv1a } from './hash.ts';
import { addressAt, contains, containsSubnet, formatSubnet, parseSubnet, type Subnet, subnetSize } from './subnet.ts';

/** Where addresses are assigned from: a whole subnet; or, with `within`, a part of one that others have a share in. */
export interface AddressSpace extends Subnet {
  /** The subnet. Of the part every address may be assigned that is not the subnet's own, its broadcast, or its gateway. */
  readonly within?: Subnet;
  readonly gateway?: bigint;
}

export interface BlockLayout {
  readonly subnet: AddressSpace;
  /** Addresses in the subnet, at most 2^32. */
  readonly size: number;
  /** Addresses in a block; a power of two, at most 64. */
  readonly blockSize: number;
  /** Prefix length of a block. */
  readonly blockPrefix: number;
  /** Blocks in the subnet, those of the reserve included. */
  readonly blocks: number;
  /** The first so many are the reserve. */
  readonly reserved: number;
}

/** /16 → blocks of 64 (/26), /24 → 16 (/28), /28 → 4, /30 → 2. The reserve is an eighth, at least one block. */
export function blockLayout(subnet: AddressSpace): BlockLayout {
  const hostBits = Math.min(width(subnet.family) - subnet.prefix, 32);
  const blockBits = Math.min(6, Math.floor(hostBits / 2));
  const blocks = 2 ** (hostBits - blockBits);
  return {
    subnet,
    size: 2 ** hostBits,
    blockSize: 2 ** blockBits,
    blockPrefix: width(subnet.family) - blockBits,
    blocks,
    reserved: Math.max(1, Math.floor(blocks / 8)),
  };
}

/**
 * A block for a node: the first free one from a place that follows from the node's name, so that nodes that ask at the
 * same time seldom want the same one, and a node that comes back finds its former one. Cost: the number of leases.
 * @param leased CIDRs leased in this subnet, single addresses among them
 * @param fixed fixed addresses held in this subnet
 * @returns CIDR, or undefined when no whole block is free
 */
export function chooseBlock(
  subnet: AddressSpace,
  leased: Iterable<string>,
  fixed: Iterable<string>,
  node: string,
): string | undefined {
  const layout = blockLayout(subnet);
  const used = new Set<number>();
  for (const cidr of leased) used.add(blockOf(layout, parseSubnet(cidr).base));
  for (const address of inside(subnet, fixed)) used.add(blockOf(layout, address.value));
  const leasable = layout.blocks - layout.reserved;
  const start = fnv1a(node) % leasable;
  for (let i = 0; i < leasable; i++) {
    const block = layout.reserved + ((start + i) % leasable);
    if (!used.has(block)) return formatBlock(layout, block);
  }
  return undefined;
}

/**
 * A single address for a node, when `chooseBlock` has none: from the end of the reserve, then from blocks that fixed
 * addresses keep from being leased.
 * @returns CIDR with the full prefix length, or undefined when the subnet is full
 */
export function chooseSingle(
  subnet: AddressSpace,
  leased: Iterable<string>,
  fixed: Iterable<string>,
): string | undefined {
  const layout = blockLayout(subnet);
  const whole = new Set<number>();
  const single = new Set<number>();
  const broken = new Set<number>();
  for (const cidr of leased) {
    const lease = parseSubnet(cidr);
    if (lease.prefix < width(lease.family)) whole.add(blockOf(layout, lease.base));
    else single.add(Number(lease.base - subnet.base));
  }
  for (const { value } of inside(subnet, fixed)) {
    single.add(Number(value - subnet.base));
    broken.add(blockOf(layout, value));
  }
  const lend = (offset: number) => `${textAt(layout, offset)}/${width(subnet.family)}`;
  for (let offset = layout.reserved * layout.blockSize - 1; offset >= 0; offset--) {
    if (!single.has(offset) && assignable(layout, offset)) return lend(offset);
  }
  for (const block of broken) {
    if (block < layout.reserved || whole.has(block)) continue;
    const free = offsetsOf(layout, block).find((offset) => !single.has(offset));
    if (free !== undefined) return lend(free);
  }
  return undefined;
}

/** The sentence for whoever waits for an address that is not there. */
export function exhausted(network: string, subnet: string): Failure {
  return new Failure(
    'exhausted',
    `network ${network} (${subnet}) has no address left: remove containers from it, or make a network with a larger subnet`,
  );
}

/** A leased CIDR's addresses that may be assigned, in order. */
export function assignableAddresses(subnet: AddressSpace, cidr: string): string[] {
  const layout = blockLayout(subnet);
  const lease = parseSubnet(cidr);
  const from = Number(lease.base - subnet.base);
  const count = 2 ** (width(lease.family) - lease.prefix);
  const offsets = Array.from({ length: count }, (_, i) => from + i);
  return offsets.filter((offset) => assignable(layout, offset)).map((offset) => textAt(layout, offset));
}

/** A fixed address that somebody asks for. @throws Failure `invalid` */
export function checkFixedAddress(network: string, space: AddressSpace, address: Address): string {
  const shown = formatAddress(address);
  const subnet = space.within ?? space;
  const where = `network ${network} (${formatSubnet(subnet)})`;
  if (!contains(subnet, address))
    throw new Failure('invalid', `${shown} is not in ${where}: choose an address inside it`);
  const layout = blockLayout(space.within === undefined ? space : { ...space, ...subnet });
  const offset = address.value - subnet.base;
  if (offset < layout.size && assignable(layout, Number(offset))) return shown;
  const gateway = space.within === undefined ? offset === 1n : address.value === space.gateway;
  const nominal = space.within === undefined ? 'the nominal gateway' : 'the gateway';
  const why = offset === 0n ? 'the address' : gateway ? nominal : 'the broadcast address';
  throw new Failure('invalid', `${shown} is ${why} of ${where}: choose another address inside it`);
}

/** The block that an address lies in, as CIDR, or undefined for one of the reserve, or of none. */
export function leasableBlockOf(subnet: AddressSpace, address: Address): string | undefined {
  if (!contains(subnet, address)) return undefined;
  const layout = blockLayout(subnet);
  const block = blockOf(layout, address.value);
  return block < layout.reserved ? undefined : formatBlock(layout, block);
}

/** Whether a leased CIDR holds an address. */
export function leaseHolds(cidr: string, address: string): boolean {
  const { family, value } = parseAddress(address);
  return containsSubnet(parseSubnet(cidr), { family, base: value, prefix: width(family) });
}

function blockOf(layout: BlockLayout, value: bigint): number {
  return Math.floor(Number(value - layout.subnet.base) / layout.blockSize);
}

function formatBlock(layout: BlockLayout, block: number): string {
  return `${textAt(layout, block * layout.blockSize)}/${layout.blockPrefix}`;
}

function textAt(layout: BlockLayout, offset: number): string {
  return formatAddress(addressAt(layout.subnet, offset));
}

/** How many addresses there are to assign. */
export function capacityOf(space: AddressSpace): number {
  const { size } = blockLayout(space);
  // Neither the subnet's own address, nor the nominal gateway, nor the broadcast address.
  if (space.within === undefined) return size - 3;
  const { base } = space.within;
  const never = new Set([base, base + subnetSize(space.within) - 1n, space.gateway]);
  const within = [...never].filter((value) => value !== undefined && contains(space, { family: space.family, value }));
  return size - within.length;
}

/** People's fixed addresses may lie outside of what is assigned from. */
const inside = (space: AddressSpace, addresses: Iterable<string>): Address[] =>
  [...addresses].map(parseAddress).filter((address) => contains(space, address));

function assignable(layout: BlockLayout, offset: number): boolean {
  const { within, gateway, base } = layout.subnet;
  if (within !== undefined) {
    const value = base + BigInt(offset);
    return value !== gateway && value !== within.base && value !== within.base + subnetSize(within) - 1n;
  }
  return offset > 1 && !(layout.subnet.family === 4 && offset === layout.size - 1);
}

function offsetsOf(layout: BlockLayout, block: number): number[] {
  const from = block * layout.blockSize;
  return Array.from({ length: layout.blockSize }, (_, i) => from + i).filter((offset) => assignable(layout, offset));
}
