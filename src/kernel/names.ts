/** Marks by which Trama's own things are told from everybody else's, from kernel state alone. */
import { createHash } from 'node:crypto';

/** Name of every nft table of ours. */
export const ownTable = 'trama';

/** All-zero MAC: a VXLAN device sends broadcast, multicast and unknown frames to every destination listed for it. */
export const floodMac = '00:00:00:00:00:00';

const linkPatterns = {
  bridge: /^tr[bl]\d{1,8}$/,
  vxlan: /^trx\d{1,8}$/,
  macvlan: /^(trg\d{1,8}|tr[md][0-9a-f]{10})$/,
  veth: /^(tr[ghuw]\d{1,8}|trv[0-9a-f]{10}|trg-[0-9a-f]{10})$/,
} as const;

/**
 * Whether a link of this name and type is one of ours: trb bridge, trx VXLAN, trg gateway (with the VNI), trv
 * endpoint, trg- endpoint without a bridge; trl bridge in the place of a host's interface, tru/trw pair from there to trb, trm
 * endpoint in a LAN, trd what asks a LAN for addresses. An endpoint's other end, trp, is not looked at: it belongs to its container.
 * (Gateways once were pairs, trg and trh: what is left of one is told as ours, too, and goes.)
 */
export function isOwnLink(name: string, type: string | undefined): type is keyof typeof linkPatterns {
  return type !== undefined && type in linkPatterns && linkPatterns[type as keyof typeof linkPatterns].test(name);
}

/** The same question where only the name is known. */
export function isOwnLinkName(name: string): boolean {
  return Object.values(linkPatterns).some((pattern) => pattern.test(name));
}

/** A bridge in the place of an interface of the host's: what stands on it is the host's, and none of ours. */
export const isPlace = (name: string): boolean => /^trl\d{1,8}$/.test(name);

const placeMark = 'in-place-of:';

/** Alias of such a bridge, and whose place the alias tells of. */
export const placeAlias = (device: string): string => `${placeMark}${device}`;
export const placeOfAlias = (alias: string | undefined): string | undefined =>
  alias?.startsWith(placeMark) ? alias.slice(placeMark.length) : undefined;

const otherEnds: Readonly<Record<string, string>> = {
  ...{ trv: 'trp', trp: 'trv', trg: 'trh', trh: 'trg' },
  ...{ tru: 'trw', trw: 'tru' },
};

/** The other end of a pair of ours, by convention. */
export function otherEnd(name: string): string {
  if (name.startsWith('trg-')) return `trp${name.slice(4)}`;
  return (otherEnds[name.slice(0, 3)] ?? name.slice(0, 3)) + name.slice(3);
}

/** The end of a pair that is created with, and deleted with, the other one. */
export function isSecondEnd(name: string): boolean {
  return ['trh', 'trp', 'trw'].some((end) => name.startsWith(end));
}

/** The device that a gateway stands on, by convention. */
export function lowerName(name: string): string {
  return `trb${name.slice(3)}`;
}

/** Comment that marks a rule as ours and says what it was made from. */
export function markOf(text: string): string {
  return `trama:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
