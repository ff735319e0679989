/** Marks by which Trama's own things are told from everybody else's, from kernel state alone. */
import { createHash } from 'node:crypto';

/** Name of every nft table of ours. */
export const ownTable = 'trama';

/** `proto` number of our routes. */
export const routeProtocol = '84';

/** All-zero MAC: a VXLAN device sends broadcast, multicast and unknown frames to every destination listed for it. */
export const floodMac = '00:00:00:00:00:00';

const linkPatterns = {
  bridge: /^trb\d{1,8}$/,
  vxlan: /^trx\d{1,8}$/,
  veth: /^(tr[gh]\d{1,8}|trv[0-9a-f]{10})$/,
} as const;

/**
 * Whether a link of this name and type is one of ours: trb bridge, trx VXLAN, trg/trh gateway pair (with the VNI), trv
 * endpoint. An endpoint's other end, trp, is not looked at: it belongs to its container.
 */
export function isOwnLink(name: string, type: string | undefined): type is keyof typeof linkPatterns {
  return type !== undefined && type in linkPatterns && linkPatterns[type as keyof typeof linkPatterns].test(name);
}

/** The same question where only the name is known. */
export function isOwnLinkName(name: string): boolean {
  return Object.values(linkPatterns).some((pattern) => pattern.test(name));
}

const otherEnds: Readonly<Record<string, string>> = { trv: 'trp', trp: 'trv', trg: 'trh', trh: 'trg' };

/** The other end of a pair of ours, by convention. */
export function otherEnd(name: string): string {
  return (otherEnds[name.slice(0, 3)] ?? name.slice(0, 3)) + name.slice(3);
}

/** The end of a pair that is created with, and deleted with, the other one. */
export function isSecondEnd(name: string): boolean {
  return name.startsWith('trh') || name.startsWith('trp');
}

/** Comment that marks a rule as ours and says what it was made from. */
export function markOf(text: string): string {
  return `trama:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
