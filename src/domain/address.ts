/** IPv4 and IPv6 addresses as one type. Text forms: strict dotted decimal (RFC 6943 §3.1.1), and RFC 5952. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** 32 or 128 bits, network order. */
  readonly value: bigint;
}

/** Bits of an address. */
export const width = (family: Family): number => (family === 4 ? 32 : 128);

/** @throws Failure `invalid`. Accepts no prefix length, zone, port, space, octal or shortened IPv4. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (address) return address;
  throw new Failure('invalid', `${quoted(text)} is not an IP address: write it like 10.42.0.5`);
}

export function isAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/** The address in the form that records use. @throws Failure `invalid` */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

export function formatAddress(address: Address): string {
  return address.family === 4 ? formatV4(address.value) : formatV6(address.value);
}

export function readAddress(text: string): Address | undefined {
  const family: Family = text.includes(':') ? 6 : 4;
  const value = family === 4 ? readV4(text) : readV6(text);
  return value === undefined ? undefined : { family, value };
}

function readV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

function readV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => readGroups(half, i === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const given = head.length + (tail?.length ?? 0);
  // `::` stands for at least one group.
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Groups between colons; the last may be dotted IPv4. */
function readGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    const dotted = last && i === parts.length - 1 && part.includes('.') ? readV4(part) : undefined;
    if (dotted !== undefined) groups.push(Number(dotted >> 16n), Number(dotted & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function formatV4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

function formatV6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatV4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  // RFC 5952 §4.2.2: a single zero group is not shortened.
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** The first of the longest runs of zeros (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  }
  return best;
}
