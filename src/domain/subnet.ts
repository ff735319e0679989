import { type Address, type Family, formatAddress, parseAddress, readAddress, width } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

/** An aligned range of addresses; also a block, and with the full prefix a single address. */
export interface Subnet {
  readonly family: Family;
  /** Its first address; the bits below the prefix are zero. */
  readonly base: bigint;
  readonly prefix: number;
}

/** @throws Failure `invalid`: not CIDR, prefix out of range, host bits set. */
export function parseSubnet(text: string): Subnet {
  const slash = text.indexOf('/');
  const address = readAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) throw new Failure('invalid', `${quoted(text)} is not a subnet: write it like 10.42.0.0/16`);
  const shown = formatAddress(address);
  if (slash < 0) {
    throw new Failure('invalid', `${quoted(text)} has no prefix length: write it like ${shown}/16`);
  }
  const bits = text.slice(slash + 1);
  const longest = width(address.family);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > longest) {
    throw new Failure('invalid', `${quoted(text)} has no valid prefix length: it is a number from 0 to ${longest}`);
  }
  const subnet = subnetOf(address, Number(bits));
  if (subnet.base === address.value) return subnet;
  throw new Failure('invalid', `${shown}/${bits} has host bits set: did you mean ${formatSubnet(subnet)}?`);
}

/** The subnet of this prefix length that an address lies in. */
export function subnetOf(address: Address, prefix: number): Subnet {
  const shift = BigInt(width(address.family) - prefix);
  return { family: address.family, base: (address.value >> shift) << shift, prefix };
}

/** That an address of an interface is in. @param cidr `192.168.1.11/24` */
export function subnetAround(cidr: string): Subnet {
  const [address = '', prefix] = cidr.split('/');
  return subnetOf(parseAddress(address), Number(prefix));
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ family: subnet.family, value: subnet.base })}/${subnet.prefix}`;
}

/** Number of addresses, with network and broadcast. */
export function subnetSize(subnet: Subnet): bigint {
  return 1n << BigInt(width(subnet.family) - subnet.prefix);
}

export function contains(subnet: Subnet, address: Address): boolean {
  if (subnet.family !== address.family) return false;
  const shift = BigInt(width(subnet.family) - subnet.prefix);
  return address.value >> shift === subnet.base >> shift;
}

export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return inner.prefix >= outer.prefix && contains(outer, { family: inner.family, value: inner.base });
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return containsSubnet(a, b) || containsSubnet(b, a);
}

/** The address `offset` after the first. */
export function addressAt(subnet: Subnet, offset: number | bigint): Address {
  return { family: subnet.family, value: subnet.base + BigInt(offset) };
}

/** The one after the network address: what Docker is told as the network's gateway; Trama never assigns it. */
export function firstUsable(subnet: Subnet): Address {
  return addressAt(subnet, 1);
}

/** The one before IPv4's broadcast address; IPv6 has none. */
export function lastUsable(subnet: Subnet): Address {
  return addressAt(subnet, subnetSize(subnet) - (subnet.family === 4 ? 2n : 1n));
}
