/** Bytes as text: Z85 (ZeroMQ RFC 32), base64url without padding (RFC 4648 §5), and CRC-32 (ISO 3309). */

const z85Digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** @param bytes a multiple of 4 */
export function encodeZ85(bytes: Uint8Array): string {
  if (bytes.length % 4 !== 0) throw new RangeError('Z85 encodes groups of 4 bytes');
  let text = '';
  for (let i = 0; i < bytes.length; i += 4) {
    let value = bytes.subarray(i, i + 4).reduce((sum, byte) => sum * 256 + byte, 0);
    let group = '';
    for (let j = 0; j < 5; j++) {
      group = z85Digits.charAt(value % 85) + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** @returns undefined when it is not Z85. */
export function decodeZ85(text: string): Uint8Array | undefined {
  if (text.length % 5 !== 0) return undefined;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i += 5) {
    let value = 0;
    for (const digit of text.slice(i, i + 5)) {
      const at = z85Digits.indexOf(digit);
      if (at < 0) return undefined;
      value = value * 85 + at;
    }
    if (value > 0xffffffff) return undefined;
    bytes.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  }
  return Uint8Array.from(bytes);
}

export function encodeBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = bytes.subarray(i, i + 3);
    const value = ((group[0] ?? 0) << 16) | ((group[1] ?? 0) << 8) | (group[2] ?? 0);
    for (let j = 0; j <= group.length; j++) text += base64Digits.charAt((value >>> (18 - 6 * j)) & 63);
  }
  return text;
}

/** @returns undefined when it is not base64url, or not the one way to write its bytes. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const digit of text) {
    const at = base64Digits.indexOf(digit);
    if (at < 0) return undefined;
    value = ((value << 6) | at) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >>> bits) & 255);
    }
  }
  const leftover = value & ((1 << bits) - 1);
  return bits >= 6 || leftover !== 0 ? undefined : Uint8Array.from(bytes);
}

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
