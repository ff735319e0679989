import type { Address } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

/**
 * The MAC of an address in a network, so that an ARP entry that outlived its endpoint is right for the next one.
 *
 * Two bytes say "locally administered, unicast" (IEEE 802 §8.4) and 14 bits of the VNI; four are the address. Within a
 * network distinct IPv4 addresses therefore have distinct MACs. For IPv6 the low 32 bits count, which are all that
 * differ between addresses assigned from blocks.
 */
export function macOf(vni: number, address: Address): string {
  const mark = (vni ^ (vni >>> 14)) & 0x3fff;
  const low = Number(address.value & 0xffffffffn);
  const bytes = [((mark >>> 8) << 2) | 0x02, mark & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A unicast MAC in the form that records use. @throws Failure `invalid` */
export function parseMac(text: string): string {
  const plain = text.toLowerCase();
  const separated = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(plain) || /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/.test(plain);
  if (!separated) {
    throw new Failure('invalid', `${quoted(text)} is not a MAC address: write it like 02:42:0a:2a:00:05`);
  }
  const mac = plain.replaceAll('-', ':');
  if (Number.parseInt(mac.slice(0, 2), 16) & 1 || mac === '00:00:00:00:00:00') {
    throw new Failure(
      'invalid',
      `${mac} is not the MAC address of one interface: its first byte must be even, and not all zero`,
    );
  }
  return mac;
}
