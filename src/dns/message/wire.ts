/** Numbers of RFC 1035 §3.2 and §4.1, RFC 6891 (EDNS). */

export const types = { a: 1, soa: 6, ptr: 12, aaaa: 28, opt: 41, ixfr: 251, axfr: 252, any: 255 } as const;

export const classes = { internet: 1, any: 255 } as const;

export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  /** Its upper bits stand in the OPT record. */
  badVersion: 16,
} as const;

/** Bits of a header's third byte. */
export const flags = {
  response: 0x80,
  opcode: 0x78,
  authoritative: 0x04,
  truncated: 0x02,
  recursionDesired: 0x01,
} as const;

/** Bits of a header's fourth byte. */
export const lowerFlags = { recursionAvailable: 0x80, checkingDisabled: 0x10, rcode: 0x0f } as const;

export const headerSize = 12;

/** Bytes of a datagram that everybody takes, and that no path cuts into fragments (DNS flag day 2020). */
export const datagram = { least: 512, most: 1232 } as const;

/** A name as labels, uncompressed. Its own rule is checked where people give it. */
export function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}
