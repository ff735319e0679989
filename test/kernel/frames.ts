/** Ethernet frames, packets and datagrams as bytes, made by hand: what a well-behaved stack would never send. */
import { macOf, parseAddress, parseMac } from '../../src/domain/domain.ts';

export interface Station {
  readonly mac: string;
  readonly address: string;
}

const bytes = (...parts: readonly (number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
const u16 = (value: number) => Uint8Array.of(value >>> 8, value & 255);
const mac = (text: string) => Uint8Array.from(parseMac(text).split(':'), (part) => Number.parseInt(part, 16));
const broadcast = new Uint8Array(6).fill(255);

const ip = (text: string) => {
  const { value } = parseAddress(text);
  return Uint8Array.from([24n, 16n, 8n, 0n], (shift) => Number((value >> shift) & 255n));
};

export const text = (word: string) => new TextEncoder().encode(word);
export const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

export function ethernet(from: string, to: string | undefined, type: number, payload: Uint8Array): Uint8Array {
  return bytes(to === undefined ? broadcast : mac(to), mac(from), u16(type), payload);
}

/** A frame to an 802.1D reserved group address, which a bridge takes before its filters. */
export function reservedGroup(from: string): Uint8Array {
  return bytes(Uint8Array.of(0x01, 0x80, 0xc2, 0, 0, 0x0e), mac(from), u16(0x88cc), new Uint8Array(46));
}

/** @param tag EtherType of the tag, with VLAN 0 */
export function tagged(frame: Uint8Array, tag: number): Uint8Array {
  return bytes(frame.subarray(0, 12), u16(tag), u16(0), frame.subarray(12));
}

/** An ARP reply; `mark` in its padding. */
export function arpReply(sender: Station, target: Station, mark: string): Uint8Array {
  const head = bytes(u16(1), u16(0x0800), 6, 4, u16(2));
  return bytes(head, mac(sender.mac), ip(sender.address), mac(target.mac), ip(target.address), text(mark.padEnd(18)));
}

export function arpRequest(sender: Station, address: string): Uint8Array {
  const head = bytes(u16(1), u16(0x0800), 6, 4, u16(1));
  return bytes(head, mac(sender.mac), ip(sender.address), new Uint8Array(6), ip(address));
}

/** UDP without a checksum. */
export function udp(port: number, payload: Uint8Array): Uint8Array {
  return bytes(u16(40_000), u16(port), u16(8 + payload.length), u16(0), payload);
}

/** @param offset in bytes, a multiple of 8; `more`: fragments follow */
export function ipv4(from: string, to: string, payload: Uint8Array, offset = 0, more = false): Uint8Array {
  const fragment = u16((offset / 8) | (more ? 0x2000 : 0));
  const head = bytes(0x45, 0, u16(20 + payload.length), u16(0x7a7a), fragment, 64, 17, u16(0), ip(from), ip(to));
  return bytes(head.subarray(0, 10), u16(checksum(head)), head.subarray(12), payload);
}

/** Between link-local addresses, with the protocol that says that nothing follows. */
export function ipv6(payload: Uint8Array): Uint8Array {
  const address = (last: number) => bytes(Uint8Array.of(0xfe, 0x80), new Uint8Array(13), last);
  return bytes(0x60, 0, 0, 0, u16(payload.length), 59, 64, address(1), address(2), payload);
}

/** RFC 7348: flags with the I bit, VNI, the inner frame. */
export function vxlan(vni: number, inner: Uint8Array): Uint8Array {
  return bytes(8, 0, 0, 0, vni >>> 16, (vni >>> 8) & 255, vni & 255, 0, inner);
}

export const station = (vni: number, address: string): Station => ({
  address,
  mac: macOf(vni, parseAddress(address)),
});

function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += ((header[i] ?? 0) << 8) | (header[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
